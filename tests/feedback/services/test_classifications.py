import datetime

import pytest
from django.utils import timezone

from feedback.models import Classification, StoredImage
from feedback.services import classifications
from tests.cast import upload

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


def answered(came: list[float], answered: list[float], status: str = "refused") -> None:
    """Classifications that came and were answered so many seconds ago."""
    now = timezone.now()
    for start, end in zip(came, answered, strict=True):
        row = Classification.objects.create(
            status=status, finished_at=now - datetime.timedelta(seconds=end)
        )
        aged(row, datetime.timedelta(seconds=start))


def test_rate_of_a_worker_that_is_always_busy_is_that_of_its_answers():
    answered(came=[100, 99, 98, 97, 96], answered=[90, 87, 84, 81, 78])
    assert classifications.seconds_per_image() == pytest.approx(3, abs=0.1)


def test_rate_of_two_workers_is_that_of_both_together():
    answered(came=[100, 99, 98, 97, 96], answered=[90, 88.5, 87, 85.5, 84])
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
    ("came", "finished", "status"),
    [
        (400, 1, "waiting"),  # the worker answers those that came before it
        (200, 1, "failed"),  # later ones were answered
        (400, 300, "failed"),  # nothing was answered lately
    ],
)
def test_an_image_is_given_up_only_if_its_turn_is_over(came, finished, status):
    answered(came=[came], answered=[finished])
    waiting = aged(Classification.objects.create(), datetime.timedelta(seconds=300))
    classifications.delete_expired()
    waiting.refresh_from_db()
    assert waiting.status == status
