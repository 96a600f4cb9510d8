"""Hand work to a worker now. Services never do; pages and the API do, through this function."""

from collections.abc import Callable
from typing import Any

import structlog
from kombu.exceptions import OperationalError

from worker import heartbeat

log = structlog.get_logger()


def enqueue(delay: Callable[..., Any], *arguments: Any) -> bool:
    """Call a task's `delay_on_commit`.

    False when the broker cannot be reached: the scheduler finds the work later.
    """
    if not heartbeat.redis_answers():
        log.warning("broker unavailable", problem="Redis does not answer")
        return False
    try:
        delay(*arguments)
    except (OperationalError, heartbeat.RedisUnavailable, ConnectionError) as error:
        log.warning("broker unavailable", problem=str(error))
        return False
    return True
