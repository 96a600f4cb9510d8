"""Fetch many addresses at once, politely to each host."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import Full, Queue
from threading import Event
from urllib.parse import urlsplit

from modeltrain.importing.fetch import Rules, TryAgain, fetch
from modeltrain.importing.items import ImportRefused, SourceItem
from modeltrain.importing.turns import Turns


@dataclass(frozen=True)
class _Wanted:
    address: str
    label: str
    tries: int = 0


def download(wanted: Sequence[tuple[str, str]], *, rules: Rules) -> Iterator[SourceItem]:
    """Fetch addresses and yield each when it is there or refused.

    Parameters
    ----------
    wanted : sequence of (address, label)
    rules : Rules
    """
    turns = Turns(
        ((urlsplit(address).hostname or "", _Wanted(address, label)) for address, label in wanted),
        per_host=rules.per_host,
        pause=rules.pause,
    )
    done: Queue[SourceItem | None] = Queue(rules.threads)
    stopped = Event()

    def put(found: SourceItem | None) -> None:
        while not stopped.is_set():
            try:
                return done.put(found, timeout=0.1)
            except Full:
                continue

    def work() -> None:
        try:
            while turn := turns.take():
                host, item = turn
                found, wait = _try(item, rules, stopped)
                again = None if found else replace(item, tries=item.tries + 1)
                turns.give_back(host, again=again, wait=wait)
                if found:
                    put(found)
        except BaseException:
            turns.stop()
            raise
        finally:
            put(None)

    with ThreadPoolExecutor(rules.threads) as threads:
        working = [threads.submit(work) for _ in range(rules.threads)]
        try:
            for _ in working:
                while found := done.get():
                    yield found
            for each in working:
                each.result()
        finally:
            stopped.set()
            turns.stop()


def _try(item: _Wanted, rules: Rules, stopped: Event) -> tuple[SourceItem | None, float]:
    """Return what came of one try, or None and how long to wait before the next one."""
    try:
        data = fetch(item.address, rules=rules, stopped=stopped)
    except ImportRefused as refused:
        if isinstance(refused, TryAgain) and item.tries + 1 < rules.tries:
            wait = max(refused.wait, rules.wait * 2**item.tries)
            if wait <= rules.longest_wait:
                return None, wait
        return SourceItem(item.address, item.label, refused=refused), 0
    return SourceItem(item.address, item.label, lambda: data, web=True), 0
