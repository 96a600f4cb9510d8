"""Whose turn it is: so many at once for each host, and a pause between."""

from __future__ import annotations

import heapq
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from threading import Condition
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Turns(Generic[Item]):
    """Items of hosts, handed to threads; a slow host keeps no other waiting.

    Parameters
    ----------
    items : iterable of (host, item)
    per_host : int
        How many of a host may be out at once.
    pause : float
        Seconds between an item's return and the next one in its place.
    """

    def __init__(self, items: Iterable[tuple[str, Item]], *, per_host: int, pause: float) -> None:
        self._left: dict[str, deque[Item]] = defaultdict(deque)
        for host, item in items:
            self._left[host].append(item)
        # A place is a host's right to have an item out, from a time on.
        self._places = sorted(
            (0.0, host)
            for host, left in self._left.items()
            for _ in range(min(per_host, len(left)))
        )
        self._pause = pause
        self._not_before: dict[str, float] = {}
        self._out = 0
        self._stopped = False
        self._changed = Condition()

    def take(self) -> tuple[str, Item] | None:
        """Wait for the next turn; None when none is left, also of those that may come back."""
        with self._changed:
            while not self._stopped and (self._places or self._out):
                if not self._places:
                    self._changed.wait()
                    continue
                at, host = self._places[0]
                now = time.monotonic()
                later = max(at, self._not_before.get(host, 0.0))
                if not self._left[host]:
                    heapq.heappop(self._places)
                elif at < later:
                    heapq.heapreplace(self._places, (later, host))
                elif at > now:
                    self._changed.wait(at - now)
                else:
                    heapq.heappop(self._places)
                    self._out += 1
                    return host, self._left[host].popleft()
            self._changed.notify_all()
            return None

    def give_back(self, host: str, *, again: Item | None = None, wait: float = 0.0) -> None:
        """End a turn; an item to try again comes after its host's others, which wait with it."""
        with self._changed:
            self._out -= 1
            now = time.monotonic()
            if again is not None:
                self._left[host].append(again)
                self._not_before[host] = max(self._not_before.get(host, 0.0), now + wait)
            if self._left[host]:
                heapq.heappush(self._places, (now + self._pause, host))
            self._changed.notify_all()

    def stop(self) -> None:
        """Hand out no more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
