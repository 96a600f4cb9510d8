"""Which workers are alive, and notifications that a task has finished.

Each worker refreshes a key in Redis for every queue it reads. A waiting request is woken through a
list that the worker pushes to. Neither contains state that matters: that is in the database.
"""

import contextlib
import functools
import os
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import redis
import structlog
from celery import Celery, bootsteps
from celery.concurrency.prefork import TaskPool
from celery.worker import state
from django.conf import settings
from kombu.transport.redis import Channel
from redis.backoff import NoBackoff
from redis.retry import Retry

BEAT_SECONDS = 3.0
DEAD_AFTER_SECONDS = 10
NOTIFICATION_SECONDS = 60
CONFIRMED_SECONDS = 120
ASK_SECONDS = 1.0  # how long a question to Redis may take
SILENT_SECONDS = 2.0  # how long nobody asks a Redis that did not answer
LONGEST_WAIT_SECONDS = 5.0
HANGS_AFTER_SECONDS = 30.0
AFTER_VISITORS = 9  # the lowest of ten priorities: run when no visitor waits for an answer

RedisUnavailable = redis.RedisError

log = structlog.get_logger()


@functools.cache
def _client(url: str, seconds: float) -> "redis.Redis":
    # After a restart of Redis the first command finds its connection closed, so it is sent twice.
    retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
    return redis.Redis.from_url(
        url, socket_connect_timeout=ASK_SECONDS, socket_timeout=seconds, retry=retry
    )


_silent_until: dict[str, float] = {}


@contextlib.contextmanager
def _redis(seconds: float = ASK_SECONDS) -> "Iterator[redis.Redis]":
    """A client that waits for an answer for at most `seconds`.

    When Redis gives none, nobody else asks for a moment: a Redis that stalls must not hold up
    every request in turn.
    """
    url = settings.REDIS_URL
    if time.monotonic() < _silent_until.get(url, 0):
        raise redis.ConnectionError("Redis did not answer a moment ago")
    try:
        yield _client(url, seconds)
    except RedisUnavailable:
        _silent_until[url] = time.monotonic() + SILENT_SECONDS
        raise


def redis_answers() -> bool:
    """Does Redis answer now? Says so within `ASK_SECONDS`, also when it stalls."""
    try:
        with _redis() as client:
            return bool(client.ping())
    except RedisUnavailable:
        return False


def alive(queue: str) -> bool:
    """Is a worker reading this queue? False also when Redis is down."""
    try:
        with _redis() as client:
            return bool(client.exists(f"heartbeat:{queue}"))
    except RedisUnavailable:
        return False


def confirm_service(*, cage_lacks: Sequence[str] = ()) -> None:
    """Say for `CONFIRMED_SECONDS` that an image was classified just now.

    `cage_lacks` names the layers of the decoder's cage that the worker's kernel does not have.
    """
    with contextlib.suppress(RedisUnavailable), _redis() as client:
        client.set("service", ",".join(cage_lacks), ex=CONFIRMED_SECONDS)


def confirmed_service() -> list[str] | None:
    """The layers that the cage lacks, as the last confirmation named them.

    None if no image was classified just now, and also when Redis is down.
    """
    try:
        with _redis() as client:
            value = client.get("service")
    except RedisUnavailable:
        return None
    if not isinstance(value, bytes):
        return None
    return value.decode().split(",") if value else []


def queue_length(queue: str, *, priority: int = 0) -> int:
    """The number of tasks of this priority that wait in this queue; 0 also when Redis is down."""
    name = queue + f"{Channel.sep}{priority}" * bool(priority)
    try:
        with _redis() as client:
            return int(client.llen(name))
    except RedisUnavailable:
        return 0


def _notification_key(name: str) -> str:
    return f"notification:{name}"


def image_of(classification: str) -> str:
    """The name under which the worker notifies that it has stored the image of an answer."""
    return f"image of {classification}"


def notify(name: str) -> None:
    """Wake the requests that wait for `name`."""
    key = _notification_key(name)
    try:
        with _redis() as client, client.pipeline() as pipe:
            pipe.lpush(key, 1)
            pipe.expire(key, NOTIFICATION_SECONDS)
            pipe.execute()
    except RedisUnavailable:
        pass  # waiting requests look in the database when their time is up


def wait(name: str, seconds: float) -> None:
    """Wait until `notify(name)` is called, at most `seconds` and at most `LONGEST_WAIT_SECONDS`."""
    seconds = min(seconds, LONGEST_WAIT_SECONDS)
    if seconds <= 0:
        return
    key = _notification_key(name)
    try:
        with _redis(LONGEST_WAIT_SECONDS + ASK_SECONDS) as client:
            if client.blpop([key], timeout=seconds):
                client.lpush(key, 1)  # for other requests that wait
                client.expire(key, NOTIFICATION_SECONDS)
    except RedisUnavailable:
        time.sleep(min(seconds, 0.2))


class Heartbeat(bootsteps.StartStopStep):
    """Refresh the worker's keys while it is connected to its broker.

    A worker whose event loop hangs, or that takes no more tasks, refreshes nothing. Its watchdog
    then ends it, and whatever supervises the worker starts it again.
    """

    requires = {"celery.worker.components:Timer", "celery.worker.components:Pool"}

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self.timer_entry: Any = None
        self.watchdog: Watchdog | None = None

    def start(self, worker: Any) -> None:
        self.timer_entry = worker.timer.call_repeatedly(
            BEAT_SECONDS, self.beat, (worker,), priority=10
        )
        if isinstance(worker.pool, TaskPool):  # in other pools tasks share the event loop's thread
            self.watchdog = Watchdog()
            self.watchdog.start()
        self.beat(worker)

    def beat(self, worker: Any) -> None:
        if self.watchdog:
            if not _takes_tasks(worker):
                return
            self.watchdog.beat()
        try:
            with _redis() as client:
                for queue in _queues(worker):
                    client.set(f"heartbeat:{queue}", worker.hostname, ex=DEAD_AFTER_SECONDS)
        except RedisUnavailable:
            return

    def stop(self, worker: Any) -> None:
        if self.timer_entry:
            self.timer_entry.cancel()
        if self.watchdog:
            self.watchdog.stop()
        try:
            with _redis() as client:
                client.delete(*(f"heartbeat:{queue}" for queue in _queues(worker)))
        except RedisUnavailable:
            return


def _takes_tasks(worker: Any) -> bool:
    """False for a worker that is idle, and believes that it already holds as many as it may."""
    if state.reserved_requests or worker.consumer is None:
        return True
    task_consumer = worker.consumer.task_consumer
    return task_consumer is None or bool(task_consumer.channel.qos.can_consume())


def _queues(worker: Any) -> list[str]:
    return list(worker.app.amqp.queues.consume_from)


class Watchdog(threading.Thread):
    """End this process when nothing calls `beat` although Redis answers.

    While Redis is away a worker may wait for it as long as it likes.
    """

    def __init__(self, seconds: float = HANGS_AFTER_SECONDS) -> None:
        super().__init__(name="watchdog", daemon=True)
        self.seconds = seconds
        self._stopped = threading.Event()
        self._last_beat = time.monotonic()

    def beat(self) -> None:
        self._last_beat = time.monotonic()

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        while not self._stopped.wait(self.seconds / 10):
            if not redis_answers():
                self.beat()
            elif time.monotonic() - self._last_beat > self.seconds:
                log.critical("this worker hangs, and is ended", seconds=self.seconds)
                os._exit(os.EX_SOFTWARE)


def install(app: Celery) -> None:
    app.steps["worker"].add(Heartbeat)
