"""Which of a model's exports a browser may load."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from feedback.models import Finding, ModelVersion
from modeltrain.model import artifact

AGREEMENT = 0.99  # share of images, of the distance and of the label
FLOAT32, INT8 = "float32", "int8"
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


@dataclass(frozen=True)
class Graph:
    """A file that browsers may load.

    `artifact` names the folder that it is in, `sha256` is of the file itself.
    """

    kind: str
    artifact: str
    sha256: str
    bytes: int


def graphs(model: ModelVersion) -> list[Graph]:
    """What a browser may load to answer as this model does: the smallest first."""
    exported = Finding.objects.filter(
        audit__model=model, kind=Finding.Kind.INT8, status=Finding.Status.DONE
    )
    named = [(INT8, str((each.figures or {})["sha256"])) for each in exported.order_by("-pk")[:1]]
    return [
        Graph(kind, sha256, artifact.hashes(path.parent)[path.name], path.stat().st_size)
        for kind, sha256 in [*named, (FLOAT32, model.sha256)]
        if (path := graph(sha256))
    ]
