"""Decide which of a model's exports a browser may load."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from feedback.models import Finding, ModelVersion
from modeltrain.formatting import percent, whole_percent
from modeltrain.model import artifact

AGREEMENT = 0.99  # share of images with close scores, and with the same label
FLOAT32, INT8 = "float32", "int8"
BLOCKED = "blocked"


def objections(figures: Mapping[str, Any]) -> list[str]:
    """List the reasons why an export is not offered to browsers; empty if it is.

    Too few images for the gate to judge a group is no objection: the original model is in service
    despite the same gap, and the page names the gap.
    """
    int8 = figures["graphs"]["int8"]
    reasons = []
    if figures["gate"]["verdict"] == BLOCKED:
        reasons.append(figures["gate"]["sentence"])
    for name, requirement in (
        ("within", "every score within 0.03 of the model's own"),
        ("same", "the same label as the model"),
    ):
        if int8[name] < AGREEMENT:
            reasons.append(
                f"{whole_percent(AGREEMENT)} of the images must have {requirement}. "
                f"It is {percent(int8[name])}."
            )
    return reasons


def graph(sha256: str) -> Path | None:
    """The path of an artifact's ONNX graph, or None if the artifact is not public.

    Models that are or were in service are public, and so are exports without objections.
    """
    export = Finding.objects.filter(kind=Finding.Kind.INT8, figures__sha256=sha256).first()
    if export:
        public = not objections(export.figures or {})
    else:
        served = ModelVersion.objects.exclude(status=ModelVersion.Status.CANDIDATE)
        public = served.filter(sha256=sha256).exists()
    path = Path(settings.ARTIFACTS_DIR) / sha256[:12] / "model.onnx"
    return path if public and path.is_file() else None


@dataclass(frozen=True)
class GraphFile:
    """A file that browsers may load.

    `artifact` is the hash that names its folder, and `sha256` the hash of the file itself.
    """

    kind: str
    artifact: str
    sha256: str
    bytes: int


def graphs(model: ModelVersion) -> list[GraphFile]:
    """The graphs with which a browser can run this model, the smallest first."""
    exports = Finding.objects.filter(
        audit__model=model, kind=Finding.Kind.INT8, status=Finding.Status.DONE
    )
    int8 = [(INT8, str((export.figures or {})["sha256"])) for export in exports.order_by("-pk")[:1]]
    return [
        GraphFile(kind, sha256, artifact.file_hashes(path.parent)[path.name], path.stat().st_size)
        for kind, sha256 in [*int8, (FLOAT32, model.sha256)]
        if (path := graph(sha256))
    ]
