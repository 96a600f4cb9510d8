"""What nobody here may be shown: hash lists from elsewhere, and pictures that safety blocked."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Count, Max

from feedback.errors import Invalid
from feedback.models import BlockedHash, StoredImage
from feedback.services import images
from modeltrain.images import blocklist
from modeltrain.images.hashing import MIN_QUALITY

AT_ONCE = 5_000
TOLD = 20  # malformed lines, one by one


@dataclass
class BlocklistImport:
    """What came of a hash list."""

    read: int = 0
    new: int = 0
    too_plain: int = 0
    malformed: list[str] = field(default_factory=list)


def import_list(
    *, lines: Iterable[str], source: str, skip_malformed: bool = False
) -> BlocklistImport:
    """Add every hash of a list, or none where a line is malformed; known ones stay as they are."""
    source = _source(source)
    found, hashes = BlocklistImport(), set[str]()
    for number, line in enumerate(lines, start=1):
        try:
            parsed = blocklist.parse_line(line)
        except blocklist.MalformedHash as problem:
            found.malformed.append(f"line {number}: {problem}")
            continue
        if parsed is None:
            continue
        found.read += 1
        digits, quality = parsed
        if quality is not None and quality < MIN_QUALITY:
            found.too_plain += 1
        else:
            hashes.add(digits)
    if found.malformed and not skip_malformed:
        more = len(found.malformed) - TOLD
        raise Invalid(
            rule="Every line of a hash list is a PDQ hash of 64 hexadecimal digits, with a comma "
            "and its quality if you like, or a comment after #.",
            received="\n".join(found.malformed[:TOLD]) + (f"\nand {more} more" * (more > 0)),
            remedy="Nothing was imported. Mend these lines, or leave them out with "
            "--skip-malformed.",
        )
    found.new = _add(sorted(hashes), source)
    return found


def block(*, pictures: Iterable[StoredImage], source: str) -> tuple[int, int]:
    """Block pictures that are here. Returns how many, and how many are too plain to recognise."""
    source = _source(source)
    known = [blocklist.hashes_to_block(images.pixels_of(picture)) for picture in pictures]
    _add([digits for hashes in known for digits in hashes], source)
    return sum(bool(hashes) for hashes in known), sum(not hashes for hashes in known)


def stops(pictures: Iterable[StoredImage]) -> bool:
    """Is any of these pictures a blocked one, or a copy of one?"""
    known = _known(*_state())
    return known.matches(
        [view for one in pictures for view in blocklist.dihedral_hashes(images.pixels_of(one))]
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
        batch_size=AT_ONCE,
        ignore_conflicts=True,
    )
    return BlockedHash.objects.count() - before


def _state() -> tuple[Any, ...]:
    """Changes whenever a hash is added or removed."""
    state = BlockedHash.objects.aggregate(Count("pk"), Max("pk"), Max("created_at"))
    return tuple(state.values())


@functools.lru_cache(maxsize=1)
def _known(*_state: Any) -> blocklist.Blocklist:
    return blocklist.Blocklist(list(BlockedHash.objects.values_list("pdq", flat=True)))
