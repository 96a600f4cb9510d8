"""Import a source into a dataset: decode untrusted files, store them by hash, record outcomes."""

from __future__ import annotations

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
from modeltrain.files import DISK_FULL_ERRNOS, write_whole
from modeltrain.images.codec import decode_in_child, pixel_sha256, to_png
from modeltrain.images.decoder import DecodeError, Limits, MachineBusy
from modeltrain.images.hashing import MIN_QUALITY, pdq
from modeltrain.importing import equal_images, journal
from modeltrain.importing.items import ImportRefused, Skip, Source, SourceItem
from modeltrain.importing.journal import COPY, LEFT_OUT, TAKEN, ImportRecord, Journal
from modeltrain.progress import ProgressCallback, quiet

_LABEL_RULE = "A label must be one of the dataset's."
_LIMITS = Limits(wall_seconds=300)  # nobody waits for this image


class DiskFull(OSError):
    """There is no space for another image."""


class MachineTooBusy(OSError):
    """The machine gave an image no processor time."""


@dataclass(frozen=True)
class ImportSummary:
    """A dataset and the outcome of each item in its source.

    Attributes
    ----------
    dataset : Dataset
    records : list of ImportRecord
        One for each item in the source, sorted by source.
    """

    dataset: Dataset
    records: list[ImportRecord]

    @property
    def counts(self) -> dict[str, int]:
        """How many items were taken, were copies, and were left out."""
        counts = Counter(record.outcome for record in self.records)
        return {outcome: counts[outcome] for outcome in (TAKEN, COPY, LEFT_OUT)}

    @property
    def problems(self) -> list[str]:
        """How many items broke which rule, and which labels have too few images."""
        broken_rules = Counter(record.rule for record in self.records if record.outcome == LEFT_OUT)
        images = Counter(row.label for row in self.dataset.rows)
        return [f"{count} left out: {rule}" for rule, count in broken_rules.most_common()] + [
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
    max_addresses: int = 10,
    progress: ProgressCallback = quiet,
) -> ImportSummary:
    """Decode and store the images of a source, and write them as a dataset.

    Parameters
    ----------
    source : Source
        From `sources.read`.
    out : pathlib.Path
        Folder of the dataset. An interrupted run is resumed: what it stored there is kept.
    labels : sequence of str, optional
        The labels, in the order of a model's outputs; the source's own unless given.
    audit_share, validation_share : float
        Of the images; an image's hash decides its split.
    max_addresses : int
        From how many web addresses one image may come before it counts as a placeholder.
    progress : callable
        Called after each item.

    Returns
    -------
    ImportSummary

    Raises
    ------
    DatasetRefused
        When `out` already holds a dataset, or there are fewer than two labels.
    DiskFull
        When the disk is full. What was stored is kept, and another run resumes.
    MachineTooBusy
        When an image got no processor time for five minutes. Leaving it out would make the load of
        the machine shape the dataset. Another run resumes with this image.
    """
    dataset.refuse_existing(out)
    shares = {"audit_share": audit_share, "validation_share": validation_share}
    manifest.split_of("", **shares)  # refuses invalid shares before hours of work
    label_names = labels or source.labels
    checked_labels = dataset.check_labels(list(label_names)) if label_names else None
    store = out / "images"
    try:
        store.mkdir(parents=True, exist_ok=True)
        records = equal_images.decide(
            _import_items(source, checked_labels, store, out / journal.JOURNAL_FILE, progress),
            max_addresses=max_addresses,
        )
        journal.write(out / journal.JOURNAL_FILE, records)
        taken = [record for record in records if record.outcome == TAKEN]
        imported = dataset.write(
            out,
            labels=checked_labels or sorted({record.label for record in records if record.sha256}),
            rows=[_row(record, manifest.split_of(record.sha256, **shares)) for record in taken],
            images={record.sha256: _image_path(store, record.sha256) for record in taken},
        )
    except OSError as error:
        if error.errno not in DISK_FULL_ERRNOS:
            raise
        raise DiskFull(
            f"There must be space for the images. Received: {error}. Free some and run it again: "
            "what was stored is not read again."
        ) from error
    return ImportSummary(imported, records)


def _import_items(
    source: Source,
    labels: Sequence[str] | None,
    store: Path,
    journal_path: Path,
    progress: ProgressCallback,
) -> list[ImportRecord]:
    """Return the outcome of each item, from this run or an earlier one."""
    resumed = Journal(journal_path)

    def earlier_record(path: str, label: str) -> ImportRecord | None:
        record = resumed.earlier.get((path, label))
        if record is None or record.rule == _LABEL_RULE:
            return None
        is_stored = not record.sha256 or _image_path(store, record.sha256).is_file()
        return record if is_stored else None

    def skip(path: str, label: str) -> bool:
        is_unwanted = labels is not None and label not in labels
        return is_unwanted or earlier_record(path, label) is not None

    def import_item(item: SourceItem) -> ImportRecord:
        if item.refused is None and labels is not None and item.label not in labels:
            remedy = f"Rename it, or add it to {', '.join(labels)}."
            error = ImportRefused(_LABEL_RULE, repr(item.label), remedy)
            return journal.record(item, refused=error)
        if earlier := earlier_record(item.source, item.label):
            return replace(earlier, groups=dict(item.groups))
        record = _store_image(item, store)
        resumed.append(record)
        return record

    records: list[ImportRecord] = []
    with closing(resumed):
        for record in _in_parallel(source, skip, import_item):
            records.append(record)
            progress("importing", len(records), source.total, "Importing images")
    return records


def _in_parallel(
    source: Source, skip: Skip, import_item: Callable[[SourceItem], ImportRecord]
) -> Iterator[ImportRecord]:
    """Yield the outcome of each item, a few at once: other processes do the decoding."""
    pending: set[Future[ImportRecord]] = set()
    max_pending = 2 * (os.cpu_count() or 1)
    with closing(source.items(skip)) as items, ThreadPoolExecutor(os.cpu_count()) as threads:
        for item in items:
            pending.add(threads.submit(import_item, item))
            if len(pending) >= max_pending:
                completed, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in completed)
        yield from (future.result() for future in as_completed(pending))


def _store_image(item: SourceItem, store: Path) -> ImportRecord:
    if item.refused:
        return journal.record(item, refused=item.refused)
    try:
        data = item.read()
    except OSError as error:
        refused = ImportRefused("A file must be readable.", error, "Restore it.")
        return journal.record(item, refused=refused)
    try:
        pixels = decode_in_child(data, limits=_LIMITS)
    except DecodeError as error:
        refused = ImportRefused(error.rule, error.received, error.remedy)
        return journal.record(item, refused=refused)
    except MachineBusy as error:
        raise MachineTooBusy(
            f"An image must be read within {_LIMITS.wall_seconds:g} seconds. Received: "
            f"{item.source}, which got too little processor time on a busy machine. Run it again: "
            "what was stored is not read again."
        ) from error
    sha256 = pixel_sha256(pixels)
    path = _image_path(store, sha256)
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        write_whole(path, to_png(pixels))
    perceptual = pdq(pixels) if item.web else None
    is_distinctive = perceptual is not None and perceptual.quality >= MIN_QUALITY
    bits = perceptual.bits if perceptual and is_distinctive else ""
    return journal.record(item, sha256=sha256, pdq=bits)


def _image_path(store: Path, sha256: str) -> Path:
    return store / sha256[:2] / f"{sha256}.png"


def _row(record: ImportRecord, split: str) -> Row:
    return Row(record.sha256, record.label, record.groups, split, record.source, record.sha256)
