"""Audit a model: predict every image of a frozen set, store the predictions, count the errors."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modeltrain.audit import columns
from modeltrain.audit.claims import STANDARDISED
from modeltrain.audit.fairness import (
    cluster_numbers,
    effective_sample_size,
    rate,
    rates_by_group,
    values_by_axis,
)
from modeltrain.audit.harm import SCORE_DIGITS, hundredths
from modeltrain.audit.headlines import headlines
from modeltrain.audit.minimum import MINIMUM_IMAGES
from modeltrain.audit.quality import calibration
from modeltrain.audit.shrinkage import FEWEST_GROUPS, LARGEST, SMALLEST, shrunk_rates
from modeltrain.data.manifest import Row
from modeltrain.files import is_storable, write_whole
from modeltrain.labels import LABELS, NSFW, ErrorKind, error_kind
from modeltrain.model.features import load_pixels

if TYPE_CHECKING:
    from modeltrain.model.classifier import Classifier

LEVEL = 0.95

Figures = dict[str, Any]

_SEPARATOR = "\x1f"  # between two values; in neither of them
_RATES = ("error", "false_alarm", "miss", "confusion")


class PredictionsError(ValueError):
    """A file of predictions breaks a rule; the message names the line."""


@dataclass(frozen=True)
class Predicted:
    """A model's answer to one audit image.

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
        """The label with the highest score; of equal scores, the first in `LABELS`."""
        return max(LABELS, key=lambda label: self.scores[label])

    @property
    def error(self) -> ErrorKind:
        """The kind of mistake, or `CORRECT`."""
        return error_kind(expected=self.expected, predicted=self.predicted)


def nsfw_score(scores: Mapping[str, float]) -> float:
    """Return the sum of the probabilities of `labels.NSFW`, at most 1.

    They are added in the order of `LABELS`, so that rounding is the same in every process.
    """
    total = sum(scores[label] for label in LABELS if label in NSFW)
    return float(min(round(total, SCORE_DIGITS), 1.0))


def predict(
    classifier: Classifier,
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
        Called with the images done so far and the total.

    Returns
    -------
    list of Predicted
        In the order of `rows`.

    Raises
    ------
    ImageMissing
        If an image is missing, or is not the one whose hash the manifest gives.
    """
    predicted = []
    for done, row in enumerate(rows, start=1):
        prediction = classifier.classify(load_pixels(row.sha256, images))
        scores = {label: float(score) for label, score in prediction.scores.items()}
        predicted.append(Predicted(row.sha256, row.cluster, row.label, dict(row.groups), scores))
        progress(done, len(rows))
    return predicted


_KEYS = {attribute.name for attribute in fields(Predicted)}
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def write_predictions(path: Path, predicted: Iterable[Predicted]) -> str:
    """Write predictions as JSON Lines, sorted by image, atomically.

    Returns
    -------
    str
        SHA-256 of the file. The same predictions give the same bytes.
    """
    lines = [
        json.dumps(asdict(answer), sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
        for answer in sorted(predicted, key=lambda answer: answer.sha256)
    ]
    data = "".join(lines).encode()
    write_whole(path, data)
    return hashlib.sha256(data).hexdigest()


def read_predictions(path: Path) -> list[Predicted]:
    """Read what `write_predictions` wrote. `columns.read` is many times faster.

    Raises
    ------
    PredictionsError
        If a line is not a prediction, or an image occurs twice. The message names the line.
    """
    predicted: dict[str, Predicted] = {}
    with path.open("rb") as file:  # whose lines end with a line feed, and not inside a name
        for number, line in enumerate(file, start=1):
            try:
                answer = _parse(line)
                if answer.sha256 in predicted:
                    raise ValueError(f"image {answer.sha256} again")
            except ValueError as problem:
                raise PredictionsError(
                    f"Each line must be one prediction with {', '.join(sorted(_KEYS))}, each image "
                    "once; sha256 has 64 hexadecimal digits, a score is a number from 0 to 1, and "
                    f"a name is text. Received: {problem} ({path.name}, line {number}). Run the "
                    "audit again."
                ) from problem
            predicted[answer.sha256] = answer
    return list(predicted.values())


def read_answers(path: Path) -> list[Predicted]:
    """Read a model's answers, from lines (`.jsonl`) or columns (`.npz`).

    Raises
    ------
    PredictionsError, ColumnsRefused
        If the file breaks a rule of its format.
    """
    return from_columns(columns.read(path)) if path.suffix == ".npz" else read_predictions(path)


def from_columns(answers: columns.Columns) -> list[Predicted]:
    """Turn columns back into a list, by image; each cluster is named by the hash of its name."""
    groups: list[dict[str, str]] = [{} for _ in range(len(answers))]
    for axis, (values, indices) in answers.groups.items():
        for image_groups, index in zip(groups, indices.tolist(), strict=True):
            if index != columns.ABSENT:
                image_groups[axis] = values[index]
    rows = zip(
        answers.sha256,
        answers.cluster.tolist(),
        answers.expected.tolist(),
        groups,
        answers.scores.tolist(),
        strict=True,
    )
    return [
        Predicted(
            sha256=bytes(sha256).hex(),
            cluster=f"{cluster:016x}",
            expected=LABELS[expected],
            groups=image_groups,
            scores=dict(zip(LABELS, scores, strict=True)),
        )
        for sha256, cluster, expected, image_groups, scores in rows
    ]


def _parse(line: bytes) -> Predicted:
    """Read one prediction.

    Raises
    ------
    ValueError
        With what was received instead.
    """
    received = repr(line.decode(errors="replace").rstrip("\r\n")[:60])
    try:
        values = json.loads(line.decode())
    except (ValueError, RecursionError):  # the latter for thousands of nested brackets
        raise ValueError(received) from None
    if not isinstance(values, dict) or set(values) != _KEYS:
        raise ValueError(received)
    sha256, scores, groups = values["sha256"], values["scores"], values["groups"]
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise ValueError(f"sha256 {sha256!r:.60}")
    if values["expected"] not in LABELS:
        raise ValueError(f"expected {values['expected']!r:.60}")
    names = [values["cluster"], *groups, *groups.values()] if isinstance(groups, dict) else [None]
    if not all(isinstance(name, str) and is_storable(name) for name in names):
        raise ValueError(f"cluster {values['cluster']!r:.60} and groups {groups!r:.60}")
    if not isinstance(scores, dict) or set(scores) != set(LABELS):
        raise ValueError(f"scores {scores!r:.60}")
    for score in scores.values():
        if type(score) not in (int, float) or not 0 <= score <= columns.HIGHEST_SCORE:
            raise ValueError(f"a score of {score!r:.60}")
    return Predicted(**values | {"sha256": sha256.lower()})


def audit(
    predicted: Sequence[Predicted], *, minimum: int = MINIMUM_IMAGES, level: float = LEVEL
) -> Figures:
    """Count errors overall, per class, per group and per pair of groups, each with its interval.

    Parameters
    ----------
    predicted : sequence of Predicted
    minimum : int
        Clusters that a cell needs to have `enough`: images, if none resembles another.
    level : float
        Confidence level of the intervals.

    Returns
    -------
    dict
        Ready for JSON; the shape is in docs/audits.md. A rate of no images is None, not 0.
    """
    facts = _ImageFacts.of(predicted, minimum, level)
    no_data = _empty_cell(minimum)
    by_class = _cells(facts, [answer.expected for answer in predicted])
    axes = values_by_axis(answer.groups for answer in predicted)
    values = {axis: [answer.groups.get(axis) for answer in predicted] for axis in axes}
    return {
        "images": len(predicted),
        "minimum": minimum,
        "level": level,
        "labels": list(LABELS),
        "confusion": _confusion_matrix(predicted),
        "overall": _cells(facts, ["all"] * len(predicted)).get("all", no_data),
        "classes": {label: by_class.get(label, no_data) for label in LABELS},
        "groups": {axis: _group_cells(facts, axis, values[axis]) for axis in axes},
        "not_stated": {
            axis: cell
            for axis in axes
            for cell in _cells(facts, [None if value else "" for value in values[axis]]).values()
        },
        "headlines": headlines(columns.from_predicted(predicted), minimum=minimum, level=level),
        "pairs": [
            {"axes": [first, second], "cells": _pair_cells(facts, values[first], values[second])}
            for first, second in combinations(axes, 2)
        ],
    }


@dataclass(frozen=True)
class _ImageFacts:
    """What is counted of each image, computed once: arrays of length n."""

    errors: NDArray[np.str_]
    nsfw: NDArray[np.bool_]  # whether its expected label is
    clusters: NDArray[np.intp]
    confidence: NDArray[np.float64]
    nsfw_percent: NDArray[np.intp]  # the NSFW score in whole hundredths, rounded down
    minimum: int
    level: float

    @classmethod
    def of(cls, predicted: Sequence[Predicted], minimum: int, level: float) -> _ImageFacts:
        nsfw_scores = np.array(
            [nsfw_score(answer.scores) for answer in predicted], dtype=np.float64
        )
        return cls(
            errors=np.array([str(answer.error) for answer in predicted], dtype=str),
            nsfw=np.array([answer.expected in NSFW for answer in predicted], dtype=np.bool_),
            clusters=cluster_numbers([answer.cluster for answer in predicted]),
            confidence=np.array(
                [max(answer.scores.values()) for answer in predicted], dtype=np.float64
            ),
            nsfw_percent=hundredths(nsfw_scores),
            minimum=minimum,
            level=level,
        )

    def happened(self, measure: str) -> NDArray[np.bool_]:
        """Whether each image suffers a kind of mistake."""
        kind = ErrorKind.CORRECT.value if measure == "error" else measure
        same: NDArray[np.bool_] = self.errors == kind
        return ~same if measure == "error" else same

    def possible(self, measure: str) -> NDArray[np.bool_]:
        """Whether each image could suffer it."""
        if measure in (ErrorKind.FALSE_ALARM.value, ErrorKind.MISS.value):
            return self.nsfw if measure == ErrorKind.MISS.value else ~self.nsfw
        return np.ones(len(self.nsfw), dtype=np.bool_)

    def subset(self, rows: NDArray[np.intp]) -> _ImageFacts:
        arrays = ("errors", "nsfw", "clusters", "confidence", "nsfw_percent")
        return replace(self, **{name: getattr(self, name)[rows] for name in arrays})


def _group_cells(facts: _ImageFacts, axis: str, values: Sequence[str | None]) -> dict[str, Figures]:
    """Return the cells of an axis of groups, small ones with estimates that borrow from others."""
    cells = _cells(facts, values)
    for cell in cells.values():
        cell["shrunk"] = {}
    if axis in STANDARDISED:  # media differ by what they are made of, not by chance
        return cells
    names = np.array([value or "" for value in values])
    for measure in _RATES:
        counted = [value for value in cells if cells[value][measure]["n"]]
        if len(counted) < FEWEST_GROUPS:
            continue
        effective = []
        for value in counted:
            rows = np.flatnonzero((names == value) & facts.possible(measure))
            effective.append(
                effective_sample_size(
                    facts.happened(measure)[rows], facts.clusters[rows], level=facts.level
                )
            )
        if any(SMALLEST <= n <= LARGEST for n in effective):
            raw = [cells[value][measure]["rate"] for value in counted]
            estimates = shrunk_rates(raw, effective, level=facts.level)
            for value, n, estimate in zip(counted, effective, estimates, strict=True):
                if SMALLEST <= n <= LARGEST:
                    cells[value]["shrunk"][measure] = asdict(estimate)
    return cells


def _confusion_matrix(predicted: Sequence[Predicted]) -> list[list[int]]:
    """Count images by expected label (rows) and answer (columns), in the order of `LABELS`."""
    counts = np.zeros((len(LABELS), len(LABELS)), dtype=int)
    for answer in predicted:
        counts[LABELS.index(answer.expected), LABELS.index(answer.predicted)] += 1
    return counts.tolist()


def _pair_cells(
    facts: _ImageFacts, first: Sequence[str | None], second: Sequence[str | None]
) -> list[Figures]:
    pairs = [
        None if None in values else _SEPARATOR.join(map(str, values))
        for values in zip(first, second, strict=True)
    ]
    cells = _cells(facts, pairs)
    for cell in cells.values():
        del cell["nsfw_scores"]  # 200 numbers in each of hundreds of cells
    return [{"values": value.split(_SEPARATOR)} | cell for value, cell in cells.items()]


def _cells(facts: _ImageFacts, values: Sequence[str | None]) -> dict[str, Figures]:
    """Return a cell for each value: how often each error happened, of the images where it could."""
    rates = {}
    for name in _RATES:
        eligible = [
            value if ok else None for value, ok in zip(values, facts.possible(name), strict=True)
        ]
        rates[name] = rates_by_group(
            events=facts.happened(name),
            values=eligible,
            clusters=facts.clusters,
            level=facts.level,
        )
    members: dict[str, list[int]] = {value: [] for value in rates["error"]}
    for number, value in enumerate(values):
        if value is not None:
            members[value].append(number)
    cells = {}
    for value, error in rates["error"].items():
        group = facts.subset(np.array(members[value], dtype=np.intp))
        cell = {"n": error["n"], "enough": error["clusters"] >= facts.minimum}
        for name in _RATES:
            cell[name] = rates[name].get(value) or rate(count=0, n=0)
        cells[value] = cell | _score_figures(group)
    return cells


def _score_figures(facts: _ImageFacts) -> Figures:
    """Return how well calibrated these answers are, and their NSFW scores, counted by hundredths.

    The NSFW score is the sum of the probabilities of `NSFW`. Entry i of `nsfw_scores` counts scores
    of at least i and less than i + 1 hundredths.
    """
    correct = facts.errors == ErrorKind.CORRECT.value
    sides = {"safe": facts.nsfw_percent[~facts.nsfw], "nsfw": facts.nsfw_percent[facts.nsfw]}
    return {
        "ece": calibration(facts.confidence, correct)["ece"],
        "nsfw_scores": {
            side: np.bincount(scores, minlength=101).tolist() if len(scores) else []
            for side, scores in sides.items()
        },
    }


def _empty_cell(minimum: int) -> Figures:
    return {
        "n": 0,
        "enough": minimum <= 0,
        **{name: rate(count=0, n=0) for name in _RATES},
        "ece": None,
        "nsfw_scores": {"safe": [], "nsfw": []},
    }
