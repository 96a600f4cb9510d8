"""Reported examples whose labels are contradicted by similar images."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from feedback.models import Example, Report, Retrain


@dataclass(frozen=True)
class DoubtfulLabel:
    """A reported example whose label is probably wrong, judging by the other images."""

    example: Example
    label: str
    suggested: str
    groups: dict[str, str]
    label_probability: float
    suggested_probability: float


@dataclass(frozen=True)
class LabelReview:
    """A retrain's review of its training labels.

    Attributes
    ----------
    retrain : Retrain
    doubts : list of DoubtfulLabel
        The most doubtful first. Only reports that are still accepted are included.
    counts : dict
        The result of `modeltrain.curate.label_errors.count_doubtful` for all images, reported or
        not.
    """

    retrain: Retrain
    doubts: list[DoubtfulLabel]
    counts: dict[str, Any]


def newest_review() -> LabelReview | None:
    """The label review of the newest retrain that has one."""
    for retrain in Retrain.objects.exclude(status=Retrain.Status.PROPOSED):
        path = retrain.folder / "doubts.jsonl"
        if path.is_file():
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            counts = json.loads(path.with_suffix(".json").read_text())
            issues = [line for line in lines if line["is_issue"]]
            return LabelReview(retrain, _doubtful_labels(issues), counts)
    return None


def _doubtful_labels(lines: Sequence[dict[str, Any]]) -> list[DoubtfulLabel]:
    examples = Example.objects.filter(
        image__name__in=[line["sha256"] for line in lines], report__status__in=Report.AGREED
    )
    examples_by_image: dict[str, list[Example]] = {}
    examples = examples.select_related("image", "report")
    for example in examples.prefetch_related("report__decisions", "scores__model"):
        if example.image:
            examples_by_image.setdefault(example.image.name, []).append(example)
    return [
        DoubtfulLabel(
            example=example,
            label=line["label"],
            suggested=line["suggested"],
            groups=line["groups"],
            label_probability=line["given_probability"],
            suggested_probability=line["suggested_probability"],
        )
        for line in lines
        for example in examples_by_image.get(line["sha256"], [])
        if example.report.decision and example.report.decision.label == line["label"]
    ]
