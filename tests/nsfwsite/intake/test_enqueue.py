"""Work is handed to a worker now, or left to the scheduler when the broker is unavailable."""

import pytest
from kombu.exceptions import OperationalError

from nsfwsite.intake.enqueue import enqueue


def test_the_task_gets_its_arguments() -> None:
    calls = []
    assert enqueue(lambda *arguments: calls.append(arguments), 1, "two") is True
    assert calls == [(1, "two")]


@pytest.mark.parametrize("error", [OperationalError, ConnectionError])
def test_an_unavailable_broker_is_not_an_error(error) -> None:
    def delay() -> None:
        raise error("no broker")

    assert enqueue(delay) is False


def test_any_other_error_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        enqueue(lambda: 1 / 0)
