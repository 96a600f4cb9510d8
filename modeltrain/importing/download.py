"""Fetch many addresses at once without overloading any host."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import Full, Queue
from threading import Event
from urllib.parse import urlsplit

from modeltrain.importing.fetch import FetchRules, fetch
from modeltrain.importing.host_queue import HostQueue
from modeltrain.importing.items import ImportRefused, RetryLater, SourceItem


@dataclass(frozen=True)
class _Download:
    address: str
    label: str
    tries: int = 0


def download(addresses: Sequence[tuple[str, str]], *, rules: FetchRules) -> Iterator[SourceItem]:
    """Fetch addresses and yield each as soon as it has been fetched or refused.

    Parameters
    ----------
    addresses : sequence of (address, label)
    rules : FetchRules
    """
    queue = HostQueue(
        (
            (urlsplit(address).hostname or "", _Download(address, label))
            for address, label in addresses
        ),
        per_host=rules.per_host,
        pause=rules.pause,
    )
    results: Queue[SourceItem | None] = Queue(rules.threads)
    stopped = Event()

    def put(item: SourceItem | None) -> None:
        while not stopped.is_set():
            try:
                return results.put(item, timeout=0.1)
            except Full:
                continue

    def work() -> None:
        try:
            while next_download := queue.take():
                host, pending = next_download
                item, delay = _try(pending, rules, stopped)
                retry = None if item else replace(pending, tries=pending.tries + 1)
                queue.release(host, retry=retry, delay=delay)
                if item:
                    put(item)
        except BaseException:
            queue.stop()
            raise
        finally:
            put(None)

    with ThreadPoolExecutor(rules.threads) as threads:
        workers = [threads.submit(work) for _ in range(rules.threads)]
        try:
            for _ in workers:
                while item := results.get():
                    yield item
            for worker in workers:
                worker.result()
        finally:
            stopped.set()
            queue.stop()


def _try(pending: _Download, rules: FetchRules, stopped: Event) -> tuple[SourceItem | None, float]:
    """Return the result of one try, or None and how many seconds to wait before the next one."""
    try:
        data = fetch(pending.address, rules=rules, stopped=stopped)
    except ImportRefused as error:
        if isinstance(error, RetryLater) and pending.tries + 1 < rules.tries:
            delay = max(error.wait, rules.wait * 2**pending.tries)
            if delay <= rules.longest_wait:
                return None, delay
        return SourceItem(pending.address, pending.label, refused=error, web=True), 0
    return SourceItem(pending.address, pending.label, lambda: data, web=True), 0
