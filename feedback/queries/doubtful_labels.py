"""Labels that the other images speak against."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from feedback.models import Example, Report, Retrain


@dataclass(frozen=True)
class DoubtfulLabel:
    """A reported example whose label the other images speak against."""

    example: Example
    label: str
    suggested: str
    groups: dict[str, str]
    label_probability: float
    suggested_probability: float


@dataclass(frozen=True)
class LabelReview:
    """What a retrain found of the labels it learnt from.

    Attributes
    ----------
    retrain : Retrain
    doubts : list of DoubtfulLabel
        The most doubtful first. Only of reports that are still accepted.
    counts : dict
        From `modeltrain.curate.label_errors.count_doubtful`, of every image, also of those that
        nobody reported.
    """

    retrain: Retrain
    doubts: list[DoubtfulLabel]
    counts: dict[str, Any]


def newest_review() -> LabelReview | None:
    """What the newest retrain that looked at its labels found."""
    for retrain in Retrain.objects.exclude(status=Retrain.Status.PROPOSED):
        path = retrain.folder / "doubts.jsonl"
        if path.is_file():
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            counts = json.loads(path.with_suffix(".json").read_text())
            return LabelReview(retrain, _doubtful([x for x in lines if x["is_issue"]]), counts)
    return None


def _doubtful(lines: Sequence[dict[str, Any]]) -> list[DoubtfulLabel]:
    examples = Example.objects.filter(
        image__name__in=[line["sha256"] for line in lines], report__status__in=Report.AGREED
    )
    by_picture: dict[str, list[Example]] = {}
    examples = examples.select_related("image", "report")
    for example in examples.prefetch_related("report__decisions", "scores__model"):
        if example.image:
            by_picture.setdefault(example.image.name, []).append(example)
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
        for example in by_picture.get(line["sha256"], [])
        if example.report.decision and example.report.decision.label == line["label"]
    ]
