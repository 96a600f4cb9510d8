import datetime
from types import SimpleNamespace

import pytest
from django.utils import timezone

from feedback import queries
from feedback.errors import WrongState
from feedback.models import Occlusion
from feedback.services import models, occlusions, reports

pytestmark = pytest.mark.django_db


class OfTheCorner:
    """A model that is as sure of "neutral" as the first pixel is not grey."""

    def classify(self, pixels):
        neutral = 0.3 if (pixels[0, 0] == 128).all() else 0.9
        scores = {"neutral": neutral, "drawings": 1 - neutral}
        return SimpleNamespace(label=max(scores, key=scores.__getitem__), scores=scores)


@pytest.fixture
def occlusion(queued, monkeypatch) -> Occlusion:
    monkeypatch.setattr(models, "classifier_of", lambda model: OfTheCorner())
    return occlusions.request(image=queued().examples.get().image)


def finish(occlusion: Occlusion) -> Occlusion:
    while occlusions.score_next_row(pk=occlusion.pk):
        pass
    occlusion.refresh_from_db()
    return occlusion


def test_each_step_greys_a_row_of_squares(occlusion) -> None:
    assert occlusions.score_next_row(pk=occlusion.pk)
    occlusion.refresh_from_db()
    assert (occlusion.done, occlusion.rows, occlusion.label, occlusion.score) == (
        1,
        8,
        "neutral",
        0.9,
    )
    assert occlusion.scores == [[0.3, *[0.9] * 7]]

    rows_are_left = [occlusions.score_next_row(pk=occlusion.pk) for _ in range(7)]
    assert rows_are_left == [True] * 6 + [False]
    occlusion.refresh_from_db()
    assert occlusion.scores[1:] == [[0.9] * 8] * 7
    assert not occlusions.score_next_row(pk=occlusion.pk)


def test_it_is_not_requested_twice_at_once_nor_again(occlusion) -> None:
    with pytest.raises(WrongState, match="0 of 8 rows done"):
        occlusions.request(image=occlusion.image)
    finish(occlusion)
    with pytest.raises(WrongState, match="8 of 8 rows done"):
        occlusions.request(image=occlusion.image)


def test_one_that_failed_can_be_asked_again(occlusion, monkeypatch) -> None:
    occlusions.score_next_row(pk=occlusion.pk)
    occlusions.fail(pk=occlusion.pk, reason="The model's files are not here.")
    with monkeypatch.context() as patched:
        patched.setattr(models, "classifier_of", lambda model: pytest.fail("It was loaded."))
        assert not occlusions.score_next_row(pk=occlusion.pk)

    again = occlusions.request(image=occlusion.image)

    assert again == occlusion
    assert finish(again).finished


def test_what_a_lost_worker_had_done_is_kept(occlusion) -> None:
    occlusions.score_next_row(pk=occlusion.pk)
    assert queries.pending_work.occlusions_to_resume() == []
    Occlusion.objects.update(touched_at=timezone.now() - datetime.timedelta(minutes=1))
    assert queries.pending_work.occlusions_to_resume() == [occlusion.pk]
    assert finish(occlusion).done == 8
    assert queries.pending_work.occlusions_to_resume() == []


def test_it_goes_with_a_withdrawn_picture(occlusion) -> None:
    occlusions.score_next_row(pk=occlusion.pk)
    reports.withdraw(report=occlusion.image.example_set.get().report)
    assert not Occlusion.objects.exists()
    assert not occlusions.score_next_row(pk=occlusion.pk)


def test_asked_again_it_starts_from_nothing(occlusion, queued) -> None:
    other = occlusions.request(image=queued(2).examples.get().image)
    long_ago = timezone.now() - datetime.timedelta(hours=1)
    for map_of_squares in (occlusion, other):
        occlusions.score_next_row(pk=map_of_squares.pk)
    occlusions.fail(pk=occlusion.pk, reason="No model.")
    Occlusion.objects.update(touched_at=long_ago)
    other.refresh_from_db()
    assert other.failure == ""

    occlusions.request(image=occlusion.image)

    occlusion.refresh_from_db()
    assert (occlusion.failure, occlusion.scores, occlusion.done) == ("", [], 0)
    assert (occlusion.label, occlusion.score) == ("", None)
    assert occlusion.touched_at > long_ago
    other.refresh_from_db()
    assert (other.done, other.touched_at) == (1, long_ago)


def test_asking_for_one_map_leaves_the_failure_of_another(occlusion, queued) -> None:
    occlusions.fail(pk=occlusion.pk, reason="No model.")
    other = occlusions.request(image=queued(2).examples.get().image)
    with pytest.raises(WrongState):
        occlusions.request(image=other.image)
    occlusion.refresh_from_db()
    assert occlusion.failure == "No model."


def test_a_row_is_a_sign_of_life_of_its_map_alone(occlusion, queued) -> None:
    other = occlusions.request(image=queued(2).examples.get().image)
    long_ago = timezone.now() - datetime.timedelta(hours=1)
    Occlusion.objects.update(touched_at=long_ago)
    occlusions.score_next_row(pk=occlusion.pk)
    occlusion.refresh_from_db()
    other.refresh_from_db()
    assert occlusion.touched_at > long_ago
    assert (other.done, other.touched_at) == (0, long_ago)


@pytest.mark.parametrize(
    "meanwhile", [{"done": 1, "label": "porn", "score": 0.5}, {"failure": "No model."}]
)
def test_a_row_that_another_worker_was_first_with_is_not_written(
    occlusion, monkeypatch, meanwhile
) -> None:
    class Slow(OfTheCorner):
        def classify(self, pixels):
            Occlusion.objects.update(**meanwhile)
            return super().classify(pixels)

    monkeypatch.setattr(models, "classifier_of", lambda model: Slow())
    assert not occlusions.score_next_row(pk=occlusion.pk)
    occlusion.refresh_from_db()
    assert (occlusion.scores, occlusion.label) == ([], meanwhile.get("label", ""))
