"""Which workers are alive, and notifications that a task has finished.

Each worker refreshes a key in Redis for every queue it reads. A waiting request is woken through a
list that the worker pushes to. Neither contains state that matters: that is in the database.
"""

import functools
import time
from typing import Any

import redis
from celery import Celery, bootsteps
from django.conf import settings
from kombu.transport.redis import Channel
from redis.backoff import NoBackoff
from redis.retry import Retry

BEAT_SECONDS = 3.0
DEAD_AFTER_SECONDS = 10
NOTIFICATION_SECONDS = 60
AFTER_VISITORS = 9  # the lowest of ten priorities: run when no visitor waits for an answer

RedisUnavailable = redis.RedisError


def _redis() -> "redis.Redis":
    return _client(settings.REDIS_URL)


@functools.cache
def _client(url: str) -> "redis.Redis":
    # A page that asks whether a worker is alive must not wait long if Redis is down.
    retry = Retry(NoBackoff(), 1)
    return redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=35, retry=retry)


def alive(queue: str) -> bool:
    """Is a worker reading this queue? False also when Redis is down."""
    try:
        return bool(_redis().exists(f"heartbeat:{queue}"))
    except RedisUnavailable:
        return False


def queue_length(queue: str, *, priority: int = 0) -> int:
    """The number of tasks of this priority that wait in this queue; 0 also when Redis is down."""
    name = queue + f"{Channel.sep}{priority}" * bool(priority)
    try:
        return int(_redis().llen(name))
    except RedisUnavailable:
        return 0


def _notification_key(name: str) -> str:
    return f"notification:{name}"


def notify(name: str) -> None:
    """Wake the requests that wait for `name`."""
    key = _notification_key(name)
    try:
        with _redis().pipeline() as pipe:
            pipe.lpush(key, 1)
            pipe.expire(key, NOTIFICATION_SECONDS)
            pipe.execute()
    except RedisUnavailable:
        pass  # waiting requests look in the database when their time is up


def wait(name: str, seconds: float) -> None:
    """Wait until `notify(name)` is called, at most `seconds`."""
    if seconds <= 0:
        return
    try:
        key = _notification_key(name)
        if _redis().blpop([key], timeout=seconds):
            _redis().lpush(key, 1)  # for other requests that wait
            _redis().expire(key, NOTIFICATION_SECONDS)
    except RedisUnavailable:
        time.sleep(min(seconds, 0.2))


class Heartbeat(bootsteps.StartStopStep):
    """Refresh the worker's keys while it is connected to its broker."""

    requires = {"celery.worker.components:Timer"}

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self.timer_entry: Any = None

    def start(self, worker: Any) -> None:
        self.timer_entry = worker.timer.call_repeatedly(
            BEAT_SECONDS, self.beat, (worker,), priority=10
        )
        self.beat(worker)

    def beat(self, worker: Any) -> None:
        for queue in worker.app.amqp.queues.consume_from:
            try:
                _redis().set(f"heartbeat:{queue}", worker.hostname, ex=DEAD_AFTER_SECONDS)
            except RedisUnavailable:
                return

    def stop(self, worker: Any) -> None:
        if self.timer_entry:
            self.timer_entry.cancel()
        for queue in worker.app.amqp.queues.consume_from:
            try:
                _redis().delete(f"heartbeat:{queue}")
            except RedisUnavailable:
                return


def install(app: Celery) -> None:
    app.steps["worker"].add(Heartbeat)
