"""Classifying, judging and occluding, as the worker does it."""

import errno
from types import SimpleNamespace

import pytest
import redis
from django.conf import settings as django_settings

from feedback.errors import StorageFull
from feedback.models import Classification, StoredImage
from feedback.services import classifications, images, models, occlusions
from tests.cast import upload
from worker.tasks import inference


class Neutral:
    """A model that calls every image neutral."""

    def classify(self, pixels) -> SimpleNamespace:
        return SimpleNamespace(label="neutral", scores={"neutral": 1.0})


@pytest.fixture
def waiting(champion, monkeypatch) -> Classification:
    monkeypatch.setattr(models, "classifier_of", lambda model: Neutral())
    return classifications.submit(upload=upload())


def is_notified(classification: Classification) -> bool:
    with redis.Redis.from_url(django_settings.REDIS_URL) as client:
        return bool(client.exists(f"notification:{classification.pk}"))


def test_visitor_is_notified_of_the_answer(waiting) -> None:
    inference.classify_task(str(waiting.pk))
    waiting.refresh_from_db()
    assert (waiting.status, waiting.label) == ("done", "neutral")
    assert is_notified(waiting)


def test_visitor_does_not_wait_until_the_image_is_stored(waiting, monkeypatch) -> None:
    def store(pixels):
        waiting.refresh_from_db()
        assert (waiting.status, waiting.image) == ("done", None)
        assert is_notified(waiting)
        return original(pixels)

    original = images.store
    monkeypatch.setattr(images, "store", store)
    inference.classify_task(str(waiting.pk))
    waiting.refresh_from_db()
    assert waiting.image.sha256 == waiting.image_sha256 != ""
    assert not waiting.upload


def test_an_image_that_does_not_fit_is_answered_and_not_reported(
    waiting, filed, monkeypatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(images, "store", full_disk)
        with pytest.raises(OSError, match="No space"):
            inference.classify_task(str(waiting.pk))
    waiting.refresh_from_db()
    assert (waiting.status, waiting.image, waiting.upload.name) == ("done", None, "")
    with pytest.raises(StorageFull):
        filed(classifications=[waiting])


def full_disk(pixels) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_an_image_that_is_deleted_meanwhile_is_not_kept(waiting, monkeypatch) -> None:
    def store(pixels):
        classifications.delete_image(Classification.objects.get())
        return original(pixels)

    original = images.store
    monkeypatch.setattr(images, "store", store)
    inference.classify_task(str(waiting.pk))
    waiting.refresh_from_db()
    assert (waiting.status, waiting.image) == ("done", None)
    assert not StoredImage.objects.exists()


def test_visitor_does_not_wait_for_a_classifier_that_fails(waiting, monkeypatch) -> None:
    monkeypatch.setattr(models, "classifier_of", lambda model: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        inference.classify_task(str(waiting.pk))
    waiting.refresh_from_db()
    assert waiting.status == "failed"
    assert not waiting.upload
    assert is_notified(waiting)


def test_report_is_judged_by_the_model_in_service(filed, champion, monkeypatch) -> None:
    monkeypatch.setattr(models, "classifier_of", lambda model: Neutral())
    report = filed()
    report.examples.get().scores.all().delete()
    inference.judge_report_task(report.pk)
    assert report.examples.get().scores.get().model == champion


@pytest.mark.parametrize(("more", "enqueued"), [(True, 1), (False, 0)])
def test_occlusion_goes_on_while_rows_are_left(
    db, monkeypatch, django_capture_on_commit_callbacks, more, enqueued
) -> None:
    monkeypatch.setattr(occlusions, "score_next_row", lambda pk: more)
    with django_capture_on_commit_callbacks() as callbacks:
        inference.occlude_task(1)
    assert len(callbacks) == enqueued


def test_occlusion_that_fails_says_so_and_stops(
    queued, monkeypatch, django_capture_on_commit_callbacks
) -> None:
    monkeypatch.setattr(models, "classifier_of", lambda model: Neutral())
    occlusion = occlusions.request(image=queued().examples.get().image)
    monkeypatch.setattr(models, "classifier_of", lambda model: 1 / 0)
    with django_capture_on_commit_callbacks() as callbacks, pytest.raises(ZeroDivisionError):
        inference.occlude_task(occlusion.pk)
    occlusion.refresh_from_db()
    assert occlusion.failure == "ZeroDivisionError"
    assert callbacks == []
