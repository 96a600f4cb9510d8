"""Images from a source into a dataset: decoded as a stranger's, stored by hash, told one by one.

`import.jsonl` in the folder is the journal, a line for each thing that was met. A run that was
stopped reads it and goes on; what it says was taken is not decoded again.
"""

from __future__ import annotations

import errno
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from modeltrain import dataset, manifest
from modeltrain.dataset import Dataset
from modeltrain.decoder import ImageRefused
from modeltrain.files import write_whole
from modeltrain.images import decode_in_child, pixel_sha256, to_png
from modeltrain.importing.sources import Found, SourceRefused
from modeltrain.manifest import Row
from modeltrain.progress import Report, quiet

JOURNAL = "import.jsonl"
_AT_ONCE = 64


class DiskFull(OSError):
    """There is no room for another image."""


@dataclass(frozen=True)
class Met:
    """What became of one thing in a source.

    Attributes
    ----------
    source, label : str
    sha256 : str
        Of its pixels; empty where it was left out before it was decoded.
    left_out : str
        Why, for people; empty where it was taken.
    time : str
        When, in UTC.
    groups : dict of str to str
    """

    source: str
    label: str
    sha256: str = ""
    left_out: str = ""
    time: str = ""
    groups: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Imported:
    """A dataset, what was met, and what it lacks."""

    dataset: Dataset
    met: list[Met]
    problems: list[str]


def import_images(
    found: Iterable[Found],
    out: Path,
    *,
    labels: Sequence[str] | None = None,
    audit_share: float = 0.2,
    validation_share: float = 0.1,
    progress: Report = quiet,
) -> Imported:
    """Decode, store and list images, and write them as a dataset.

    Parameters
    ----------
    found : iterable of Found
        In a fixed order, so that a run that was stopped goes on where it was.
    out : pathlib.Path
        Folder of the dataset.
    labels : sequence of str, optional
        What an image may be, in the order of a model's outputs; what the source says unless given.
    audit_share, validation_share : float
        Of the images; which ones follows from their hashes.
    progress : callable
        Told after each batch; the total is not known before.

    Returns
    -------
    Imported
        Exact copies are taken once. A picture that is there under two labels is left out under
        both, and told.

    Raises
    ------
    DatasetRefused
        When `out` holds a whole dataset, or the labels are fewer than two.
    DiskFull
        What was stored stays, and another run goes on.
    """
    dataset.refuse_existing(out)
    known = dataset.check_labels(list(labels)) if labels is not None else None
    store = out / "images"
    try:
        store.mkdir(parents=True, exist_ok=True)
        before = {(each.source, each.label): each for each in _read_journal(out / JOURNAL)}
        met: list[Met] = []
        with (out / JOURNAL).open("a", encoding="utf-8") as journal:
            for each in _meet(found, before, known, store, journal):
                met.append(each)
                progress("importing", len(met), 0, f"Importing images: {len(met)}")
        decided = _decided(met)
        named = known or dataset.check_labels(sorted({each.label for each in met if each.sha256}))
        taken = [each for each in decided if not each.left_out]
        rows = [
            _row(each, audit_share=audit_share, validation_share=validation_share) for each in taken
        ]
        paths = {each.sha256: _stored(store, each.sha256) for each in taken}
        _write_journal(out / JOURNAL, decided)
        made = dataset.write(out, labels=named, rows=rows, images=paths)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise
        raise DiskFull(
            f"There must be room for the images. Received: {error}. Free some and run it again: "
            "what was stored is not read again."
        ) from error
    problems = [f"{each.source}: {each.left_out}" for each in decided if _is_problem(each)]
    return Imported(made, decided, problems + _lacking(made))


def _meet(
    found: Iterable[Found],
    before: dict[tuple[str, str], Met],
    labels: Sequence[str] | None,
    store: Path,
    journal: TextIO,
) -> Iterator[Met]:
    def one(each: Found) -> Met:
        known = before.get((each.source, each.label))
        if known and (not known.sha256 or _stored(store, known.sha256).is_file()):
            return known
        return _take(each, labels, store)

    left = iter(found)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        while chunk := list(islice(left, _AT_ONCE)):
            for met in threads.map(one, chunk):
                if (met.source, met.label) not in before:
                    journal.write(json.dumps(asdict(met), ensure_ascii=False) + "\n")
                    journal.flush()
                yield met


def _take(found: Found, labels: Sequence[str] | None, store: Path) -> Met:
    def met(*, sha256: str = "", left_out: str = "") -> Met:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return Met(found.source, found.label, sha256, left_out, now, dict(found.groups))

    if found.refused:
        return met(left_out=found.refused)
    if labels is not None and found.label not in labels:
        return met(
            left_out=f"A label must be one of {', '.join(labels)}. Received: {found.label!r}. "
            "Rename it, or name it among the labels."
        )
    try:
        pixels = decode_in_child(found.read())
    except ImageRefused as error:
        return met(left_out=str(error))
    except OSError as error:
        return met(left_out=f"A file must be readable. Received: {error}. Restore it.")
    sha256 = pixel_sha256(pixels)
    path = _stored(store, sha256)
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        write_whole(path, to_png(pixels))
    return met(sha256=sha256)


def _stored(store: Path, sha256: str) -> Path:
    return store / sha256[:2] / f"{sha256}.png"


def _decided(met: Sequence[Met]) -> list[Met]:
    """Keep the first of exact copies, and none of a picture that is there under two labels."""
    labels = defaultdict(set)
    first: dict[str, Met] = {}
    for each in met:
        if each.sha256:
            labels[each.sha256].add(each.label)
            first.setdefault(each.sha256, each)
    return [_judged(each, sorted(labels[each.sha256]), first) for each in met]


def _judged(each: Met, labels: Sequence[str], first: dict[str, Met]) -> Met:
    if not each.sha256:
        return each
    said = ""
    if len(labels) > 1:
        said = (
            f"The same picture is there as {' and as '.join(labels)}. Decide which it is, and "
            "give it one label."
        )
    elif first[each.sha256] is not each:
        said = f"A copy of {first[each.sha256].source}, which is taken."
    return Met(each.source, each.label, each.sha256, said, each.time, each.groups)


def _is_problem(each: Met) -> bool:
    return bool(each.left_out) and not each.left_out.startswith("A copy of ")


def _row(each: Met, *, audit_share: float, validation_share: float) -> Row:
    split = manifest.split_of(
        each.sha256, audit_share=audit_share, validation_share=validation_share
    )
    return Row(each.sha256, each.label, each.groups, split, each.source, each.sha256)


def _lacking(made: Dataset) -> list[str]:
    counts = Counter(row.label for row in made.rows)
    return [
        f"Class {label} has {counts[label] or 'no'} image{'' if counts[label] == 1 else 's'}: it "
        "cannot be learned from and checked. Add some, or leave the class out."
        for label in made.labels
        if counts[label] < 2
    ]


def _read_journal(path: Path) -> list[Met]:
    """Read what an earlier run met; a last line that was cut off is not there."""
    if not path.is_file():
        return []
    met = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            values: dict[str, Any] = json.loads(line)
            met.append(Met(**values))
        except (ValueError, TypeError):
            continue
    _write_journal(path, met)
    return met


def _write_journal(path: Path, met: Iterable[Met]) -> None:
    lines = [json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in met]
    write_whole(path, "".join(lines).encode())


__all__ = ["DiskFull", "Imported", "Met", "SourceRefused", "import_images"]
