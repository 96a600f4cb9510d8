"""Steps of the set-up: each says what it does, how long it took, and is done once."""

import hashlib
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent


def fail(rule: str, received: str, remedy: str) -> NoReturn:
    """Stop with one clear message."""
    sys.exit(f"{rule}\nReceived: {received}\n{remedy}")


def digest(*paths: Path) -> str:
    """One hash of these files, to see whether a step is out of date."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def step(title: str, work: Callable[[], object], *, stamp: Path, key: str) -> None:
    """Do `work` unless `stamp` says that it was done for the same `key`."""
    if stamp.is_file() and stamp.read_text() == key:
        return
    always(title, work)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(key)


def always(title: str, work: Callable[[], object]) -> None:
    print(f"· {title} …", flush=True)
    started = time.monotonic()
    work()
    print(f"  done in {time.monotonic() - started:.0f} s", flush=True)


def contents(paths: Iterable[Path]) -> str:
    """Every file's name and content in one hash."""
    files = sorted(path for path in paths if path.is_file())
    names = "\0".join(str(path.relative_to(ROOT)) for path in files)
    return hashlib.sha256((names + digest(*files)).encode()).hexdigest()
