"""Answers of reporters' browsers, compared with the server's answers for the same files."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from feedback.errors import Invalid
from feedback.models import BrowserScore, ExampleScore, ModelVersion, Report
from modeltrain.labels import LABELS

Graph = BrowserScore.Graph


@dataclass(frozen=True)
class BrowserAnswer:
    """One browser's answer for an image: the model, its file, and the scores."""

    model: ModelVersion
    graph: str
    scores: Mapping[str, float]

    @property
    def label(self) -> str:
        return max(self.scores, key=self.scores.__getitem__)


def parse(text: str) -> dict[str, BrowserAnswer]:
    """Parse what a page's script sends along: answers by the SHA-256 of the image file."""
    if not text:
        return {}
    try:
        return {_sha256(key): _answer(value) for key, value in json.loads(text).items()}
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


def _answer(value: Mapping[str, Any]) -> BrowserAnswer:
    scores = {label: float(value["scores"][label]) for label in LABELS}
    model = ModelVersion.objects.filter(sha256=value["model"]).first()
    valid = all(0 <= score <= 1 for score in scores.values())  # which no NaN is
    if model is None or not valid:
        raise ValueError(value)
    return BrowserAnswer(model, Graph(value["graph"]), scores)


def save(*, report: Report, answers: Sequence[BrowserAnswer | None]) -> None:
    """Store browsers' answers beside the server's, for a report's images in their order."""
    examples = report.examples.prefetch_related("scores__model").order_by("position")
    for example, answer in zip(examples, answers, strict=False):
        if answer:
            _compared(answer, example.reported_score).save()


def _compared(answer: BrowserAnswer, server: ExampleScore) -> BrowserScore:
    """The browser's answer, with its distance from the server's where the model is the same."""
    browser_score = BrowserScore(
        example=server.example,
        model=answer.model,
        graph=answer.graph,
        label=answer.label,
        scores=dict(answer.scores),
    )
    if answer.model == server.model:
        distance = max(abs(answer.scores[label] - server.scores[label]) for label in LABELS)
        browser_score.distance = distance
        browser_score.drifted = distance > browser_score.tolerance or answer.label != server.label
    return browser_score
