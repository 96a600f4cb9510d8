"""Which of a model's exports a browser may load."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from feedback.models import Finding, ModelVersion

AGREEMENT = 0.99  # share of images, of the distance and of the label
BLOCKED = "blocked"


def objections(found: Mapping[str, Any]) -> list[str]:
    """Say why an export may not be handed out; nothing where it may.

    What the gate has too few images to judge is no objection: the model it was made of is in
    service in spite of the same gap, and the page names it.
    """
    rounded = found["graphs"]["int8"]
    said = []
    if found["gate"]["verdict"] == BLOCKED:
        said.append(found["gate"]["sentence"])
    for name, what in (
        ("within", "every score within 0.03 of the model's own"),
        ("same", "the same label as the model"),
    ):
        if rounded[name] < AGREEMENT:
            said.append(
                f"{AGREEMENT:.0%} of the images must have {what}. It is {rounded[name]:.1%}."
            )
    return said


def graph(sha256: str) -> Path | None:
    """The ONNX graph of an artifact, if it is public: a model that was in service, or an export
    that nothing speaks against."""
    export = Finding.objects.filter(kind=Finding.Kind.INT8, figures__sha256=sha256).first()
    if export:
        public = not objections(export.figures or {})
    else:
        served = ModelVersion.objects.exclude(status=ModelVersion.Status.CANDIDATE)
        public = served.filter(sha256=sha256).exists()
    path = Path(settings.ARTIFACTS_DIR) / sha256[:12] / "model.onnx"
    return path if public and path.is_file() else None
