"""Locks between test processes, so that only one of them creates what they share."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TURNS = Path(__file__).resolve().parent.parent / "var" / "test-turns"


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Hold the lock of this name, which one test process can hold at a time."""
    TURNS.mkdir(parents=True, exist_ok=True)
    with (TURNS / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
