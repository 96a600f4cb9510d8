"""Write manifests, and find the image file of each of their rows."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from feedback.models import Report, StoredImage
from modeltrain.data import manifest
from modeltrain.data.manifest import Row


def publish(rows: Sequence[Row]) -> str:
    """Write an immutable manifest. Returns its hash, which is its name."""
    folder = Path(settings.MANIFESTS_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    sha256 = manifest.sha256(rows)
    manifest.write(folder / f"{sha256}.jsonl", rows)
    return sha256


def reported_images() -> "QuerySet[StoredImage]":
    """Images of reports. Images that visitors only try are deleted within minutes."""
    return StoredImage.objects.filter(example__isnull=False)


def learnable_images() -> "QuerySet[StoredImage]":
    """Images of accepted reports."""
    return reported_images().filter(example__report__status__in=Report.AGREED)


def existing_rows(rows: Iterable[Row]) -> list[Row]:
    """Rows without images that were withdrawn or whose report is no longer accepted."""
    stored = set(learnable_images().values_list("name", flat=True))
    return [row for row in rows if row.source != manifest.REPORTED or row.sha256 in stored]


def image_path(name: str) -> Path:
    """Where the image of a row is stored: in demo data, an audit set, or a report."""
    if path := local_image_path(name):
        return path
    image = reported_images().filter(name=name).first()
    return Path(image.file.path) if image else _local_paths(name)[0]


def local_image_path(sha256: str) -> Path | None:
    """The same, only for demo data and audit sets."""
    return next((path for path in _local_paths(sha256) if path.is_file()), None)


def _local_paths(sha256: str) -> list[Path]:
    folders = (Path(settings.DEMO_DIR) / "images", Path(settings.AUDIT_IMAGES_DIR))
    return [folder / f"{sha256}.png" for folder in folders]


def write_image_index(rows: Iterable[Row], path: Path) -> None:
    """Write the path of each row's image, for a training process."""
    path.write_text(json.dumps({row.sha256: str(image_path(row.sha256)) for row in rows}))
