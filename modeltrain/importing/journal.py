"""The outcome of each item in a source, one per line, so that an interrupted import can resume."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from modeltrain.files import write_whole
from modeltrain.importing.items import ImportRefused, RetryLater, SourceItem

JOURNAL_FILE = "import.jsonl"
TAKEN, COPY, LEFT_OUT = "taken", "copy", "left out"


@dataclass(frozen=True)
class ImportRecord:
    """The outcome of one item.

    Attributes
    ----------
    source, label : str
    groups : dict of str to str
    time : str
        When it was imported, in UTC.
    sha256 : str
        Of its pixels; empty if they were not read.
    pdq : str
        Perceptual hash of an image from the web that is not too plain; else empty.
    web : bool
    split : str
        The manifest's split that the source gives it, if any.
    outcome : {"taken", "copy", "left out"}
    rule, received, remedy : str
        Why it was left out; empty if it was taken.
    settled : bool
        Whether an interrupted import that resumes leaves it as it is. A file that was left out is
        tried again, and so is an address that may work later.
    """

    source: str
    label: str
    groups: dict[str, str] = field(default_factory=dict)
    time: str = ""
    sha256: str = ""
    pdq: str = ""
    web: bool = False
    split: str = ""
    outcome: str = TAKEN
    rule: str = ""
    received: str = ""
    remedy: str = ""
    settled: bool = True

    @property
    def key(self) -> tuple[str, str]:
        """What identifies it within its source."""
        return self.source, self.label


def record(
    item: SourceItem, *, refused: ImportRefused | None = None, sha256: str = "", pdq: str = ""
) -> ImportRecord:
    """Record the outcome of an item now: it has either a hash or an error."""
    return ImportRecord(
        source=item.source,
        label=item.label,
        groups=dict(item.groups),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        sha256=sha256,
        pdq=pdq,
        web=item.web,
        split=item.split,
        outcome=LEFT_OUT if refused else TAKEN,
        rule=refused.rule if refused else "",
        received=refused.received if refused else "",
        remedy=refused.remedy if refused else "",
        settled=refused is None or (item.web and not isinstance(refused, RetryLater)),
    )


class Journal:
    """A journal that threads append to; what was appended survives a kill.

    Attributes
    ----------
    earlier : dict of tuple to ImportRecord
        Records of an earlier run, by key.
    """

    def __init__(self, path: Path) -> None:
        self.earlier = {record.key: record for record in _read(path)}
        write(path, self.earlier.values())  # without a line that was cut off
        self._file = path.open("a", encoding="utf-8")
        self._lock = Lock()

    def append(self, record: ImportRecord) -> None:
        """Write one record."""
        with self._lock:
            self._file.write(_to_line(record))
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def write(path: Path, records: Iterable[ImportRecord]) -> None:
    """Write a whole journal, replacing an existing one."""
    write_whole(path, "".join(map(_to_line, records)).encode())


def _to_line(record: ImportRecord) -> str:
    return json.dumps(asdict(record), ensure_ascii=False) + "\n"


def _read(path: Path) -> Iterator[ImportRecord]:
    if not path.is_file():
        return
    for line in path.read_bytes().split(b"\n"):
        try:
            yield ImportRecord(**json.loads(line))
        except (ValueError, TypeError):
            continue
