"""What several test processes share is made by one of them."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TURNS = Path(__file__).resolve().parent.parent / "var" / "test-turns"


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Wait until no other test process does what has this name."""
    TURNS.mkdir(parents=True, exist_ok=True)
    with (TURNS / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
