"""Hosts are asked in turn, so many at once and no sooner than they may be."""

import time
from concurrent.futures import ThreadPoolExecutor

from modeltrain.importing.turns import Turns


def test_hosts_take_turns():
    turns = Turns([("a", 1), ("a", 2), ("b", 3), ("b", 4)], per_host=1, pause=0)
    assert {turns.take(), turns.take()} == {("a", 1), ("b", 3)}


def test_no_more_of_a_host_are_out_than_may_be():
    turns = Turns([("a", n) for n in range(5)], per_host=2, pause=0)
    assert [turns.take(), turns.take()] == [("a", 0), ("a", 1)]
    with ThreadPoolExecutor(1) as thread:
        third = thread.submit(turns.take)
        assert not third.done()
        turns.give_back("a")
        assert third.result(timeout=5) == ("a", 2)


def test_all_are_handed_out_once_to_many_threads():
    turns = Turns([(f"host{n % 7}", n) for n in range(500)], per_host=2, pause=0)
    seen = []

    def work():
        while turn := turns.take():
            seen.append(turn[1])
            turns.give_back(turn[0])

    with ThreadPoolExecutor(8) as threads:
        for each in [threads.submit(work) for _ in range(8)]:
            each.result(timeout=20)
    assert sorted(seen) == list(range(500))


def test_a_pause_is_kept():
    turns = Turns([("a", 1), ("a", 2)], per_host=1, pause=0.2)
    began = time.monotonic()
    turns.take()
    turns.give_back("a")
    turns.take()
    assert time.monotonic() - began >= 0.2


def test_what_is_tried_again_holds_its_host_and_no_other():
    turns = Turns([("a", 1), ("a", 2), ("b", 3)], per_host=1, pause=0)
    assert turns.take() == ("a", 1)
    began = time.monotonic()
    turns.give_back("a", again=1, wait=0.2)
    assert turns.take() == ("b", 3)
    assert time.monotonic() - began < 0.15
    assert turns.take() == ("a", 2)
    assert time.monotonic() - began >= 0.2
    turns.give_back("a")
    assert turns.take() == ("a", 1)


def test_one_that_may_come_back_is_waited_for():
    turns = Turns([("a", 1)], per_host=1, pause=0)
    turns.take()
    with ThreadPoolExecutor(1) as thread:
        last = thread.submit(turns.take)
        turns.give_back("a", again=1)
        assert last.result(timeout=5) == ("a", 1)


def test_stopped_nobody_waits_any_longer():
    turns = Turns([("a", 1), ("a", 2)], per_host=1, pause=60)
    turns.take()
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(turns.take)
        turns.stop()
        assert waiting.result(timeout=5) is None
