"""Hand work to a worker now. Services never do; pages and the API do, through here."""

from collections.abc import Callable
from typing import Any

import structlog
from kombu.exceptions import OperationalError

from worker import heartbeat

log = structlog.get_logger()


def enqueue(task: Callable[..., Any], *arguments: Any) -> bool:
    """Enqueue now. False when the broker is away: the scheduler will find the work later."""
    try:
        task(*arguments)
    except (OperationalError, heartbeat.RedisUnavailable, ConnectionError) as problem:
        log.warning("broker away", problem=str(problem))
        return False
    return True
