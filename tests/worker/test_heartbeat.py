"""Heartbeats and notifications, on a real Redis."""

import logging
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis
from celery.contrib.testing.worker import start_worker
from django.conf import settings as django_settings

from setup import supervision
from worker import heartbeat
from worker.celery import app
from worker.heartbeat import Heartbeat, Watchdog


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(django_settings.REDIS_URL) as client:
        yield client


@pytest.fixture
def without_redis(settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"


def worker_of(*queues: str) -> SimpleNamespace:
    """As much of a Celery worker as a heartbeat needs."""
    timer = SimpleNamespace(call_repeatedly=lambda *args, **kwargs: timer, cancel=lambda: None)
    amqp = SimpleNamespace(queues=SimpleNamespace(consume_from=dict.fromkeys(queues)))
    return SimpleNamespace(
        timer=timer, pool=None, hostname="a test", app=SimpleNamespace(amqp=amqp)
    )


def test_queue_that_no_worker_reads_is_not_alive() -> None:
    assert not heartbeat.alive("inference")


@pytest.mark.django_db(transaction=True)
def test_real_worker_keeps_its_queues_alive_and_no_other() -> None:
    with start_worker(app, pool="solo", perform_ping_check=False, queues=["inference", "default"]):
        deadline = time.monotonic() + 10
        while not heartbeat.alive("default") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert heartbeat.alive("inference")
        assert heartbeat.alive("default")
        assert not heartbeat.alive("training")


def test_worker_that_stops_is_not_alive() -> None:
    worker = worker_of("inference", "default")
    step = Heartbeat(worker)
    step.start(worker)
    assert heartbeat.alive("inference")
    step.stop(worker)
    assert not heartbeat.alive("inference")
    assert not heartbeat.alive("default")


def test_worker_that_is_killed_is_alive_for_a_few_seconds_only(client) -> None:
    worker = worker_of("inference")
    Heartbeat(worker).start(worker)
    seconds = client.ttl("heartbeat:inference")
    assert heartbeat.BEAT_SECONDS < seconds <= heartbeat.DEAD_AFTER_SECONDS


def test_tasks_are_counted_by_priority(client) -> None:
    client.rpush("inference", "a visitor's")
    client.rpush(f"inference\x06\x16{heartbeat.AFTER_VISITORS}", "an audit's", "an audit's")
    assert heartbeat.queue_length("inference") == 1
    assert heartbeat.queue_length("inference", priority=heartbeat.AFTER_VISITORS) == 2
    assert heartbeat.queue_length("training") == 0


def test_notification_wakes_every_request_that_waits(client) -> None:
    waiting = [threading.Thread(target=heartbeat.wait, args=("a", 20)) for _ in range(3)]
    for thread in waiting:
        thread.start()
    heartbeat.notify("a")
    for thread in waiting:
        thread.join(timeout=5)
    assert not any(thread.is_alive() for thread in waiting)
    assert 0 < client.ttl("notification:a") <= heartbeat.NOTIFICATION_SECONDS


def test_request_that_waits_too_late_is_woken_at_once() -> None:
    heartbeat.notify("a")
    began = time.monotonic()
    heartbeat.wait("a", 20)
    assert time.monotonic() - began < 5


@pytest.mark.usefixtures("stalled_redis")
def test_stalled_redis_is_asked_once_and_then_left_alone_for_a_moment() -> None:
    began = time.monotonic()
    assert not heartbeat.redis_answers()
    answered = time.monotonic()
    assert answered - began < heartbeat.ASK_SECONDS + 1
    for _ in range(100):
        assert not heartbeat.alive("inference")
        heartbeat.queue_length("inference")
        heartbeat.notify("a")
    assert time.monotonic() - answered < heartbeat.ASK_SECONDS


def test_redis_that_goes_on_after_a_stall_is_asked_again(stalled_redis) -> None:
    assert not heartbeat.redis_answers()
    stalled_redis.resume()
    time.sleep(heartbeat.SILENT_SECONDS)
    assert heartbeat.redis_answers()


@pytest.mark.django_db(transaction=True)
def test_worker_listens_on_no_pub_sub_socket(client) -> None:
    with start_worker(app, pool="solo", perform_ping_check=False, queues=["inference"]):
        deadline = time.monotonic() + 10
        while not heartbeat.alive("inference") and time.monotonic() < deadline:
            time.sleep(0.05)
        connections = client.client_list()
    assert len(connections) > 1
    assert {(c["sub"], c["psub"]) for c in connections} == {("0", "0")}


def test_message_that_redis_did_not_confirm_does_not_stop_the_worker(tmp_path) -> None:
    """Redis goes away between a message's arrival and its acknowledgement."""
    with tempfile.TemporaryDirectory(prefix="speakup-redis-") as folder:
        server = supervision.start_redis(Path(folder))
        with app.connection_for_read(f"redis+socket://{folder}/redis.sock") as connection:
            queue = connection.SimpleQueue("inference")
            queue.channel.basic_qos(0, 1, False)
            queue.put("an image")
            message = queue.get(timeout=10)
            assert not queue.channel.qos.can_consume()
            server.kill()
            server.wait(timeout=10)
            message.ack_log_error(logging.getLogger(), connection.connection_errors)
            assert queue.channel.qos.can_consume()


def idle_worker(*, can_consume: bool) -> SimpleNamespace:
    channel = SimpleNamespace(qos=SimpleNamespace(can_consume=lambda: can_consume))
    worker = worker_of("inference")
    worker.consumer = SimpleNamespace(task_consumer=SimpleNamespace(channel=channel))
    return worker


@pytest.mark.parametrize("can_consume", [True, False])
def test_worker_that_is_idle_and_takes_no_tasks_counts_as_hanging(client, can_consume) -> None:
    worker = idle_worker(can_consume=can_consume)
    step = Heartbeat(worker)
    step.watchdog = Watchdog()
    step.beat(worker)
    assert heartbeat.alive("inference") is can_consume


@pytest.fixture
def exit_codes(monkeypatch) -> list[int]:
    codes: list[int] = []
    # The real one would end the test.
    monkeypatch.setattr(os, "_exit", codes.append)
    return codes


def watched_for(seconds: float, watchdog: Watchdog, *, beats: bool) -> None:
    watchdog.start()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if beats:
            watchdog.beat()
        time.sleep(0.02)
    watchdog.stop()
    watchdog.join(timeout=5)


def test_worker_that_hangs_although_redis_answers_is_ended(exit_codes) -> None:
    watched_for(1, Watchdog(seconds=0.5), beats=False)
    assert os.EX_SOFTWARE in exit_codes


def test_worker_that_beats_is_left_alone(exit_codes) -> None:
    watched_for(1, Watchdog(seconds=0.5), beats=True)
    assert exit_codes == []


@pytest.mark.usefixtures("without_redis")
def test_worker_that_waits_for_redis_is_left_alone(exit_codes) -> None:
    watched_for(1, Watchdog(seconds=0.5), beats=False)
    assert exit_codes == []


@pytest.mark.parametrize("seconds", [0, -1, 0.2])
def test_wait_ends_when_its_time_is_up(seconds) -> None:
    heartbeat.notify("another")
    began = time.monotonic()
    heartbeat.wait("a", seconds)
    assert max(seconds, 0) * 0.9 <= time.monotonic() - began < seconds + 5


@pytest.mark.usefixtures("without_redis")
def test_without_redis_nothing_is_alive_and_nothing_fails() -> None:
    worker = worker_of("inference")
    step = Heartbeat(worker)
    step.start(worker)
    heartbeat.notify("a")
    heartbeat.wait("a", 0.1)
    assert not heartbeat.alive("inference")
    assert heartbeat.queue_length("inference") == 0
    step.stop(worker)
