"""An audit in parts: the task of the last part sends the count, and an error fails the audit."""

import pytest

from feedback.services import audits
from worker.tasks import audits as tasks


@pytest.fixture
def sent(monkeypatch) -> list[tuple]:
    """What was sent to workers, by task."""
    sent: list[tuple] = []
    for name in ("predict_part", "count_audit"):
        task = getattr(tasks, f"{name}_task")
        monkeypatch.setattr(
            task, "delay_on_commit", lambda *args, name=name: sent.append((name, *args))
        )
    return sent


def test_every_part_is_sent_and_the_count_is_not_until_all_are_done(monkeypatch, sent) -> None:
    monkeypatch.setattr(audits, "start", lambda *, pk: iter([0, 1, 2]))
    monkeypatch.setattr(audits, "all_parts_predicted", lambda *, pk: False)
    tasks.start_audit_task(5)
    assert sent == [("predict_part", 5, 0), ("predict_part", 5, 1), ("predict_part", 5, 2)]


def test_an_audit_without_missing_parts_is_counted_at_once(monkeypatch, sent) -> None:
    monkeypatch.setattr(audits, "start", lambda *, pk: iter([]))
    monkeypatch.setattr(audits, "all_parts_predicted", lambda *, pk: True)
    tasks.start_audit_task(5)
    assert sent == [("count_audit", 5)]


@pytest.mark.parametrize(("complete", "messages"), [(False, []), (True, [("count_audit", 5)])])
def test_whoever_predicts_the_last_part_sends_the_count(
    monkeypatch, sent, complete, messages
) -> None:
    predicted = []
    monkeypatch.setattr(audits, "predict_part", lambda **fields: predicted.append(fields))
    monkeypatch.setattr(audits, "all_parts_predicted", lambda *, pk: complete)
    tasks.predict_part_task(5, 2)
    assert predicted == [{"pk": 5, "part": 2}]
    assert sent == messages


@pytest.mark.parametrize(
    ("task", "arguments", "step"),
    [
        (tasks.start_audit_task, (5,), "start"),
        (tasks.predict_part_task, (5, 0), "predict_part"),
        (tasks.count_audit_task, (5,), "count_errors"),
    ],
)
def test_an_error_fails_the_audit_with_its_reason_and_is_raised(
    monkeypatch, sent, task, arguments, step
) -> None:
    def break_down(**fields):
        raise OSError("No space left on device")

    failures = []
    monkeypatch.setattr(audits, step, break_down)
    monkeypatch.setattr(audits, "fail", lambda **fields: failures.append(fields))
    with pytest.raises(OSError, match="No space left"):
        task(*arguments)
    assert failures == [{"pk": 5, "reason": "No space left on device"}]
    assert sent == []
