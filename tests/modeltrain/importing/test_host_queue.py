"""Hosts take turns, and each host has a limit and a pause."""

import time
from concurrent.futures import ThreadPoolExecutor

from modeltrain.importing.host_queue import HostQueue


def test_hosts_take_turns():
    queue = HostQueue([("a", 1), ("a", 2), ("b", 3), ("b", 4)], per_host=1, pause=0)
    assert {queue.take(), queue.take()} == {("a", 1), ("b", 3)}


def test_a_host_has_no_more_items_in_use_than_its_limit():
    queue = HostQueue([("a", n) for n in range(5)], per_host=2, pause=0)
    assert [queue.take(), queue.take()] == [("a", 0), ("a", 1)]
    with ThreadPoolExecutor(1) as thread:
        third = thread.submit(queue.take)
        assert not third.done()
        queue.release("a")
        assert third.result(timeout=5) == ("a", 2)


def test_many_threads_get_every_item_once():
    queue = HostQueue([(f"host{n % 7}", n) for n in range(500)], per_host=2, pause=0)
    seen = []

    def work():
        while entry := queue.take():
            host, item = entry
            seen.append(item)
            queue.release(host)

    with ThreadPoolExecutor(8) as threads:
        for worker in [threads.submit(work) for _ in range(8)]:
            worker.result(timeout=20)
    assert sorted(seen) == list(range(500))


def test_the_pause_of_a_host_is_observed():
    queue = HostQueue([("a", 1), ("a", 2)], per_host=1, pause=0.2)
    start = time.monotonic()
    queue.take()
    queue.release("a")
    queue.take()
    assert time.monotonic() - start >= 0.2


def test_a_retry_delays_its_host_and_no_other():
    queue = HostQueue([("a", 1), ("a", 2), ("b", 3)], per_host=1, pause=0)
    assert queue.take() == ("a", 1)
    start = time.monotonic()
    queue.release("a", retry=1, delay=0.2)
    assert queue.take() == ("b", 3)
    assert time.monotonic() - start < 0.15
    assert queue.take() == ("a", 2)
    assert time.monotonic() - start >= 0.2
    queue.release("a")
    assert queue.take() == ("a", 1)


def test_take_waits_for_an_item_that_may_be_retried():
    queue = HostQueue([("a", 1)], per_host=1, pause=0)
    queue.take()
    with ThreadPoolExecutor(1) as thread:
        last = thread.submit(queue.take)
        queue.release("a", retry=1)
        assert last.result(timeout=5) == ("a", 1)


def test_stopping_ends_all_waiting():
    queue = HostQueue([("a", 1), ("a", 2)], per_host=1, pause=60)
    queue.take()
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(queue.take)
        queue.stop()
        assert waiting.result(timeout=5) is None
