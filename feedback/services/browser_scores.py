"""What reporters' browsers say of an image beside what the server says of the same file."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from feedback.errors import Invalid
from feedback.models import BrowserScore, ExampleScore, ModelVersion, Report
from modeltrain.labels import LABELS

Graph = BrowserScore.Graph


@dataclass(frozen=True)
class Said:
    """One browser's answer: which model, in which file, and its scores."""

    model: ModelVersion
    graph: str
    scores: Mapping[str, float]

    @property
    def label(self) -> str:
        return max(self.scores, key=self.scores.__getitem__)


def read(text: str) -> dict[str, Said]:
    """Read what a page's program sends along: answers by the SHA-256 of the file."""
    if not text:
        return {}
    try:
        return {_sha256(key): _said(value) for key, value in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise Invalid(
            rule="What a browser says names its model, its file and a score for each label.",
            received=text[:80],
            remedy="Reload the page, or take the image out and choose it again.",
        ) from None


def _sha256(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ValueError(text)
    return text


def _said(value: Mapping[str, Any]) -> Said:
    scores = {label: float(value["scores"][label]) for label in LABELS}
    model = ModelVersion.objects.filter(sha256=value["model"]).first()
    within = all(math.isfinite(score) and 0 <= score <= 1 for score in scores.values())
    if model is None or not within:
        raise ValueError(value)
    return Said(model, Graph(value["graph"]), scores)


def keep(*, report: Report, said: Sequence[Said | None]) -> None:
    """Keep browsers' answers beside the server's, for a report's images in their order."""
    examples = report.examples.prefetch_related("scores__model").order_by("position")
    for example, own in zip(examples, said, strict=False):
        if own:
            _beside(example.then, own).save()


def _beside(server: ExampleScore, said: Said) -> BrowserScore:
    """The same image in both, and how far apart they are where the model is the same."""
    own = BrowserScore(
        example=server.example,
        model=said.model,
        graph=said.graph,
        label=said.label,
        scores=dict(said.scores),
    )
    if said.model == server.model:
        own.distance = max(abs(said.scores[label] - server.scores[label]) for label in LABELS)
        own.drifted = own.distance > own.tolerance or said.label != server.label
    return own
