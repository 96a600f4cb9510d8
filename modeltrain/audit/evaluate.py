"""Audit a model: predict every image of a frozen set, keep the predictions, count the errors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from modeltrain.audit import columns
from modeltrain.audit.fairness import axes, effective_size, rate, rates_by_group, smallest_change
from modeltrain.audit.quality import calibration
from modeltrain.data.manifest import Row
from modeltrain.files import write_whole
from modeltrain.labels import LABELS, NSFW, ErrorKind, error_kind
from modeltrain.model.features import load_pixels

MINIMUM = 30  # images; with fewer, a rate is shown and nothing is concluded from it
LEVEL = 0.95

Figures = dict[str, Any]

_BETWEEN = "\x1f"  # two values; in none of them


class _Scored(Protocol):
    @property
    def scores(self) -> dict[str, float]: ...


class _Classifies(Protocol):
    def classify(self, pixels: NDArray[np.uint8]) -> _Scored: ...


class PredictionsError(ValueError):
    """A file of predictions breaks a rule; the message names the line."""


@dataclass(frozen=True)
class Predicted:
    """What a model said of one audit image.

    Attributes
    ----------
    sha256, cluster : str
        As in the manifest.
    expected : str
        The manifest's label.
    groups : mapping of str to str
        The manifest's groups.
    scores : mapping of str to float
        Probability of each of `LABELS`.
    """

    sha256: str
    cluster: str
    expected: str
    groups: Mapping[str, str] = field(hash=False)
    scores: Mapping[str, float] = field(hash=False)

    @property
    def predicted(self) -> str:
        """The label with the highest score; of equals, the first in `LABELS`."""
        return max(LABELS, key=lambda label: self.scores[label])

    @property
    def error(self) -> ErrorKind:
        """The kind of mistake, or `CORRECT`."""
        return error_kind(expected=self.expected, predicted=self.predicted)


def predict(
    classifier: _Classifies,
    rows: Sequence[Row],
    images: Mapping[str, Path | str],
    progress: Callable[[int, int], None],
) -> list[Predicted]:
    """Classify every image of a manifest.

    Parameters
    ----------
    classifier : Classifier
    rows : sequence of Row
        Of the audit set.
    images : mapping of str to path
        Where each image is, by pixel hash.
    progress : callable
        Called with images done and images in all.

    Returns
    -------
    list of Predicted
        In the order of `rows`.

    Raises
    ------
    ImageMissing
        When an image is not there, or is not the one whose hash the manifest gives.
    """
    predicted = []
    for done, row in enumerate(rows, start=1):
        prediction = classifier.classify(load_pixels(row.sha256, images))
        scores = {label: float(score) for label, score in prediction.scores.items()}
        predicted.append(Predicted(row.sha256, row.cluster, row.label, dict(row.groups), scores))
        progress(done, len(rows))
    return predicted


_KEYS = {each.name for each in fields(Predicted)}


def write_predictions(path: Path, predicted: Iterable[Predicted]) -> str:
    """Write predictions as JSON Lines, sorted by image, whole or not at all.

    Returns
    -------
    str
        SHA-256 of the file. The same predictions give the same bytes.
    """
    lines = [
        json.dumps(asdict(each), sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
        for each in sorted(predicted, key=lambda each: each.sha256)
    ]
    data = "".join(lines).encode()
    write_whole(path, data)
    return hashlib.sha256(data).hexdigest()


def read_predictions(path: Path) -> list[Predicted]:
    """Read what `write_predictions` wrote. `columns.read` is many times faster.

    Raises
    ------
    PredictionsError
        Where a line is not a prediction, or an image is there twice.
    """
    predicted: dict[str, Predicted] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        each = _parse(line)
        if each is None or each.sha256 in predicted:
            raise PredictionsError(
                f"Each line must be one prediction with {', '.join(sorted(_KEYS))}, each image "
                f"once. Received: {line[:60]!r} ({path.name}, line {number}). Audit again."
            )
        predicted[each.sha256] = each
    return list(predicted.values())


def read_answers(path: Path) -> list[Predicted]:
    """Read a model's answers, as lines (`.jsonl`) or as columns (`.npz`)."""
    return of_columns(columns.read(path)) if path.suffix == ".npz" else read_predictions(path)


def of_columns(answers: columns.Columns) -> list[Predicted]:
    """Turn columns back into a list, by image; a cluster is named by the hash of its name."""
    groups: list[dict[str, str]] = [{} for _ in range(len(answers))]
    for axis, (values, places) in answers.groups.items():
        for number, place in enumerate(places.tolist()):
            if place != columns.ABSENT:
                groups[number][axis] = values[place]
    return [
        Predicted(
            sha256=bytes(answers.sha256[n]).hex(),
            cluster=f"{cluster:016x}",
            expected=LABELS[expected],
            groups=groups[n],
            scores=dict(zip(LABELS, scores, strict=True)),
        )
        for n, (cluster, expected, scores) in enumerate(
            zip(
                answers.cluster.tolist(),
                answers.expected.tolist(),
                answers.scores.tolist(),
                strict=True,
            )
        )
    ]


def _parse(line: str) -> Predicted | None:
    try:
        values = json.loads(line)
    except ValueError:
        return None
    if not isinstance(values, dict) or set(values) != _KEYS or values["expected"] not in LABELS:
        return None
    if not isinstance(values["sha256"], str) or not isinstance(values["cluster"], str):
        return None
    scores, groups = values["scores"], values["groups"]
    if not isinstance(groups, dict) or not isinstance(scores, dict) or set(scores) != set(LABELS):
        return None
    # A softmax in float32 may end a hair over 1.
    if not all(isinstance(s, int | float) and 0 <= s <= 1.0001 for s in scores.values()):
        return None
    return Predicted(**values)


def audit(
    predicted: Sequence[Predicted], *, minimum: int = MINIMUM, level: float = LEVEL
) -> Figures:
    """Count errors overall, per class, per group and per pair of groups, each with its interval.

    Parameters
    ----------
    predicted : sequence of Predicted
    minimum : int
        Images from which on a cell has `enough`.
    level : float
        Confidence level of the intervals.

    Returns
    -------
    dict
        Ready for JSON; the shape is in docs/audits.md. A rate without images is None, not 0.
    """
    facts = _Facts.of(predicted, minimum, level)
    nothing = _empty(minimum)
    by_class = _cells(facts, [each.expected for each in predicted])
    found = axes([each.groups for each in predicted])
    values = {axis: [each.groups.get(axis) for each in predicted] for axis in found}
    return {
        "images": len(predicted),
        "minimum": minimum,
        "level": level,
        "labels": list(LABELS),
        "confusion": _confusion(predicted),
        "overall": _cells(facts, ["all"] * len(predicted)).get("all", nothing),
        "classes": {label: by_class.get(label, nothing) for label in LABELS},
        "groups": {axis: _cells(facts, values[axis]) for axis in found},
        "pairs": [
            {"axes": [one, other], "cells": _pair_cells(facts, values[one], values[other])}
            for one, other in combinations(found, 2)
        ],
    }


@dataclass(frozen=True)
class _Facts:
    """What is counted of each image, worked out once: arrays of length n."""

    errors: NDArray[np.str_]
    nsfw: NDArray[np.bool_]  # by its expected label
    clusters: NDArray[np.intp]
    sure: NDArray[np.float64]
    hundredths: NDArray[np.intp]  # of the NSFW score
    minimum: int
    level: float

    @classmethod
    def of(cls, predicted: Sequence[Predicted], minimum: int, level: float) -> _Facts:
        names = np.array([each.cluster for each in predicted], dtype=str)
        scores = [sum(each.scores[label] for label in NSFW) for each in predicted]
        return cls(
            errors=np.array([str(each.error) for each in predicted], dtype=str),
            nsfw=np.array([each.expected in NSFW for each in predicted], dtype=np.bool_),
            clusters=np.unique(names, return_inverse=True)[1],
            sure=np.array([max(each.scores.values()) for each in predicted], dtype=np.float64),
            hundredths=(np.minimum(np.array(scores, dtype=np.float64), 1.0) * 100).astype(np.intp),
            minimum=minimum,
            level=level,
        )

    def of_some(self, taken: NDArray[np.intp]) -> _Facts:
        arrays = ("errors", "nsfw", "clusters", "sure", "hundredths")
        return replace(self, **{name: getattr(self, name)[taken] for name in arrays})


def _confusion(predicted: Sequence[Predicted]) -> list[list[int]]:
    """Count images by expected label (rows) and answer (columns), in the order of `LABELS`."""
    counts = np.zeros((len(LABELS), len(LABELS)), dtype=int)
    for each in predicted:
        counts[LABELS.index(each.expected), LABELS.index(each.predicted)] += 1
    return counts.tolist()


def _pair_cells(
    facts: _Facts, ones: Sequence[str | None], others: Sequence[str | None]
) -> list[Figures]:
    both = [
        None if one is None or other is None else f"{one}{_BETWEEN}{other}"
        for one, other in zip(ones, others, strict=True)
    ]
    cells = _cells(facts, both)
    for cell in cells.values():
        del cell["nsfw_scores"]  # 200 numbers in each of hundreds of cells
    return [{"values": value.split(_BETWEEN)} | cell for value, cell in cells.items()]


def _cells(facts: _Facts, values: Sequence[str | None]) -> dict[str, Figures]:
    """Return a cell for each value: how often each kind of error happened, of where it could."""
    wrong = facts.errors != ErrorKind.CORRECT.value
    rates = {}
    for name, events, possible in (
        ("error", wrong, None),
        ("false_alarm", facts.errors == ErrorKind.FALSE_ALARM.value, ~facts.nsfw),
        ("miss", facts.errors == ErrorKind.MISS.value, facts.nsfw),
        ("confusion", facts.errors == ErrorKind.CONFUSION.value, None),
    ):
        there = values
        if possible is not None:
            there = [value if ok else None for value, ok in zip(values, possible, strict=True)]
        rates[name] = rates_by_group(
            events=events, values=there, clusters=facts.clusters, level=facts.level
        )
    members: dict[str, list[int]] = {value: [] for value in rates["error"]}
    for number, value in enumerate(values):
        if value is not None:
            members[value].append(number)
    cells = {}
    for value, error in rates["error"].items():
        some = facts.of_some(np.array(members[value], dtype=np.intp))
        cell = {"n": error["n"], "enough": error["n"] >= facts.minimum, "error": error}
        for name in ("false_alarm", "miss", "confusion"):
            cell[name] = rates[name].get(value) or rate(count=0, n=0)
        effective = effective_size(wrong[members[value]], some.clusters, level=facts.level)
        cell["smallest_change"] = smallest_change(
            error_rate=error["rate"], n=effective, level=facts.level
        )
        cells[value] = cell | _scores(some)
    return cells


def _scores(facts: _Facts) -> Figures:
    """Return how well calibrated these answers are, and their NSFW scores, counted by hundredths.

    The NSFW score is the sum of the probabilities of `NSFW`. Of `nsfw_scores`, entry i counts what
    is from i to under i + 1 hundredths.
    """
    right = facts.errors == ErrorKind.CORRECT.value
    sides = {"safe": facts.hundredths[~facts.nsfw], "nsfw": facts.hundredths[facts.nsfw]}
    return {
        "ece": calibration(facts.sure, right)["ece"],
        "nsfw_scores": {
            side: np.bincount(scores, minlength=101).tolist() if len(scores) else []
            for side, scores in sides.items()
        },
    }


def _empty(minimum: int) -> Figures:
    names = ("error", "false_alarm", "miss", "confusion")
    rates = {name: rate(count=0, n=0) for name in names}
    return {
        "n": 0,
        "enough": minimum <= 0,
        **rates,
        "smallest_change": None,
        **_scores(_Facts.of([], minimum, LEVEL)),
    }
