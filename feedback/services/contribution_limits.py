"""How much of what a dataset version learns may come from one place: contribution bounding.

A place is the source of reports (a network address, stored as a keyed hash for a while), a cluster
of near-duplicate images, or an hour, whatever the addresses. Someone who floods the site changes
little, even if every reviewer accepts. Floods of the queue are quarantined by `bursts.py`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings

from feedback.models import Report
from modeltrain.data.manifest import Row


@dataclass(frozen=True)
class Offer:
    """The rows that one report would add."""

    report: Report
    rows: Sequence[Row]

    @property
    def places(self) -> Counter[tuple[str, str]]:
        """How many of its images come from each place."""
        counts = Counter(("cluster", row.cluster) for row in self.rows)
        counts["hour", f"{self.report.created_at:%Y-%m-%dT%H}"] = len(self.rows)
        if self.report.source:
            counts["source", self.report.source] = len(self.rows)
        return counts


def within_limits(offers: Sequence[Offer]) -> list[Offer]:
    """Leave out reports that exceed any place's share, newest first. They may be added later."""
    candidates = list(offers)
    while True:
        total = sum(len(offer.rows) for offer in candidates)
        accepted, counts = [], Counter[tuple[str, str]]()
        for offer in candidates:
            if all(counts[place] + n <= limit(place, total) for place, n in offer.places.items()):
                accepted.append(offer)
                counts += offer.places
        if len(accepted) == len(candidates):
            return accepted
        candidates = accepted  # the total is smaller now, and so is each share of it


def limit(place: tuple[str, str], total: int) -> int:
    """The most images that one place may add to a version of `total` new images."""
    minimum = settings.HOUR_IMAGES if place[0] == "hour" else settings.SOURCE_IMAGES
    return int(max(minimum, settings.SOURCE_SHARE * total))


def origin(accepted: Sequence[Offer], offers: Sequence[Offer]) -> dict[str, object]:
    """Where a version's new images come from, in numbers that identify nobody."""
    counts = _sum(accepted)
    held_back = [offer for offer in offers if offer not in accepted]
    return {
        "sources": sorted((n for (kind, _), n in counts.items() if kind == "source"), reverse=True),
        "held_back": {
            "reports": len(held_back),
            "images": sum(len(offer.rows) for offer in held_back),
        },
        "images": settings.SOURCE_IMAGES,
        "burst": settings.HOUR_IMAGES,  # stored retrains have this key
        "share": settings.SOURCE_SHARE,
    }


def _sum(offers: Iterable[Offer]) -> Counter[tuple[str, str]]:
    return sum((offer.places for offer in offers), Counter[tuple[str, str]]())
