"""A queue that limits, for each host, how many requests run at once and how soon they follow."""

from __future__ import annotations

import heapq
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from threading import Condition
from typing import Generic, TypeVar

Item = TypeVar("Item")


class HostQueue(Generic[Item]):
    """Items of hosts, handed to threads; a slow host does not delay the others.

    Parameters
    ----------
    items : iterable of (host, item)
    per_host : int
        How many items of one host may be in use at once.
    pause : float
        Seconds between the release of an item and the next item in its slot.
    """

    def __init__(self, items: Iterable[tuple[str, Item]], *, per_host: int, pause: float) -> None:
        self._waiting: dict[str, deque[Item]] = defaultdict(deque)
        for host, item in items:
            self._waiting[host].append(item)
        # A slot is a host's right to have one more item in use from some time on.
        self._slots = sorted(
            (0.0, host)
            for host, waiting in self._waiting.items()
            for _ in range(min(per_host, len(waiting)))
        )
        self._pause = pause
        self._not_before: dict[str, float] = {}
        self._in_use = 0
        self._stopped = False
        self._changed = Condition()

    def take(self) -> tuple[str, Item] | None:
        """Wait for the next item; None when none is left, including those that may be retried."""
        with self._changed:
            while not self._stopped and (self._slots or self._in_use):
                if not self._slots:
                    self._changed.wait()
                    continue
                slot_time, host = self._slots[0]
                now = time.monotonic()
                earliest = max(slot_time, self._not_before.get(host, 0.0))
                if not self._waiting[host]:
                    heapq.heappop(self._slots)
                elif slot_time < earliest:
                    heapq.heapreplace(self._slots, (earliest, host))
                elif slot_time > now:
                    self._changed.wait(slot_time - now)
                else:
                    heapq.heappop(self._slots)
                    self._in_use += 1
                    return host, self._waiting[host].popleft()
            self._changed.notify_all()
            return None

    def release(self, host: str, *, retry: Item | None = None, delay: float = 0.0) -> None:
        """Free a slot.

        Parameters
        ----------
        host : str
        retry : item, optional
            Queued again after the host's other items.
        delay : float
            Seconds before the host's next item, if there is one to retry.
        """
        with self._changed:
            self._in_use -= 1
            now = time.monotonic()
            if retry is not None:
                self._waiting[host].append(retry)
                self._not_before[host] = max(self._not_before.get(host, 0.0), now + delay)
            if self._waiting[host]:
                heapq.heappush(self._slots, (now + self._pause, host))
            self._changed.notify_all()

    def stop(self) -> None:
        """Hand out no more items."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
