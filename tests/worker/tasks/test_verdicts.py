"""A verdict is reached again, or recomputed, by the retrain's number; both may run twice."""

import pytest

from feedback.services import recomputations, verdicts
from worker.tasks.verdicts import judge_again_task, recompute_task


@pytest.mark.parametrize(
    ("task", "service", "name"),
    [(judge_again_task, verdicts, "judge_again"), (recompute_task, recomputations, "recompute")],
)
def test_a_task_does_what_it_was_sent_for(monkeypatch, task, service, name) -> None:
    done = []
    monkeypatch.setattr(service, name, lambda *, pk: done.append(pk))
    task(7)
    assert done == [7]
