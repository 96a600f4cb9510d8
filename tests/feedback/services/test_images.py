"""Images: stored under random names, blurred, deleted with their files, purged when orphaned."""

import datetime
import io
import os

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.utils import timezone
from PIL import Image

from feedback.models import Classification, Erasure, StoredImage
from feedback.services import images
from tests.conftest import noise

pytestmark = pytest.mark.django_db
HOUR = datetime.timedelta(hours=1)


def test_an_image_is_stored_as_it_is_under_a_name_that_tells_nothing() -> None:
    pixels = noise(1)
    first, second = images.store(pixels), images.store(pixels)
    assert np.array_equal(images.pixels_of(first), pixels)
    assert first.sha256 == second.sha256
    assert first.file.name != second.file.name
    assert first.sha256[:12] not in first.file.name
    assert first.name != second.name


def test_a_blurred_image_has_a_dozen_grey_pixels_a_side() -> None:
    with Image.open(io.BytesIO(images.blurred(images.store(noise(1, (80, 60)))))) as blurred:
        assert (blurred.mode, blurred.size) == ("L", (12, 9))


@pytest.mark.django_db(transaction=True)
def test_images_of_a_report_are_deleted_with_their_files_and_recorded_for_erasure(paired) -> None:
    report, other = paired(1), paired(5)
    files = {image.file.name for image in StoredImage.objects.filter(example__report=report)}
    names = set(StoredImage.objects.filter(example__report=report).values_list("name", flat=True))

    images.delete_images(report=report)

    assert len(files) == 2
    assert not any(storages["images"].exists(file) for file in files)
    assert set(Erasure.objects.values_list("report", "file")) == {(report.pk, f) for f in files}
    assert set(Erasure.objects.values_list("name", flat=True)) == names
    assert StoredImage.objects.filter(example__report=other).count() == 2
    assert report.examples.filter(image=None).count() == 2


@pytest.mark.django_db(transaction=True)
def test_no_file_is_deleted_when_the_transaction_fails(filed, monkeypatch) -> None:
    report = filed()
    image = StoredImage.objects.get()
    monkeypatch.setattr(Erasure.objects, "create", lambda **fields: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        images.delete_images(report=report)
    assert storages["images"].exists(image.file.name)
    assert StoredImage.objects.get() == image


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


def test_near_duplicates_of_reports_share_the_oldest_ones_cluster(queued) -> None:
    first, second, other = (queued(seed).examples.get().image for seed in (1, 1, 2))
    StoredImage.objects.filter(pk=second.pk).update(sha256="2" * 64)  # alike, not equal
    StoredImage.objects.update(cluster=None)
    for image in (first, second, other):
        image.refresh_from_db()
        images.join_cluster(image)
    clusters = dict(StoredImage.objects.values_list("pk", "cluster"))
    assert clusters == {first.pk: first.pk, second.pk: first.pk, other.pk: other.pk}


def test_equal_images_share_a_cluster_even_if_they_are_too_plain_to_compare(queued) -> None:
    first, second = (queued(1).examples.get().image for _ in range(2))
    StoredImage.objects.update(cluster=None, pdq_quality=0)
    for image in (second, first):  # both are screened at once
        image.refresh_from_db()
        images.join_cluster(image)
    assert set(StoredImage.objects.values_list("cluster", flat=True)) == {first.pk}


def test_an_image_joins_the_cluster_that_its_near_duplicates_have(queued) -> None:
    first, second = (queued(1).examples.get().image for _ in range(2))
    StoredImage.objects.filter(pk=first.pk).update(cluster=7)
    images.join_cluster(second)
    second.refresh_from_db()
    assert second.cluster == 7


def test_an_image_that_a_visitor_tries_is_in_nobodys_cluster(judged, queued) -> None:
    tried = judged(1).image
    StoredImage.objects.filter(pk=tried.pk).update(cluster=tried.pk)
    reported = queued(1).examples.get().image
    StoredImage.objects.filter(pk=reported.pk).update(cluster=None)
    reported.refresh_from_db()
    images.join_cluster(reported)
    assert reported.cluster == reported.pk


def test_images_of_reports_and_young_ones_are_not_purged(queued) -> None:
    reported = queued().examples.get().image
    Classification.objects.all().delete()
    StoredImage.objects.update(created_at=timezone.now() - 2 * HOUR)
    young = images.store(noise(2))
    images.purge_orphans()
    assert set(StoredImage.objects.all()) == {reported, young}


def test_a_file_whose_row_is_gone_is_deleted(judged) -> None:
    name = judged().image.file.name
    images.delete_file(name)
    assert not storages["images"].exists(name)
    images.delete_file(name)  # none is no error
