"""Import a source into a dataset: decode untrusted files, store them by hash, record outcomes."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from modeltrain.data import dataset, manifest
from modeltrain.data.dataset import Dataset
from modeltrain.data.manifest import Row
from modeltrain.files import DISK_FULL_ERRNOS, write_whole
from modeltrain.images.codec import decode_in_child, pixel_sha256, to_png
from modeltrain.images.decoder import UNATTENDED_LIMITS, DecodeError, MachineBusy
from modeltrain.images.hashing import MIN_QUALITY, pdq
from modeltrain.importing import equal_images, journal, spellings
from modeltrain.importing.items import ImportRefused, Skip, Source, SourceItem
from modeltrain.importing.journal import COPY, LEFT_OUT, TAKEN, ImportRecord, Journal
from modeltrain.importing.layout import split_named
from modeltrain.progress import ProgressCallback, quiet

_LABEL_RULE = "A label must be one of the dataset's."
_MAX_BUSY = 20
_THREADS = 2 * (os.cpu_count() or 1)  # while one waits for the disk, another hashes
_BUSY_ERRNOS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})


class DiskFull(OSError):
    """There is no space for another image."""


class MachineTooBusy(OSError):
    """The machine has no processor time, memory or open files for an image, however often asked."""


@dataclass(frozen=True)
class ImportSummary:
    """A dataset and the outcome of each item in its source.

    Attributes
    ----------
    dataset : Dataset
    records : list of ImportRecord
        One for each item in the source, sorted by source.
    warnings : list of str
        What is doubtful.
    """

    dataset: Dataset
    records: list[ImportRecord]
    warnings: list[str]

    @property
    def counts(self) -> dict[str, int]:
        """How many items were taken, were copies, and were left out."""
        counts = Counter(record.outcome for record in self.records)
        return {outcome: counts[outcome] for outcome in (TAKEN, COPY, LEFT_OUT)}

    @property
    def problems(self) -> list[str]:
        """What is doubtful, how many items broke which rule, which labels lack images."""
        broken_rules = Counter(record.rule for record in self.records if record.outcome == LEFT_OUT)
        images = Counter(row.label for row in self.dataset.rows)
        return [
            *self.warnings,
            *(f"{count} left out: {rule}" for rule, count in broken_rules.most_common()),
            *(
                "A class must have images for training and for checking. Received: "
                f"{images[label]} in {label}. Add some, or leave the class out."
                for label in self.dataset.labels
                if images[label] < 2
            ),
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
        The labels, in the order of a model's outputs; the source's own unless given. Labels that
        differ only by case or blanks are one label.
    audit_share, validation_share : float
        Of the images; an image's hash decides its split. An image keeps the split that its source
        gives it; a split that the source lacks is taken from its images for training.
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
    ImportRefused
        When nothing was taken. No dataset is written, and `out` may be used again.
    DiskFull
        When the disk is full. What was stored is kept, and another run resumes.
    MachineTooBusy
        When an image got no processor time for five minutes, also not after all others. Leaving it
        out would make the load of the machine shape the dataset. Another run resumes with it.
    """
    dataset.refuse_existing(out)
    shares = {"audit_share": audit_share, "validation_share": validation_share}
    manifest.split_of("", **shares)  # refuses invalid shares before hours of work
    names = list(labels or source.labels)
    checked_names = dataset.check_labels(spellings.unique(names)) if names else None
    store = out / "images"
    try:
        store.mkdir(parents=True, exist_ok=True)
        records = _import_items(source, checked_names, store, out / journal.JOURNAL_FILE, progress)
        images = [record for record in records if record.sha256]
        chosen, warnings = spellings.choose([record.label for record in images], names)
        records = [
            replace(record, label=chosen.get(record.label, record.label)) for record in records
        ]
        records = equal_images.decide(records, max_addresses=max_addresses)
        journal.write(out / journal.JOURNAL_FILE, records)
        taken = [record for record in records if record.outcome == TAKEN]
        if not taken:
            with suppress(OSError):  # it may hold images of an interrupted import
                store.rmdir()
            raise _nothing_taken_error(records, out)
        final_labels = list(dict.fromkeys(chosen[name] for name in names))
        imported = dataset.write(
            out,
            labels=final_labels or sorted({record.label for record in records if record.sha256}),
            rows=_rows(taken, shares),
            images={record.sha256: _image_path(store, record.sha256) for record in taken},
        )
    except OSError as error:
        if error.errno not in DISK_FULL_ERRNOS:
            raise
        raise DiskFull(
            f"There must be space for the images. Received: {error}. Free some and run it again: "
            "what was stored is not read again."
        ) from error
    warnings = [*source.warnings, *_split_warnings(imported.labels), *warnings]
    return ImportSummary(imported, records, warnings)


def _nothing_taken_error(records: Sequence[ImportRecord], out: Path) -> ImportRefused:
    rule = "An import must take at least one image."
    if not records:
        return ImportRefused(rule, "no files", "Put images there, and run it again.")
    first = next((record for record in records if record.outcome == LEFT_OUT), records[0])
    return ImportRefused(
        rule,
        f"{len(records):,} left out, such as {first.source} ({first.rule})",
        f"{out / journal.JOURNAL_FILE} says why. Run it again when that is mended.",
    )


def _split_warnings(labels: Sequence[str]) -> list[str]:
    splits = [label for label in labels if split_named(label)]
    if not splits:
        return []
    return [
        f"A label should not be the name of a split. Received: {', '.join(splits)}. If these are "
        "splits, put the images of each class into a folder of its own: SPLIT/CLASS/FILE."
    ]


def _import_items(
    source: Source,
    labels: Sequence[str] | None,
    store: Path,
    journal_path: Path,
    progress: ProgressCallback,
) -> list[ImportRecord]:
    """Return the outcome of each item, from this run or an earlier one."""
    resumed = Journal(journal_path)
    keys = None if labels is None else set(map(spellings.key, labels))
    busy: list[SourceItem] = []

    def earlier_record(path: str, label: str) -> ImportRecord | None:
        record = resumed.earlier.get((path, label))
        if record is None or not record.settled:
            return None
        is_stored = not record.sha256 or _image_path(store, record.sha256).is_file()
        return record if is_stored else None

    def skip(path: str, label: str) -> bool:
        return not is_wanted(label) or earlier_record(path, label) is not None

    def is_wanted(label: str) -> bool:
        return keys is None or spellings.key(label) in keys

    def import_item(item: SourceItem) -> ImportRecord | None:
        if item.refused is None and not is_wanted(item.label):
            remedy = f"Rename it, or add it to {', '.join(labels or ())}."
            error = ImportRefused(_LABEL_RULE, repr(item.label), remedy)
            return journal.record(item, refused=error)
        if earlier := earlier_record(item.source, item.label):
            return replace(earlier, groups=dict(item.groups), split=item.split)
        try:
            record = _store_image(item, store)
        except MachineTooBusy:
            busy.append(item)  # tried again when the others are done
            if len(busy) > _MAX_BUSY:
                raise
            return None
        resumed.append(record)
        return record

    def outcomes() -> Iterator[ImportRecord | None]:
        yield from _in_parallel(source, skip, import_item)
        for item in busy:
            record = _store_image(item, store)
            resumed.append(record)
            yield record

    records: list[ImportRecord] = []
    with closing(resumed):
        for record in outcomes():
            if record:
                records.append(record)
                progress("importing", len(records), source.total, "Importing images")
    return records


def _in_parallel(
    source: Source, skip: Skip, import_item: Callable[[SourceItem], ImportRecord | None]
) -> Iterator[ImportRecord | None]:
    """Yield the outcome of each item, a few at once: other processes do the decoding."""
    pending: set[Future[ImportRecord | None]] = set()
    with closing(source.items(skip)) as items, ThreadPoolExecutor(_THREADS) as threads:
        for item in items:
            pending.add(threads.submit(import_item, item))
            if len(pending) >= 2 * _THREADS:
                completed, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in completed)
        yield from (future.result() for future in as_completed(pending))


def _store_image(item: SourceItem, store: Path) -> ImportRecord:
    if item.refused:
        return journal.record(item, refused=item.refused)
    try:
        data = item.read()
    except OSError as error:
        if error.errno in _BUSY_ERRNOS:
            raise _busy_error(item) from error
        refused = ImportRefused("A file must be readable.", error, "Restore it.")
        return journal.record(item, refused=refused)
    try:
        pixels = decode_in_child(data, limits=UNATTENDED_LIMITS)
    except DecodeError as error:
        refused = ImportRefused(error.rule, error.received, error.remedy)
        return journal.record(item, refused=refused)
    except OSError as error:
        if isinstance(error, MachineBusy) or error.errno in _BUSY_ERRNOS:
            raise _busy_error(item) from error
        raise
    sha256 = pixel_sha256(pixels)
    path = _image_path(store, sha256)
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        write_whole(path, to_png(pixels))
    perceptual = pdq(pixels) if item.web else None
    is_distinctive = perceptual is not None and perceptual.quality >= MIN_QUALITY
    bits = perceptual.bits if perceptual and is_distinctive else ""
    return journal.record(item, sha256=sha256, pdq=bits)


def _busy_error(item: SourceItem) -> MachineTooBusy:
    return MachineTooBusy(
        "An image must get processor time, memory and open files. Received: too little for "
        f"{item.source} on a busy machine. Run it again: what was stored is not read again."
    )


def _image_path(store: Path, sha256: str) -> Path:
    return store / sha256[:2] / f"{sha256}.png"


def _rows(records: Sequence[ImportRecord], shares: Mapping[str, float]) -> Iterator[Row]:
    """Yield rows with the split that the source gives, or that the hash decides."""
    given = {record.split for record in records}
    lacking = {
        name: 0.0 if name.removesuffix("_share") in given else share
        for name, share in shares.items()
    }
    for record in records:
        split = record.split
        if split in {"", "train"}:
            split = manifest.split_of(record.sha256, **(lacking if split else shares))
        yield Row(record.sha256, record.label, record.groups, split, record.source, record.sha256)
