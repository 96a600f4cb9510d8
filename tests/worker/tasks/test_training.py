"""A training worker runs a retrain or a finding once, whoever sends the task again."""

import pytest

from feedback.services import findings, retrains
from worker.tasks import training


@pytest.mark.parametrize(
    ("task", "service"),
    [(training.run_retrain_task, retrains), (training.run_finding_task, findings)],
)
def test_a_task_runs_what_it_was_sent_for(monkeypatch, task, service) -> None:
    ran = []
    monkeypatch.setattr(service, "run", lambda *, pk: ran.append(pk))
    task(7)
    assert ran == [7]


@pytest.mark.django_db
@pytest.mark.parametrize("task", [training.run_retrain_task, training.run_finding_task])
def test_work_that_is_gone_is_passed_over(task) -> None:
    task(7)


@pytest.mark.parametrize("task", [training.run_retrain_task, training.run_finding_task])
def test_training_has_a_queue_of_its_own_and_longer_than_its_process(task, settings) -> None:
    assert task.app.amqp.router.route({}, task.name)["queue"].name == "training"
    limits = {
        training.run_retrain_task: max(settings.RETRAIN_SECONDS, settings.DEEP_RETRAIN_SECONDS),
        training.run_finding_task: settings.FINDING_SECONDS,
    }
    seconds = limits[task]
    assert seconds < task.soft_time_limit < task.time_limit
