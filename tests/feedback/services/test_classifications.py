import datetime
import errno
from types import SimpleNamespace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from feedback.errors import ImageRefused, WrongState
from feedback.models import Classification, DemoAnswer, StoredImage
from feedback.services import classifications, images, models, uploads
from modeltrain.images import codec
from modeltrain.images.codec import Limits
from tests.cast import SCORES, upload

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


def test_an_upload_whose_image_was_never_stored_is_deleted(judged):
    unkept = judged(pixels=False)
    unkept.upload.save("upload", upload())
    storage, name = unkept.upload.storage, unkept.upload.name

    classifications.delete_expired()
    assert storage.exists(name)  # it may be stored just now

    Classification.objects.update(finished_at=timezone.now() - HOUR)
    classifications.delete_expired()
    unkept.refresh_from_db()
    assert (unkept.status, unkept.upload.name) == ("done", "")
    assert not storage.exists(name)


def answered(
    came: list[float], answered: list[float], status: str = "refused", **answer: object
) -> None:
    """Classifications that came and were answered so many seconds ago."""
    now = timezone.now()
    for start, end in zip(came, answered, strict=True):
        row = Classification.objects.create(
            status=status, finished_at=now - datetime.timedelta(seconds=end), **answer
        )
        aged(row, datetime.timedelta(seconds=start))


def test_rate_of_a_worker_that_is_always_busy_is_that_of_its_answers():
    answered(came=[100, 99, 98, 97, 96], answered=[90, 87, 84, 81, 78])
    assert classifications.seconds_per_image() == pytest.approx(3, abs=0.1)


def test_rate_of_two_workers_is_that_of_both_together(champion):
    answer = {"status": "done", "model": champion, "label": "neutral", "scores": SCORES}
    answered(came=[100, 99, 98, 97, 96], answered=[90, 88.5, 87, 85.5, 84], **answer)
    assert classifications.seconds_per_image() == pytest.approx(1.5, abs=0.1)


def test_rate_does_not_count_the_time_without_images():
    answered(came=[3000, 2000, 1000, 10], answered=[2999.5, 1999.5, 999.5, 9.5])
    assert classifications.seconds_per_image() == pytest.approx(0.5, abs=0.1)


def test_rate_follows_the_last_answers():
    answered(came=[900] * 20, answered=[float(800 - 10 * number) for number in range(20)])
    answered(came=[60] * 21, answered=[float(50 - number) for number in range(21)])
    assert classifications.seconds_per_image() == pytest.approx(1, abs=0.1)


def test_what_was_given_up_says_nothing_of_the_rate():
    answered(came=[500] * 9, answered=[10] * 9, status="failed")
    assert classifications.seconds_per_image() == classifications.FIRST_SECONDS


@pytest.mark.parametrize(
    ("came", "finished", "other", "status"),
    [
        (400, 1, "refused", "waiting"),  # the worker answers those that came before it
        (400, 1, "done", "waiting"),
        (280, 1, "refused", "waiting"),  # the worker answers those that came with it
        (200, 1, "refused", "failed"),  # later ones were answered
        (400, 300, "refused", "failed"),  # nothing was answered lately
        (400, 1, "failed", "failed"),  # one was given up lately
    ],
)
def test_an_image_is_given_up_only_if_its_turn_is_over(
    champion, settings, came, finished, other, status
):
    settings.DEMO_IMAGE_MINUTES = 1  # of images that were answered
    answer = {"model": champion, "label": "neutral", "scores": SCORES}
    answered([came], [finished], status=other, **(answer if other == "done" else {}))
    waiting = aged(submitted(), datetime.timedelta(seconds=300))
    classifications.delete_expired()
    waiting.refresh_from_db()
    assert (waiting.status, bool(waiting.upload)) == (status, status == "waiting")


class Neutral:
    """A model that calls every image neutral; something may happen meanwhile."""

    def __init__(self, meanwhile=lambda: None):
        self.meanwhile = meanwhile

    def classify(self, pixels):
        self.meanwhile()
        return SimpleNamespace(label="neutral", scores=SCORES)


@pytest.fixture
def in_service(champion, monkeypatch):
    def put(classifier):
        monkeypatch.setattr(models, "classifier_in_service", lambda: (champion, classifier))

    put(Neutral())
    return put


def submitted(seed: int = 0) -> Classification:
    return classifications.submit(upload=upload(seed))


def fresh(classification: Classification) -> Classification:
    return Classification.objects.get(pk=classification.pk)


def just_now(moment) -> bool:
    return abs(timezone.now() - moment) < HOUR


def test_a_large_upload_is_refused_before_it_is_stored():
    large = upload()
    large.size = Limits.max_bytes + 1
    with pytest.raises(ImageRefused):
        classifications.submit(upload=large)
    assert not Classification.objects.exists()


def test_an_answer_is_stored_with_its_model_and_the_hash_of_the_image(in_service, champion):
    waiting, other = submitted(1), submitted(2)
    pixels = classifications.answer(pk=waiting.pk, limits=Limits())
    answered = fresh(waiting)
    assert (answered.status, answered.model, answered.label) == ("done", champion, "neutral")
    assert answered.scores == SCORES
    assert answered.image_sha256 == codec.pixel_sha256(pixels)
    assert just_now(answered.finished_at)
    assert fresh(other).status == "waiting"
    assert classifications.answer(pk=waiting.pk, limits=Limits()) is None  # once


def test_an_upload_that_is_no_image_is_refused_and_deleted(in_service):
    other = submitted()
    broken = classifications.submit(upload=SimpleUploadedFile("a.png", b"no image"))
    storage, name = broken.upload.storage, broken.upload.name
    assert classifications.answer(pk=broken.pk, limits=Limits()) is None
    refused = fresh(broken)
    assert (refused.status, refused.upload.name) == ("refused", "")
    assert set(refused.problem) == {"rule", "received", "remedy", "code"}
    assert just_now(refused.finished_at)
    assert not storage.exists(name)
    assert fresh(other).status == "waiting"


def test_an_answer_that_comes_after_the_wait_is_dropped(in_service):
    waiting = submitted()
    in_service(Neutral(lambda: classifications.fail(pk=waiting.pk)))
    assert classifications.answer(pk=waiting.pk, limits=Limits()) is None
    assert (fresh(waiting).status, fresh(waiting).label) == ("failed", "")


def test_a_refusal_that_comes_after_the_wait_is_dropped(in_service, monkeypatch):
    broken = classifications.submit(upload=SimpleUploadedFile("a.png", b"no image"))
    decode = uploads.decode_or_refuse

    def slow(data, *, limits):
        classifications.fail(pk=broken.pk)
        return decode(data, limits=limits)

    monkeypatch.setattr(uploads, "decode_or_refuse", slow)
    classifications.answer(pk=broken.pk, limits=Limits())
    assert fresh(broken).status == "failed"


def test_the_image_of_an_answer_takes_the_place_of_its_upload(in_service):
    waiting, other = submitted(1), submitted(2)
    storage, name = waiting.upload.storage, waiting.upload.name
    pixels = classifications.answer(pk=waiting.pk, limits=Limits())
    classifications.keep_image(pk=waiting.pk, pixels=pixels)
    stored = fresh(waiting)
    assert (stored.image.sha256, stored.upload.name) == (codec.pixel_sha256(pixels), "")
    assert not storage.exists(name)
    assert fresh(other).image is None
    classifications.keep_image(pk=waiting.pk, pixels=pixels)  # the upload is gone
    assert fresh(waiting).image == stored.image
    assert StoredImage.objects.count() == 1


def test_an_image_whose_upload_was_deleted_meanwhile_is_not_kept(in_service, monkeypatch):
    waiting = submitted()
    pixels = classifications.answer(pk=waiting.pk, limits=Limits())
    store = images.store

    def slow(pixels):
        classifications.delete_image(fresh(waiting))
        return store(pixels)

    monkeypatch.setattr(images, "store", slow)
    classifications.keep_image(pk=waiting.pk, pixels=pixels)
    assert fresh(waiting).image is None
    assert not StoredImage.objects.exists()


def test_an_image_for_which_there_is_no_room_leaves_nothing(in_service, monkeypatch):
    waiting, other = submitted(1), submitted(2)
    storage, name = waiting.upload.storage, waiting.upload.name
    pixels = classifications.answer(pk=waiting.pk, limits=Limits())

    def full(pixels):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(images, "store", full)
    with pytest.raises(OSError, match="No space"):
        classifications.keep_image(pk=waiting.pk, pixels=pixels)
    assert fresh(waiting).upload.name == ""
    assert set(fresh(waiting).problem) == {"rule", "received", "remedy"}
    assert not storage.exists(name)
    assert fresh(other).problem == {}
    assert fresh(other).upload


def test_who_waits_in_vain_is_told_and_the_upload_deleted():
    waiting, other = submitted(1), submitted(2)
    storage, name = waiting.upload.storage, waiting.upload.name
    classifications.fail(pk=waiting.pk, reason=OSError(errno.ENOSPC, "No space left on device"))
    failed = fresh(waiting)
    assert (failed.status, failed.upload.name) == ("failed", "")
    assert set(failed.problem) == {"rule", "received", "remedy"}
    assert just_now(failed.finished_at)
    assert not storage.exists(name)
    assert fresh(other).status == "waiting"
    classifications.fail(pk=other.pk)
    assert fresh(other).problem == {}


def test_an_answer_does_not_fail_afterwards(judged):
    done = judged()
    classifications.fail(pk=done.pk)
    assert fresh(done).status == "done"


def test_an_answer_is_called_right_or_wrong_once(judged):
    done, other = judged(1), judged(2)
    classifications.record_feedback(classification=done, right=False)
    classifications.record_feedback(classification=done, right=True)
    answer = DemoAnswer.objects.get()
    assert (answer.model, answer.label, answer.right) == (done.model, "neutral", False)
    assert answer.scores == SCORES
    assert fresh(done).said_right is False
    assert fresh(other).said_right is None


@pytest.mark.parametrize("status", ["waiting", "failed", "refused"])
def test_there_is_nothing_to_call_right_without_an_answer(judged, status):
    done = judged()
    done.status = status
    with pytest.raises(WrongState, match=f"a classification that is {status}"):
        classifications.record_feedback(classification=done, right=True)
    assert not DemoAnswer.objects.exists()


def test_an_answer_of_no_model_cannot_be_called_right(judged):
    done = judged()
    done.model = None
    with pytest.raises(WrongState):
        classifications.record_feedback(classification=done, right=True)


@pytest.mark.django_db(transaction=True)
def test_a_deleted_classification_leaves_neither_upload_nor_image(judged):
    done, other = judged(1), judged(2)
    done.upload.save("upload", upload())
    files = [(file.storage, file.name) for file in (done.upload, done.image.file)]
    classifications.delete(done)
    assert Classification.objects.get() == other
    assert StoredImage.objects.get() == other.image
    assert not any(storage.exists(name) for storage, name in files)


def test_an_image_is_deleted_from_its_own_answer_alone(judged):
    done, other = judged(1), judged(2)
    classifications.delete_image(done)
    assert fresh(done).image is None
    assert fresh(other).image == other.image
    assert StoredImage.objects.get() == other.image
    classifications.delete_image(fresh(done))  # none is no error


def test_an_answer_of_yesterday_stays_while_its_image_or_upload_does(judged, settings):
    settings.DEMO_IMAGE_MINUTES = 3 * 24 * 60
    with_image, unkept = judged(1), judged(2, pixels=False)
    unkept.upload.save("upload", upload())
    for classification in (with_image, unkept):
        aged(classification, 25 * HOUR)
    classifications.delete_expired()
    assert set(Classification.objects.all()) == {with_image, unkept}


def test_an_upload_is_given_up_only_after_its_answer():
    waiting = aged(submitted(), datetime.timedelta(minutes=1))
    Classification.objects.update(finished_at=timezone.now() - HOUR)  # of an earlier try
    classifications.delete_expired()
    assert fresh(waiting).upload


# Three mutants of `classifications` that survive change nothing. `delete_image` finds the
# classification by its image alone: an image belongs to one. `delete_expired` takes those without
# an upload, too: there is nothing to delete. `_lost_classifications` takes those that do not wait:
# `fail` leaves them as they are.
