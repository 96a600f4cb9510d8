"""Images that must not be shown: hash lists from elsewhere, and images that safety blocked."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Count, Max

from feedback.errors import Invalid
from feedback.models import BlockedHash, StoredImage
from feedback.services.images import pixels_of
from modeltrain.images import blocklist
from modeltrain.images.hashing import MIN_QUALITY

BATCH_SIZE = 5_000
MAX_LISTED = 20  # malformed lines in an error message


@dataclass
class BlocklistImport:
    """The result of importing a hash list."""

    read: int = 0
    new: int = 0
    too_plain: int = 0
    malformed: list[str] = field(default_factory=list)


def import_list(
    *, lines: Iterable[str], source: str, skip_malformed: bool = False
) -> BlocklistImport:
    """Add every hash of a list, or none if a line is malformed. Hashes that exist are unchanged."""
    source = _source(source)
    imported, hashes = BlocklistImport(), set[str]()
    for number, line in enumerate(lines, start=1):
        try:
            parsed = blocklist.parse_line(line)
        except blocklist.MalformedHash as problem:
            imported.malformed.append(f"line {number}: {problem}")
            continue
        if parsed is None:
            continue
        imported.read += 1
        digits, quality = parsed
        if quality is not None and quality < MIN_QUALITY:
            imported.too_plain += 1
        else:
            hashes.add(digits)
    if imported.malformed and not skip_malformed:
        more = len(imported.malformed) - MAX_LISTED
        raise Invalid(
            rule="Every line of a hash list is a PDQ hash of 64 hexadecimal digits, with a comma "
            "and its quality if you like, or a comment after #.",
            received="\n".join(imported.malformed[:MAX_LISTED])
            + (f"\nand {more} more" * (more > 0)),
            remedy="Nothing was imported. Mend these lines, or leave them out with "
            "--skip-malformed.",
        )
    imported.new = _add(sorted(hashes), source)
    return imported


def block(*, images: Iterable[StoredImage], source: str) -> tuple[int, int]:
    """Block stored images. Returns how many, and how many are too plain to be recognised."""
    source = _source(source)
    hashes_by_image = [blocklist.hashes_to_block(pixels_of(image)) for image in images]
    _add([digits for hashes in hashes_by_image for digits in hashes], source)
    blocked = sum(bool(hashes) for hashes in hashes_by_image)
    return blocked, len(hashes_by_image) - blocked


def matches(images: Iterable[StoredImage]) -> bool:
    """Is any of these images blocked, or a copy of a blocked one?"""
    count, *state = _state()
    if not count:
        return False  # hashing eight orientations of each image would be for nothing
    return _blocklist(count, *state).matches(
        [view for image in images for view in blocklist.dihedral_hashes(pixels_of(image))]
    )


def _source(source: str) -> str:
    source = source.replace("\0", "").strip()
    if not 0 < len(source) <= 200:
        raise Invalid(
            rule="Where hashes come from is said in 1 to 200 characters.",
            received=f"{len(source):,} characters",
            remedy="Name the list, or the reason.",
        )
    return source


@transaction.atomic
def _add(hashes: Sequence[str], source: str) -> int:
    before = BlockedHash.objects.count()
    BlockedHash.objects.bulk_create(
        (BlockedHash(pdq=digits, source=source) for digits in hashes),
        batch_size=BATCH_SIZE,
        ignore_conflicts=True,
    )
    return BlockedHash.objects.count() - before


def _state() -> tuple[Any, ...]:
    """A key that changes whenever a hash is added or deleted."""
    state = BlockedHash.objects.aggregate(Count("pk"), Max("pk"), Max("created_at"))
    return tuple(state.values())


@functools.lru_cache(maxsize=1)
def _blocklist(*_state: Any) -> blocklist.Blocklist:
    return blocklist.Blocklist(list(BlockedHash.objects.values_list("pdq", flat=True)))
