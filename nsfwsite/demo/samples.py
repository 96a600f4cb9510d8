"""A few images to try, from the demo data."""

import json
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile


@dataclass(frozen=True)
class Sample:
    path: Path
    title: str

    @property
    def name(self) -> str:
        return self.path.name

    def upload(self) -> SimpleUploadedFile:
        return SimpleUploadedFile(self.name, self.path.read_bytes(), content_type="image/png")


def all_samples() -> list[Sample]:
    """As the demo data lists them; none where there is no demo data."""
    folder = Path(settings.DEMO_DIR) / "samples"
    listing = folder / "samples.json"
    if not listing.is_file():
        return []
    rows = json.loads(listing.read_text())
    samples = [Sample(folder / row["file"], row["title"]) for row in rows]
    return [sample for sample in samples if sample.path.is_file()]


def find(name: str) -> Sample | None:
    return next((sample for sample in all_samples() if sample.name == name), None)
