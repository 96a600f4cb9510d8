"""Images from a source into a dataset: decoded as a stranger's, stored by hash, told one by one."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from modeltrain.data import dataset, manifest
from modeltrain.data.dataset import Dataset
from modeltrain.data.manifest import Row
from modeltrain.files import write_whole
from modeltrain.images.codec import decode_in_child, pixel_sha256, to_png
from modeltrain.images.decoder import DecodeError
from modeltrain.images.hashing import MIN_QUALITY, pdq
from modeltrain.importing import journal
from modeltrain.importing.decisions import decide
from modeltrain.importing.items import ImportRefused, Skip, Source, SourceItem
from modeltrain.importing.journal import COPY, LEFT_OUT, TAKEN, Journal, Met
from modeltrain.progress import ProgressCallback, quiet

_LABEL_RULE = "A label must be one of the dataset's."
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DiskFull(OSError):
    """There is no room for another image."""


@dataclass(frozen=True)
class ImportSummary:
    """A dataset and what was met.

    Attributes
    ----------
    dataset : Dataset
    met : list of Met
        Everything that was in the source, sorted by source.
    """

    dataset: Dataset
    met: list[Met]

    @property
    def counts(self) -> dict[str, int]:
        """How many were taken, were copies, and were left out."""
        found = Counter(each.outcome for each in self.met)
        return {outcome: found[outcome] for outcome in (TAKEN, COPY, LEFT_OUT)}

    @property
    def problems(self) -> list[str]:
        """How many things broke which rule, and which classes are too small."""
        broken = Counter(each.rule for each in self.met if each.outcome == LEFT_OUT)
        images = Counter(row.label for row in self.dataset.rows)
        return [f"{count} left out: {rule}" for rule, count in broken.most_common()] + [
            f"A class must have images for training and for checking. Received: {images[label]} in "
            f"{label}. Add some, or leave the class out."
            for label in self.dataset.labels
            if images[label] < 2
        ]


def import_images(
    source: Source,
    out: Path,
    *,
    labels: Sequence[str] | None = None,
    audit_share: float = 0.2,
    validation_share: float = 0.1,
    most_addresses: int = 10,
    progress: ProgressCallback = quiet,
) -> ImportSummary:
    """Decode, store and list images, and write them as a dataset.

    Parameters
    ----------
    source : Source
        From `sources.read`.
    out : pathlib.Path
        Folder of the dataset. What an earlier run, which was stopped, has stored there stays.
    labels : sequence of str, optional
        What an image may be, in the order of a model's outputs; what the source says unless given.
    audit_share, validation_share : float
        Of the images; which ones follows from their hashes.
    most_addresses : int
        Of the web, from which one picture may come.
    progress : callable
        Told after each thing.

    Returns
    -------
    ImportSummary

    Raises
    ------
    DatasetRefused
        When `out` holds a whole dataset, or the labels are fewer than two.
    DiskFull
        What was stored stays, and another run goes on.
    """
    dataset.refuse_existing(out)
    shares = {"audit_share": audit_share, "validation_share": validation_share}
    manifest.split_of("", **shares)  # refuses shares that cannot be, before hours of work
    known = labels or source.labels
    named = dataset.check_labels(list(known)) if known else None
    store = out / "images"
    try:
        store.mkdir(parents=True, exist_ok=True)
        met = decide(
            _meet(source, named, store, out / journal.NAME, progress),
            most_addresses=most_addresses,
        )
        journal.write(out / journal.NAME, met)
        taken = [each for each in met if each.outcome == TAKEN]
        made = dataset.write(
            out,
            labels=named or sorted({each.label for each in met if each.sha256}),
            rows=[_row(each, manifest.split_of(each.sha256, **shares)) for each in taken],
            images={each.sha256: _stored(store, each.sha256) for each in taken},
        )
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise DiskFull(
            f"There must be room for the images. Received: {error}. Free some and run it again: "
            "what was stored is not read again."
        ) from error
    return ImportSummary(made, met)


def _meet(
    source: Source,
    labels: Sequence[str] | None,
    store: Path,
    path: Path,
    progress: ProgressCallback,
) -> list[Met]:
    """Return what became of each thing, now or in an earlier run."""
    written = Journal(path)

    def known(where: str, label: str) -> Met | None:
        one = written.before.get((where, label))
        if one is None or one.rule == _LABEL_RULE:
            return None
        return one if not one.sha256 or _stored(store, one.sha256).is_file() else None

    def settled(where: str, label: str) -> bool:
        return known(where, label) is not None or (labels is not None and label not in labels)

    def one(found: SourceItem) -> Met:
        if found.refused is None and labels is not None and found.label not in labels:
            remedy = f"Rename it, or name it among {', '.join(labels)}."
            return journal.met(found, refused=ImportRefused(_LABEL_RULE, repr(found.label), remedy))
        if earlier := known(found.source, found.label):
            return replace(earlier, groups=dict(found.groups))
        met = _take(found, store)
        written.add(met)
        return met

    met: list[Met] = []
    with closing(written):
        for each in _side_by_side(source, settled, one):
            met.append(each)
            progress("importing", len(met), source.total, "Importing images")
    return met


def _side_by_side(source: Source, settled: Skip, one: Callable[[SourceItem], Met]) -> Iterator[Met]:
    """Yield what becomes of each thing, a few at once: decoding is done by other processes."""
    waiting: set[Future[Met]] = set()
    most = 2 * (os.cpu_count() or 1)
    with closing(source.found(settled)) as found, ThreadPoolExecutor(os.cpu_count()) as threads:
        for each in found:
            waiting.add(threads.submit(one, each))
            if len(waiting) >= most:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        yield from (future.result() for future in as_completed(waiting))


def _take(found: SourceItem, store: Path) -> Met:
    if found.refused:
        return journal.met(found, refused=found.refused)
    try:
        data = found.read()
    except OSError as error:
        refused = ImportRefused("A file must be readable.", error, "Restore it.")
        return journal.met(found, refused=refused)
    try:
        pixels = decode_in_child(data)
    except DecodeError as error:
        refused = ImportRefused(error.rule, error.received, error.remedy)
        return journal.met(found, refused=refused)
    sha256 = pixel_sha256(pixels)
    path = _stored(store, sha256)
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        write_whole(path, to_png(pixels))
    looks = pdq(pixels) if found.web else None
    telling = looks is not None and looks.quality >= MIN_QUALITY
    return journal.met(found, sha256=sha256, pdq=looks.bits if looks and telling else "")


def _stored(store: Path, sha256: str) -> Path:
    return store / sha256[:2] / f"{sha256}.png"


def _row(each: Met, split: str) -> Row:
    return Row(each.sha256, each.label, each.groups, split, each.source, each.sha256)
