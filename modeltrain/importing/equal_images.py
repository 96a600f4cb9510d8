"""Which of several equal images is taken, whatever order they were imported in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from modeltrain.curate import hash_join
from modeltrain.importing.items import ImportRefused
from modeltrain.importing.journal import COPY, LEFT_OUT, TAKEN, ImportRecord


def decide(records: Sequence[ImportRecord], *, max_addresses: int) -> list[ImportRecord]:
    """Decide the outcome of every record that has pixels; the others stay left out.

    Of exact copies with one label the first by name is taken. An image with two labels is left out
    under both. An image that came from many addresses is a placeholder that sites show when an
    image is gone, and is left out everywhere.

    Parameters
    ----------
    records : sequence of ImportRecord
    max_addresses : int
        From how many addresses one image may come.

    Returns
    -------
    list of ImportRecord
        Sorted by source and label; the same for the same records in any order.
    """
    records = sorted(records, key=lambda record: record.key)
    addresses = _count_addresses(records)
    first_by_label: dict[str, dict[str, ImportRecord]] = defaultdict(dict)
    for record in records:
        if record.sha256:
            first_by_label[record.sha256].setdefault(record.label, record)
    decided, taken = [], set()
    for record in records:
        by_label = first_by_label.get(record.sha256, {})
        if not record.sha256:
            decided.append(record)
        elif addresses.get(record.sha256, 0) > max_addresses:
            error = _placeholder_error(addresses[record.sha256], max_addresses)
            decided.append(_leave_out(record, error))
        elif len(by_label) > 1:
            decided.append(_leave_out(record, _conflict_error(by_label.values())))
        elif record.sha256 in taken:
            decided.append(_mark_copy(record, by_label[record.label]))
        else:
            taken.add(record.sha256)
            decided.append(replace(record, outcome=TAKEN, rule="", received="", remedy=""))
    return decided


def _leave_out(record: ImportRecord, error: ImportRefused) -> ImportRecord:
    return replace(
        record, outcome=LEFT_OUT, rule=error.rule, received=error.received, remedy=error.remedy
    )


def _mark_copy(record: ImportRecord, original: ImportRecord) -> ImportRecord:
    received = f"copy of {original.source}"
    rule = "An image is taken once."
    return replace(record, outcome=COPY, rule=rule, received=received, remedy="")


def _conflict_error(records: Collection[ImportRecord]) -> ImportRefused:
    return ImportRefused(
        "An image must have one label.",
        " and ".join(f"{record.label} ({record.source})" for record in records),
        "Decide which is right.",
    )


def _placeholder_error(addresses: int, max_addresses: int) -> ImportRefused:
    return ImportRefused(
        f"An image may come from {max_addresses} addresses: one that comes from more is a "
        "placeholder for images that are gone.",
        addresses,
        "Raise --most-addresses if it is not.",
    )


def _count_addresses(records: Sequence[ImportRecord]) -> dict[str, int]:
    """Count, by hash, the addresses from which each web image, or one that looks like it, came.

    Images look alike if their PDQ hashes are within 31 of 256 bits and neither image is too plain:
    PDQ's own rule (Facebook, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing
    algorithm", 2019).
    """
    addresses: dict[str, set[str]] = defaultdict(set)
    look_of: dict[str, str] = {}
    for record in records:
        if record.web and record.sha256:
            look = record.pdq or record.sha256
            addresses[look].add(record.source)
            look_of[record.sha256] = look
    bits = sorted({record.pdq for record in records if record.pdq})
    hashes = np.frombuffer(bytes.fromhex("".join(bits)), dtype=np.uint8).reshape(-1, 32)
    near = {look: set(sources) for look, sources in addresses.items()}
    for a, b, _ in hash_join.pairs(hashes):
        near[bits[a]] |= addresses[bits[b]]
        near[bits[b]] |= addresses[bits[a]]
    return {sha256: len(near[look]) for sha256, look in look_of.items()}
