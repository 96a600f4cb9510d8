"""Images that no model may learn from, since models are judged on them."""

import dataclasses
import functools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from feedback.models import AuditSet, NotLearnt, Report, StoredImage
from feedback.services import manifests
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.files import write_whole
from modeltrain.images import codec
from modeltrain.images.hashing import Pdq, is_near_duplicate, pdq


def mark(reports: Iterable[Report]) -> None:
    """Mark each example that is in an audit set, and the other image of its pair.

    Marks of an earlier time are replaced.
    """
    audited = AuditedImages()
    for report in reports:
        left_out = {
            example.pk: NotLearnt.AUDITED
            for example in report.examples.all()
            if example.image and audited.contains(example.image)
        }
        for pair in report.pairs:
            if any(left_out.get(example.pk) for example in pair):
                for example in pair:
                    left_out.setdefault(example.pk, NotLearnt.PAIR)
        for example in report.examples.all():
            if example.left_out != (reason := left_out.get(example.pk, "")):
                example.left_out = reason
                example.save(update_fields=["left_out"])


class AuditedImages:
    """Images that no model may learn from, by pixel hash and by PDQ hash."""

    def __init__(self) -> None:
        self.sha256: set[str] = set()
        self.fingerprints: list[Pdq] = []
        for audit_set in AuditSet.objects.all():
            sha256, fingerprints = _hashes(audit_set.manifest)
            self.sha256 |= sha256
            self.fingerprints += fingerprints

    def contains(self, image: StoredImage) -> bool:
        if image.sha256 in self.sha256:
            return True
        return any(is_near_duplicate(audited, image.fingerprint) for audited in self.fingerprints)


@functools.lru_cache(maxsize=4)
def _hashes(path: Path) -> tuple[frozenset[str], list[Pdq]]:
    """The hashes of a manifest's images, which never change: it is named by its content."""
    rows = manifest.read(path)
    return frozenset(row.sha256 for row in rows), _fingerprints(path, rows)


def _fingerprints(path: Path, rows: Sequence[Row]) -> list[Pdq]:
    """PDQ hashes of a manifest's images. They are computed once and stored beside it."""
    cache = path.with_suffix(".pdq.json")
    if cache.is_file():
        return [Pdq(**fields) for fields in json.loads(cache.read_text())]
    hashes = [pdq(codec.decode(manifests.image_path(row.sha256).read_bytes())) for row in rows]
    write_whole(cache, json.dumps([dataclasses.asdict(pdq_hash) for pdq_hash in hashes]).encode())
    return hashes
