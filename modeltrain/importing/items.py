"""The items of a source: files that may be images, and why some are refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modeltrain.images.decoder import Limits

Skip = Callable[[str, str], bool]


class ImportRefused(ValueError):
    """A source, or one item in it, breaks a rule.

    Attributes
    ----------
    rule, received, remedy : str
        The rule, what was received, and what to do.
    """

    def __init__(self, rule: str, received: object, remedy: str) -> None:
        self.rule = rule
        self.received = str(received)
        self.remedy = remedy
        super().__init__(f"{rule} Received: {received}. {remedy}")


class RetryLater(ImportRefused):
    """The item may work later.

    Attributes
    ----------
    wait : float
        Seconds that its host asked to wait; 0 if it did not.
    """

    def __init__(self, rule: str, received: object, remedy: str, *, wait: float = 0.0) -> None:
        super().__init__(rule, received, remedy)
        self.wait = wait


@dataclass(frozen=True)
class SourceItem:
    """One item in a source.

    Attributes
    ----------
    source : str
        Where it is, for people: a path within the source, or an address.
    label : str
        The label that the source gives it.
    read : callable
        Returns its bytes; raises OSError.
    groups : mapping of str to str
    refused : ImportRefused, optional
        Why it cannot be read, if so.
    web : bool
        Whether it came from the web, where one placeholder may stand for many missing images.
    split : str
        The manifest's split that the source gives it, if any.
    """

    source: str
    label: str
    read: Callable[[], bytes] = bytes
    groups: Mapping[str, str] = field(default_factory=dict)
    refused: ImportRefused | None = None
    web: bool = False
    split: str = ""


@dataclass(frozen=True)
class Source:
    """What a reader knows about a source.

    Attributes
    ----------
    labels : tuple of str
        The labels, if the source itself says which there are.
    total : int
        How many items it has.
    items : callable
        Returns a generator of SourceItem. Its argument is a function of source and label that says
        which items need not be fetched; a reader that fetches nothing may still yield those.
    warnings : tuple of str
        What is doubtful about it.
    """

    labels: tuple[str, ...]
    total: int
    items: Callable[[Skip], Generator[SourceItem, None, None]]
    warnings: tuple[str, ...] = ()


def is_visible(name: str) -> bool:
    """Say whether a file or folder belongs to the user, not to the system."""
    return not name.startswith(".") and name not in {"__MACOSX", "Thumbs.db"}


def to_text(name: str) -> str:
    """Return a file name as text, with bytes that are not UTF-8 escaped."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def file_reader(path: Path) -> Callable[[], bytes]:
    """Return a function that reads a file, at most one byte beyond the size limit of an image."""

    def read() -> bytes:
        with path.open("rb") as file:
            return file.read(Limits().max_bytes + 1)

    return read
