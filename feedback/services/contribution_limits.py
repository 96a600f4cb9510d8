"""How much of what a dataset version learns may come from one place: contribution bounding.

A place is where reports come from (an address, kept as a keyed hash for a while), a cluster of
nearly the same pictures, or an hour, from however many addresses its reports come. Who floods the
site, even past every reviewer, moves little. What floods the queue is held by `bursts.py`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings

from feedback.models import Report
from modeltrain.data.manifest import Row


@dataclass(frozen=True)
class Offer:
    """What one report would add."""

    report: Report
    rows: Sequence[Row]

    @property
    def places(self) -> Counter[tuple[str, str]]:
        """How many of its images come from each place."""
        found = Counter(("cluster", row.cluster) for row in self.rows)
        found["hour", f"{self.report.created_at:%Y-%m-%dT%H}"] = len(self.rows)
        if self.report.source:
            found["source", self.report.source] = len(self.rows)
        return found


def within(offers: Sequence[Offer]) -> list[Offer]:
    """Leave out what goes beyond any place's share, the newest first; it may come next time."""
    taken = list(offers)
    while True:
        total = sum(len(offer.rows) for offer in taken)
        kept, held = [], Counter[tuple[str, str]]()
        for offer in taken:
            if all(held[place] + n <= limit(place, total) for place, n in offer.places.items()):
                kept.append(offer)
                held += offer.places
        if len(kept) == len(taken):
            return kept
        taken = kept  # less enters, so a share of it is less


def limit(place: tuple[str, str], total: int) -> int:
    """The most images that one place may bring to a version of `total` new images."""
    always = settings.HOUR_IMAGES if place[0] == "hour" else settings.SOURCE_IMAGES
    return int(max(always, settings.SOURCE_SHARE * total))


def origin(taken: Sequence[Offer], offers: Sequence[Offer]) -> dict[str, object]:
    """Where a version's new images come from, in numbers that name nobody."""
    counts = _sum(taken)
    back = [offer for offer in offers if offer not in taken]
    return {
        "sources": sorted((n for (kind, _), n in counts.items() if kind == "source"), reverse=True),
        "held_back": {"reports": len(back), "images": sum(len(offer.rows) for offer in back)},
        "images": settings.SOURCE_IMAGES,
        "burst": settings.HOUR_IMAGES,  # so named in retrains that are stored
        "share": settings.SOURCE_SHARE,
    }


def _sum(offers: Iterable[Offer]) -> Counter[tuple[str, str]]:
    return sum((offer.places for offer in offers), Counter[tuple[str, str]]())
