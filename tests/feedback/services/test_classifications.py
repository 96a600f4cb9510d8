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


def test_images_are_deleted_in_minutes_and_answers_in_a_day(judged):
    young, old, older = judged(1), judged(2), judged(3)
    aged(old, HOUR)
    aged(older, 25 * HOUR)

    classifications.delete_expired()

    assert {row.pk: row.image for row in Classification.objects.all()} == {
        young.pk: young.image,
        old.pk: None,
    }
    assert StoredImage.objects.get() == young.image


def test_an_image_of_a_report_is_not_deleted_with_the_answer(judged, filed):
    shown = aged(judged(), HOUR)
    report = filed(classifications=[shown])

    classifications.delete_image(shown)

    assert report.examples.get().image == shown.image


def test_images_that_a_crash_left_behind_are_purged(judged):
    tried = judged(1)
    images.store(noise(2))
    StoredImage.objects.update(created_at=timezone.now() - 2 * HOUR)

    images.purge_orphans()

    assert StoredImage.objects.get() == tried.image


@pytest.mark.parametrize("name", ["images", "incoming"])
def test_files_that_no_row_names_are_purged_after_an_hour(judged, name):
    storage = storages[name]
    image = judged().image
    waiting = Classification()
    waiting.upload.save("upload", ContentFile(b"an image"))
    lost = storage.save("ab/lost.png", ContentFile(b"an image"))
    named = [file for file in (image.file, waiting.upload) if file.storage == storage]
    for file in [*(file.name for file in named), lost]:
        os.utime(storage.path(file), times=(0, 0))
    young = storage.save("ab/young.png", ContentFile(b"an image"))

    images.purge_orphans()

    assert not storage.exists(lost)
    assert storage.exists(young)
    assert all(storage.exists(file.name) for file in named)
