"""Images that differ in one thing only: does the answer change with it?

Counterpart sets differ in something that a person drew or named, such as a skin tone: if the answer
changes, that is the cause, in these images. Changed copies (greyscale, a mirror, a worse JPEG) say
how robust a model is and nothing about causes.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from modeltrain.audit.evaluate import Predicted, nsfw_score
from modeltrain.audit.fairness import clustered_rate, mean_interval
from modeltrain.data.manifest import Row
from modeltrain.files import write_whole
from modeltrain.images.perturbations import PERTURBATIONS
from modeltrain.labels import LABELS, NSFW
from modeltrain.model.features import load_pixels

if TYPE_CHECKING:
    from modeltrain.model.classifier import Classifier

Figures = dict[str, Any]

WORST = 10  # how many sets or images are shown


class SetsRefused(ValueError):
    """A file of counterpart sets breaks a rule; the message names the line."""


@dataclass(frozen=True)
class CounterpartSet:
    """Images that differ only in their value on one axis.

    Attributes
    ----------
    axis, name : str
        What differs, and what the images show.
    images : mapping of str to str
        Value on the axis to pixel hash; two or more.
    """

    axis: str
    name: str
    images: Mapping[str, str]


def write_sets(path: Path, sets: Iterable[CounterpartSet]) -> None:
    """Write sets as JSON Lines, sorted, atomically."""
    lines = sorted(
        json.dumps(asdict(counterparts), sort_keys=True, ensure_ascii=False)
        for counterparts in sets
    )
    write_whole(path, "".join(f"{line}\n" for line in lines).encode())


def read_sets(path: Path) -> list[CounterpartSet]:
    """Read what `write_sets` wrote.

    Raises
    ------
    SetsRefused
        If a line is not a set of two or more images.
    """
    sets = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            counterparts = _parse_set(line)
            if counterparts is None:
                received = line.decode(errors="replace").rstrip("\r\n")[:60]
                raise SetsRefused(
                    "Each line must be a set with axis, name and images, two or more different "
                    f"ones by their value. Received: {received!r} ({path.name}, line {number}). "
                    "Correct it."
                )
            sets.append(counterparts)
    return sets


def _parse_set(line: bytes) -> CounterpartSet | None:
    try:
        counterparts = CounterpartSet(**json.loads(line.decode()))
        images = counterparts.images
        valid = isinstance(images, dict) and len(set(images.values())) > 1
    except (ValueError, TypeError, RecursionError):
        return None
    return counterparts if valid else None


def find_counterparts(rows: Sequence[Row]) -> list[CounterpartSet]:
    """Find the counterpart sets in a manifest.

    Parameters
    ----------
    rows : sequence of Row

    Returns
    -------
    list of CounterpartSet
        Images of one cluster with one label whose groups are the same on every axis but one. If
        several of them have the same value, that value is left out: it is not known which of them
        is the counterpart.
    """
    images: dict[tuple[Any, ...], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    common_groups: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        groups = set(row.groups.items())
        common_groups[row.cluster] = common_groups.get(row.cluster, groups) & groups
        for axis, value in row.groups.items():
            other_groups = tuple(sorted(group for group in groups if group[0] != axis))
            images[axis, row.cluster, row.label, other_groups][value].append(row.sha256)
    sets = []
    for (axis, cluster, _, other_groups), by_value in sorted(images.items()):
        unambiguous = {
            value: sha256s[0] for value, sha256s in sorted(by_value.items()) if len(sha256s) == 1
        }
        if len(unambiguous) > 1:
            distinctive = [v for a, v in other_groups if (a, v) not in common_groups[cluster]]
            name = ", ".join([cluster, *distinctive])
            sets.append(CounterpartSet(axis=axis, name=name, images=unambiguous))
    return sets


def compare_sets(
    predicted: Sequence[Predicted], sets: Sequence[CounterpartSet]
) -> dict[str, Figures]:
    """Compare a model's answers within counterpart sets.

    Parameters
    ----------
    predicted : sequence of Predicted
        Sets with an image that is not among them are left out.
    sets : sequence of CounterpartSet

    Returns
    -------
    dict of str to dict
        By axis: `sets`, `images`, `left_out`; `flips`, the share of sets whose images do not all
        get the same label; `flags`, the share of sets in which some but not all images are called
        NSFW (both as `fairness.rate`, clustered by the first image's cluster); `values`: by value,
        how far the NSFW score is from the mean of the rest of its set (`n`, `clusters`, `shift`,
        `low`, `high`, from -1 to 1); and `worst`, the sets whose NSFW scores differ most. Ready for
        JSON.
    """
    answers = {answer.sha256: answer for answer in predicted}
    figures = {}
    for axis in sorted({counterparts.axis for counterparts in sets}):
        of_axis = [counterparts for counterparts in sets if counterparts.axis == axis]
        complete = [
            _AnsweredSet.of(counterparts, answers)
            for counterparts in of_axis
            if all(sha256 in answers for sha256 in counterparts.images.values())
        ]
        figures[axis] = {
            "kind": "given",
            "left_out": len(of_axis) - len(complete),
            **_set_figures(complete),
        }
    return figures


@dataclass(frozen=True)
class _AnsweredSet:
    """One set with its answers, by value."""

    name: str
    answers: Mapping[str, Predicted]

    @classmethod
    def of(cls, counterparts: CounterpartSet, answers: Mapping[str, Predicted]) -> _AnsweredSet:
        images = sorted(counterparts.images.items())
        return cls(counterparts.name, {value: answers[sha256] for value, sha256 in images})

    @property
    def cluster(self) -> str:
        return next(iter(self.answers.values())).cluster

    @cached_property
    def nsfw_scores(self) -> dict[str, float]:
        return {value: nsfw_score(answer.scores) for value, answer in self.answers.items()}

    @property
    def flips(self) -> bool:
        return len({answer.predicted for answer in self.answers.values()}) > 1

    @property
    def flags(self) -> bool:
        return len({answer.predicted in NSFW for answer in self.answers.values()}) > 1

    @property
    def spread(self) -> float:
        return max(self.nsfw_scores.values()) - min(self.nsfw_scores.values())

    def shift(self, value: str) -> float:
        rest = [score for other, score in self.nsfw_scores.items() if other != value]
        return self.nsfw_scores[value] - sum(rest) / len(rest)

    def as_dict(self) -> Figures:
        return {
            "name": self.name,
            "spread": self.spread,
            "images": [
                {
                    "value": value,
                    "sha256": answer.sha256,
                    "label": answer.predicted,
                    "nsfw_score": self.nsfw_scores[value],
                }
                for value, answer in self.answers.items()
            ],
        }


def _set_figures(sets: Sequence[_AnsweredSet]) -> Figures:
    clusters = [answered.cluster for answered in sets]
    values = sorted({value for answered in sets for value in answered.answers})
    shifts = {}
    for value in values:
        with_value = [answered for answered in sets if value in answered.answers]
        shifts[value] = _mean_shift(
            [answered.shift(value) for answered in with_value],
            [answered.cluster for answered in with_value],
        )
    worst = sorted(sets, key=lambda answered: (-answered.spread, answered.name))[:WORST]
    return {
        "sets": len(sets),
        "images": len({answer.sha256 for answered in sets for answer in answered.answers.values()}),
        "flips": clustered_rate([answered.flips for answered in sets], clusters),
        "flags": clustered_rate([answered.flags for answered in sets], clusters),
        "values": shifts,
        "worst": [answered.as_dict() for answered in worst],
    }


def _mean_shift(shifts: Sequence[float], clusters: Sequence[str]) -> Figures:
    interval = mean_interval(shifts, clusters)
    return {
        "n": len(shifts),
        "clusters": len(set(clusters)),
        "shift": float(np.mean(shifts)) if len(shifts) else None,
        "low": interval[0] if interval else None,
        "high": interval[1] if interval else None,
    }


def compare_changes(
    classifier: Classifier,
    rows: Sequence[Row],
    images: Mapping[str, Path | str],
    progress: Callable[[int, int], None],
    *,
    changes: Mapping[str, Callable[[Image.Image], Image.Image]] = PERTURBATIONS,
) -> dict[str, Figures]:
    """Change each image in every way and compare the answers with those to the original.

    Parameters
    ----------
    classifier : Classifier
    rows : sequence of Row
    images : mapping of str to path
        Where each image is, by pixel hash.
    progress : callable
        Called with the images done so far and the total.
    changes : mapping of str to callable
        Name to a function from an RGB image to the changed one.

    Returns
    -------
    dict of str to dict
        By change: `images`; `flips` and `flags`, the share of images whose label, or whose side
        (NSFW or safe), changes; `shift` of the NSFW score; and `worst`. Ready for JSON.

    Raises
    ------
    ImageMissing
        If an image is missing, or has other pixels than its hash names.
    """
    before: list[Mapping[str, float]] = []
    after: dict[str, list[Mapping[str, float]]] = {name: [] for name in changes}
    for done, row in enumerate(rows, start=1):
        pixels = load_pixels(row.sha256, images)
        before.append(classifier.classify(pixels).scores)
        for name, change in changes.items():
            changed = np.asarray(change(Image.fromarray(pixels)))
            after[name].append(classifier.classify(changed).scores)
        progress(done, len(rows))
    return {name: _change_figures(rows, before, scores) for name, scores in after.items()}


def _change_figures(
    rows: Sequence[Row],
    before: Sequence[Mapping[str, float]],
    after: Sequence[Mapping[str, float]],
) -> Figures:
    clusters = [row.cluster for row in rows]
    answers = [(_answer(old), _answer(new)) for old, new in zip(before, after, strict=True)]
    shifts = [new["nsfw_score"] - old["nsfw_score"] for old, new in answers]
    labels = [(old["label"], new["label"]) for old, new in answers]
    order = sorted(range(len(rows)), key=lambda n: (-abs(shifts[n]), rows[n].sha256))
    return {
        "kind": "made",
        "images": len(rows),
        "flips": clustered_rate([old != new for old, new in labels], clusters),
        "flags": clustered_rate([(old in NSFW) != (new in NSFW) for old, new in labels], clusters),
        "shift": _mean_shift(shifts, clusters),
        "worst": [
            {"sha256": rows[n].sha256, "before": answers[n][0], "after": answers[n][1]}
            for n in order[:WORST]
        ],
    }


def _answer(scores: Mapping[str, float]) -> Figures:
    label = max(LABELS, key=lambda label: scores[label])
    return {"label": label, "nsfw_score": nsfw_score(scores)}
