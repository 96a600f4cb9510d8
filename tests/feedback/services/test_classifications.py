import datetime
import os

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.utils import timezone

from feedback.models import Classification, StoredImage
from feedback.services import classifications, images
from tests.conftest import noise

pytestmark = pytest.mark.django_db
HOUR = datetime.timedelta(hours=1)


def aged(classification: Classification, by: datetime.timedelta) -> Classification:
    old = Classification.objects.filter(pk=classification.pk)
    old.update(created_at=timezone.now() - by)
    return old.get()


def test_pixels_are_forgotten_in_minutes_and_the_answer_in_a_day(judged):
    young, old, older = judged(1), judged(2), judged(3)
    aged(old, HOUR)
    aged(older, 25 * HOUR)

    classifications.delete_expired()

    assert {one.pk: one.image for one in Classification.objects.all()} == {
        young.pk: young.image,
        old.pk: None,
    }
    assert StoredImage.objects.get() == young.image


def test_pixels_that_a_report_took_over_are_not_forgotten_with_the_answer(judged, filed):
    shown = aged(judged(), HOUR)
    report = filed(classifications=[shown])

    classifications.delete_image(shown)

    assert report.examples.get().image == shown.image


def test_pixels_that_a_crash_left_behind_are_swept(judged):
    kept = judged(1)
    images.store(noise(2))
    StoredImage.objects.update(created_at=timezone.now() - 2 * HOUR)

    images.purge_orphans()

    assert StoredImage.objects.get() == kept.image


@pytest.mark.parametrize("name", ["images", "incoming"])
def test_files_that_no_row_names_are_swept_after_an_hour(judged, name):
    storage = storages[name]
    image = judged().image
    waiting = Classification()
    waiting.upload.save("upload", ContentFile(b"an image"))
    lost = storage.save("ab/lost.png", ContentFile(b"an image"))
    known = [file for file in (image.file, waiting.upload) if file.storage == storage]
    for file in [*(one.name for one in known), lost]:
        os.utime(storage.path(file), times=(0, 0))
    young = storage.save("ab/young.png", ContentFile(b"an image"))

    images.purge_orphans()

    assert not storage.exists(lost)
    assert storage.exists(young)
    assert all(storage.exists(file.name) for file in known)
