"""Write the manifests of dataset versions, and find the image of each of their rows."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from feedback.models import Report, StoredImage
from modeltrain.data import manifest
from modeltrain.data.manifest import Row

REPORTED = "report"


def publish(rows: Sequence[Row]) -> str:
    """Write an immutable manifest and return the hash that names it."""
    folder = Path(settings.MANIFESTS_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    sha256 = manifest.sha256(rows)
    manifest.write(folder / f"{sha256}.jsonl", rows)
    return sha256


def reported_images() -> "QuerySet[StoredImage]":
    """Pictures that a report holds; those that somebody only tries are gone in a moment."""
    return StoredImage.objects.filter(example__isnull=False)


def learnable_images() -> "QuerySet[StoredImage]":
    return reported_images().filter(example__report__status__in=Report.AGREED)


def existing_rows(rows: Iterable[Row]) -> list[Row]:
    """Rows whose picture was not withdrawn, nor its decision taken back."""
    stored = set(learnable_images().values_list("name", flat=True))
    return [row for row in rows if row.source != REPORTED or row.sha256 in stored]


def image_path(name: str) -> Path:
    """Where the pixels of a row are: demo data, an audit set's, or handed over in a report."""
    if ours := local_image_path(name):
        return ours
    image = reported_images().filter(name=name).first()
    return Path(image.file.path) if image else _local_places(name)[0]


def local_image_path(sha256: str) -> Path | None:
    """The same, of demo data and audit sets alone."""
    return next((place for place in _local_places(sha256) if place.is_file()), None)


def _local_places(sha256: str) -> list[Path]:
    folders = (Path(settings.DEMO_DIR) / "images", Path(settings.AUDIT_IMAGES_DIR))
    return [folder / f"{sha256}.png" for folder in folders]


def write_image_index(rows: Iterable[Row], path: Path) -> None:
    """Say where the pixels of each row are, for a training process."""
    path.write_text(json.dumps({row.sha256: str(image_path(row.sha256)) for row in rows}))
