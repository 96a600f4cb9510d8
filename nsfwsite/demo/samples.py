"""A few images to try, from the demo data."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile


@dataclass(frozen=True)
class Sample:
    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def title(self) -> str:
        return self.path.stem.replace("-", " ").replace("_", " ").capitalize()

    def upload(self) -> SimpleUploadedFile:
        return SimpleUploadedFile(self.name, self.path.read_bytes(), content_type="image/png")


def all_samples() -> list[Sample]:
    folder = Path(settings.DEMO_DIR) / "samples"
    return [Sample(path) for path in sorted(folder.glob("*.png"))]


def find(name: str) -> Sample | None:
    return next((sample for sample in all_samples() if sample.name == name), None)
