"""What a source holds: things that may be images, and why some are not."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modeltrain.images.decoder import Limits

LABELS_FILE = "labels.json"

Skip = Callable[[str, str], bool]


class ImportRefused(ValueError):
    """A source, or one thing in it, breaks a rule.

    Attributes
    ----------
    rule, received, remedy : str
        What holds, what was found, and what to do.
    """

    def __init__(self, rule: str, received: object, remedy: str) -> None:
        self.rule = rule
        self.received = str(received)
        self.remedy = remedy
        super().__init__(f"{rule} Received: {received}. {remedy}")


@dataclass(frozen=True)
class SourceItem:
    """One thing in a source.

    Attributes
    ----------
    source : str
        Where it is, for people: a path within the source, or an address.
    label : str
        What the source says it is.
    read : callable
        Returns its bytes; raises OSError.
    groups : mapping of str to str
    refused : ImportRefused, optional
        Why it is not read, if so.
    web : bool
        Whether it came from the web, where one picture may stand for many that are gone.
    """

    source: str
    label: str
    read: Callable[[], bytes] = bytes
    groups: Mapping[str, str] = field(default_factory=dict)
    refused: ImportRefused | None = None
    web: bool = False


@dataclass(frozen=True)
class Source:
    """What a reader makes of a source.

    Attributes
    ----------
    labels : tuple of str
        The classes, where the source itself says which there are.
    total : int
        How many things it holds.
    found : callable
        Returns a generator of SourceItem. Takes a function of source and label that says what need
        not be fetched; a reader that fetches nothing may yield it all the same.
    """

    labels: tuple[str, ...]
    total: int
    found: Callable[[Skip], Generator[SourceItem, None, None]]


def visible(name: str) -> bool:
    """Say whether a file or folder is the owner's, not the system's."""
    return not name.startswith(".") and name not in {"__MACOSX", "Thumbs.db"}


def text(name: str) -> str:
    """Return a file's name as it can be written down, whatever bytes it is made of."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def reader(path: Path) -> Callable[[], bytes]:
    """Return what reads a file, no further than is needed to see that it is too long."""

    def read() -> bytes:
        with path.open("rb") as file:
            return file.read(Limits().max_bytes + 1)

    return read
