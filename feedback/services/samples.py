"""A few images to try, from the demo data, and what the model in service says about them."""

import json
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from feedback.models import ModelVersion, SampleAnswer
from feedback.services import models
from modeltrain.images import codec


@dataclass(frozen=True)
class Sample:
    """An image from the demo data. Listings from before version 0.3 name only file and title."""

    path: Path
    title: str
    sha256: str = ""
    label: str = ""  # the right one
    kind: str = ""  # "drawing" or "photograph"

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
    samples = [Sample(folder / row.pop("file"), **row) for row in rows]
    return [sample for sample in samples if sample.path.is_file()]


def find(name: str) -> Sample | None:
    return next((sample for sample in all_samples() if sample.name == name), None)


def answer_new() -> None:
    """Have the model in service classify each sample that it has not classified yet."""
    samples = {sample.sha256: sample for sample in all_samples() if sample.sha256}
    model, classifier = models.classifier_in_service()
    for sha256 in samples.keys() - answers_of(model).keys():
        prediction = classifier.classify(codec.decode(samples[sha256].path.read_bytes()))
        SampleAnswer.objects.get_or_create(
            model=model,
            image_sha256=sha256,
            defaults={"label": prediction.label, "scores": prediction.scores},
        )


def answers_of(model: ModelVersion) -> dict[str, SampleAnswer]:
    """What a model says, by the hash of the sample."""
    return {answer.image_sha256: answer for answer in SampleAnswer.objects.filter(model=model)}
