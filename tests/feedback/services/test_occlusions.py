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
def asked(queued, monkeypatch) -> Occlusion:
    monkeypatch.setattr(models, "classifier_of", lambda model: OfTheCorner())
    return occlusions.request(image=queued().examples.get().image)


def finish(asked: Occlusion) -> Occlusion:
    while occlusions.score_next_row(pk=asked.pk):
        pass
    asked.refresh_from_db()
    return asked


def test_each_step_greys_a_row_of_squares(asked) -> None:
    assert occlusions.score_next_row(pk=asked.pk)
    asked.refresh_from_db()
    assert (asked.done, asked.rows, asked.label, asked.score) == (1, 8, "neutral", 0.9)
    assert asked.scores == [[0.3, *[0.9] * 7]]

    assert finish(asked).scores[1:] == [[0.9] * 8] * 7
    assert not occlusions.score_next_row(pk=asked.pk)


def test_it_is_not_asked_twice_at_once_nor_again(asked) -> None:
    with pytest.raises(WrongState, match="0 of 8 rows done"):
        occlusions.request(image=asked.image)
    finish(asked)
    with pytest.raises(WrongState, match="8 of 8 rows done"):
        occlusions.request(image=asked.image)


def test_one_that_failed_can_be_asked_again(asked) -> None:
    occlusions.score_next_row(pk=asked.pk)
    occlusions.fail(pk=asked.pk, reason="The model's files are not here.")
    assert not occlusions.score_next_row(pk=asked.pk)

    again = occlusions.request(image=asked.image)

    assert again == asked
    assert finish(again).finished


def test_what_a_lost_worker_had_done_is_kept(asked) -> None:
    occlusions.score_next_row(pk=asked.pk)
    assert queries.pending_work.occlusions_to_resume() == []
    Occlusion.objects.update(touched_at=timezone.now() - datetime.timedelta(minutes=1))
    assert queries.pending_work.occlusions_to_resume() == [asked.pk]
    assert finish(asked).done == 8
    assert queries.pending_work.occlusions_to_resume() == []


def test_it_goes_with_a_withdrawn_picture(asked) -> None:
    occlusions.score_next_row(pk=asked.pk)
    reports.withdraw(report=asked.image.example_set.get().report)
    assert not Occlusion.objects.exists()
    assert not occlusions.score_next_row(pk=asked.pk)
