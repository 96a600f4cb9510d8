"""What became of each thing in a source, a line each, so that a run that was stopped goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from modeltrain.files import write_whole
from modeltrain.importing.items import ImportRefused, SourceItem

NAME = "import.jsonl"
TAKEN, COPY, LEFT_OUT = "taken", "copy", "left out"


@dataclass(frozen=True)
class Met:
    """What became of one thing.

    Attributes
    ----------
    source, label : str
    groups : dict of str to str
    time : str
        When, in UTC.
    sha256 : str
        Of its pixels; empty where they were not read.
    pdq : str
        What it looks like, for what came from the web and is not too plain; else empty.
    web : bool
    outcome : {"taken", "copy", "left out"}
    rule, received, remedy : str
        Why it was left out; empty where it was taken.
    """

    source: str
    label: str
    groups: dict[str, str] = field(default_factory=dict)
    time: str = ""
    sha256: str = ""
    pdq: str = ""
    web: bool = False
    outcome: str = TAKEN
    rule: str = ""
    received: str = ""
    remedy: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others in its source."""
        return self.source, self.label


def met(
    found: SourceItem, *, refused: ImportRefused | None = None, sha256: str = "", pdq: str = ""
) -> Met:
    """Return what became of a thing just now: it has a hash, or a reason why not."""
    return Met(
        source=found.source,
        label=found.label,
        groups=dict(found.groups),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        sha256=sha256,
        pdq=pdq,
        web=found.web,
        outcome=LEFT_OUT if refused else TAKEN,
        rule=refused.rule if refused else "",
        received=refused.received if refused else "",
        remedy=refused.remedy if refused else "",
    )


class Journal:
    """A journal that threads add to; what is added survives a kill."""

    def __init__(self, path: Path) -> None:
        self.before = {each.key: each for each in _read(path)}
        write(path, self.before.values())  # less a line that was cut off
        self._file = path.open("a", encoding="utf-8")
        self._lock = Lock()

    def add(self, one: Met) -> None:
        """Write down one thing."""
        with self._lock:
            self._file.write(_line(one))
            self._file.flush()

    def close(self) -> None:
        """End it, for now."""
        self._file.close()


def write(path: Path, lines: Iterable[Met]) -> None:
    """Write a whole journal in place of the one that is there."""
    write_whole(path, "".join(map(_line, lines)).encode())


def _line(one: Met) -> str:
    return json.dumps(asdict(one), ensure_ascii=False) + "\n"


def _read(path: Path) -> Iterator[Met]:
    if not path.is_file():
        return
    for line in path.read_bytes().split(b"\n"):
        try:
            yield Met(**json.loads(line))
        except (ValueError, TypeError):
            continue
