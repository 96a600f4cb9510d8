"""Who is alive, and who has just finished.

Each worker keeps a key in Redis for every queue it reads; a waiting request is woken through a
list that the worker pushes to. Neither holds any state that matters: the database does.
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
BELL_SECONDS = 60
AFTER_VISITORS = 9  # Redis's lowest of ten priorities: taken up when nobody waits for an answer

RedisUnavailable = redis.RedisError


def _redis() -> "redis.Redis":
    return _client(settings.REDIS_URL)


@functools.cache
def _client(url: str) -> "redis.Redis":
    # A page that asks whether anybody is there must not wait long to hear "no".
    once = Retry(NoBackoff(), 1)
    return redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=35, retry=once)


def alive(queue: str) -> bool:
    """Is a worker reading this queue? False when Redis is away too."""
    try:
        return bool(_redis().exists(f"heartbeat:{queue}"))
    except RedisUnavailable:
        return False


def waiting(queue: str, *, priority: int = 0) -> int:
    """How many tasks of this priority wait in this queue."""
    name = queue + f"{Channel.sep}{priority}" * bool(priority)
    try:
        return int(_redis().llen(name))
    except RedisUnavailable:
        return 0


def notify(name: str) -> None:
    """Wake whoever waits for `name`."""
    bell = f"bell:{name}"
    try:
        with _redis().pipeline() as pipe:
            pipe.lpush(bell, 1)
            pipe.expire(bell, BELL_SECONDS)
            pipe.execute()
    except RedisUnavailable:
        pass  # whoever waits looks in the database when its time is up


def wait(name: str, seconds: float) -> None:
    """Wait until `name` rings, at most `seconds`."""
    if seconds <= 0:
        return
    try:
        bell = f"bell:{name}"
        if _redis().blpop([bell], timeout=seconds):
            _redis().lpush(bell, 1)  # for the next one who waits
            _redis().expire(bell, BELL_SECONDS)
    except RedisUnavailable:
        time.sleep(min(seconds, 0.2))


class Heartbeat(bootsteps.StartStopStep):
    """Beat while the worker is connected to its broker."""

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
