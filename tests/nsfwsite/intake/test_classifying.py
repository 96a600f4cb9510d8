"""An image is handed to the inference worker, or refused with nothing kept."""

import dataclasses
from datetime import timedelta

import pytest
from django.utils import timezone

from feedback.errors import ClassifierBusy, ClassifierUnavailable, ImageRefused
from feedback.models import Classification, Occlusion
from feedback.services import classifications
from modeltrain.images.codec import Limits
from nsfwsite.intake import classifying
from tests.cast import upload
from worker import heartbeat

Status = Classification.Status
pytestmark = pytest.mark.django_db


@pytest.fixture
def worker(monkeypatch) -> None:
    monkeypatch.setattr(heartbeat, "alive", lambda queue: True)


@pytest.fixture
def tasks(monkeypatch) -> list:
    """What would be enqueued, in order."""
    calls = []

    def enqueue(delay, *arguments) -> bool:
        calls.append(arguments)
        return True

    monkeypatch.setattr(classifying, "enqueue", enqueue)
    return calls


def test_an_image_is_stored_and_enqueued(champion, worker, tasks) -> None:
    classification = classifying.classify(upload=upload())
    assert classification.status == Status.WAITING
    assert tasks == [(str(classification.pk), None, True)]


def test_an_image_that_is_not_to_be_kept_is_enqueued_with_its_limits(
    champion, worker, tasks
) -> None:
    limits = Limits(max_side=299)
    classification = classifying.classify(upload=upload(), limits=limits, keep=False)
    assert tasks == [(str(classification.pk), dataclasses.asdict(limits), False)]


@pytest.mark.parametrize(("waited", "seconds"), [(0, 1), (7, 1), (20, 5), (3600, 10)])
def test_who_has_waited_long_asks_less_often(champion, worker, tasks, waited, seconds) -> None:
    classification = classifying.classify(upload=upload())
    classification.created_at = timezone.now() - timedelta(seconds=waited)
    assert classifying.poll_seconds(classification) == seconds


def test_without_a_worker_nothing_is_stored(champion, tasks) -> None:
    with pytest.raises(ClassifierUnavailable):
        classifying.classify(upload=upload())
    assert not Classification.objects.exists()
    assert tasks == []


def queue_up(monkeypatch, length: int) -> None:
    monkeypatch.setattr(heartbeat, "queue_length", lambda queue: length)


def test_an_image_whose_turn_would_come_late_is_refused(champion, worker, tasks, monkeypatch):
    monkeypatch.setattr(classifications, "seconds_per_image", lambda: 2.0)
    queue_up(monkeypatch, 40)
    with pytest.raises(ClassifierBusy, match="about 80 seconds") as refusal:
        classifying.classify(upload=upload())
    assert refusal.value.retry_after == 20
    assert not Classification.objects.exists()


def test_a_faster_worker_may_have_a_longer_queue(champion, worker, tasks, monkeypatch) -> None:
    monkeypatch.setattr(classifications, "seconds_per_image", lambda: 0.2)
    queue_up(monkeypatch, 300)
    assert classifying.classify(upload=upload()).status == Status.WAITING


def test_with_nobody_waiting_even_a_slow_worker_gets_an_image(
    champion, worker, tasks, monkeypatch
) -> None:
    monkeypatch.setattr(classifications, "seconds_per_image", lambda: 900.0)
    queue_up(monkeypatch, 0)
    assert classifying.classify(upload=upload()).status == Status.WAITING


def test_an_image_that_cannot_be_enqueued_is_discarded(champion, worker, monkeypatch) -> None:
    monkeypatch.setattr(classifying, "enqueue", lambda *_: False)
    with pytest.raises(ClassifierUnavailable):
        classifying.classify(upload=upload())
    assert not Classification.objects.exists()


def test_the_wait_ends_when_the_answer_comes(champion, monkeypatch) -> None:
    classification = Classification.objects.create(status=Status.WAITING)

    def answer(name: str, seconds: float) -> None:
        Classification.objects.update(status=Status.FAILED)

    monkeypatch.setattr(heartbeat, "wait", answer)
    classifying.wait_for_answer(classification=classification, seconds=60)
    assert classification.status == Status.FAILED


def test_no_request_waits_where_too_many_wait_already(champion, monkeypatch) -> None:
    class Full:
        def acquire(self, *, blocking: bool) -> bool:
            return False

    classification = Classification.objects.create(status=Status.WAITING)
    monkeypatch.setattr(classifying, "_waiting_requests", Full())
    monkeypatch.setattr(heartbeat, "wait", lambda *_: pytest.fail("It must not wait."))
    Classification.objects.update(status=Status.FAILED)
    classifying.wait_for_answer(classification=classification, seconds=60)
    assert classification.status == Status.FAILED


def test_a_report_waits_until_the_image_of_an_answer_is_stored(judged, monkeypatch) -> None:
    answered = judged()
    Classification.objects.update(upload="1.upload")

    def store(name: str, seconds: float) -> None:
        Classification.objects.update(upload="")

    monkeypatch.setattr(heartbeat, "wait", store)
    classifying.wait_for_image(classification=answered)
    assert not answered.upload


def test_a_report_does_not_wait_for_an_image_for_ever(judged, monkeypatch) -> None:
    answered = judged()
    Classification.objects.update(upload="1.upload")
    monkeypatch.setattr(classifying, "STORE_SECONDS", 0.1)
    with pytest.raises(ClassifierBusy, match="without its image"):
        classifying.wait_for_image(classification=answered)


def test_a_refused_image_raises_the_refusal_of_the_worker() -> None:
    problem = {"rule": "A rule.", "received": "noise", "remedy": "Send another."}
    with pytest.raises(ImageRefused, match="noise"):
        classifying.raise_if_refused(Classification(status=Status.REFUSED, problem=problem))


def test_a_failed_classification_asks_to_try_again() -> None:
    with pytest.raises(ClassifierUnavailable):
        classifying.raise_if_refused(Classification(status=Status.FAILED))


@pytest.mark.parametrize("status", [Status.WAITING, Status.DONE])
def test_an_answer_or_none_yet_is_no_refusal(status) -> None:
    classifying.raise_if_refused(Classification(status=status))


def test_a_map_of_the_score_is_not_requested_without_a_worker(judged) -> None:
    with pytest.raises(ClassifierUnavailable):
        classifying.request_occlusion(image=judged().image)
    assert not Occlusion.objects.exists()


def test_a_map_of_the_score_is_enqueued(judged, worker, tasks) -> None:
    occlusion = classifying.request_occlusion(image=judged().image)
    assert tasks == [(occlusion.pk,)]


def test_a_report_that_the_champion_has_answered_is_not_judged_again(queued, tasks) -> None:
    classifying.judge_by_champion(report=queued())
    assert tasks == []
