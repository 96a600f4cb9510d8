"""Images alike but for one thing: does the answer change with it?

Given sets differ in something that a person drew or named, such as a skin tone: what changes then
is because of it, in these pictures. Made changes (greyscale, a mirror, a worse JPEG) say how robust
a model is and nothing about causes.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from modeltrain.audit.evaluate import Predicted
from modeltrain.audit.fairness import mean_interval, rate_of
from modeltrain.data.manifest import Row
from modeltrain.files import write_whole
from modeltrain.images.perturbations import PERTURBATIONS
from modeltrain.labels import LABELS, NSFW
from modeltrain.model.features import load_pixels

Pixels = NDArray[np.uint8]
Figures = dict[str, Any]

WORST = 10  # sets that are shown


class _Scored(Protocol):
    @property
    def scores(self) -> dict[str, float]: ...


class _Classifies(Protocol):
    def classify(self, pixels: Pixels) -> _Scored: ...


class SetsRefused(ValueError):
    """A file of counterpart sets breaks a rule; the message names the line."""


@dataclass(frozen=True)
class CounterpartSet:
    """Images alike but for their value on one axis.

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
    """Write sets as JSON Lines, sorted, whole or not at all."""
    lines = sorted(json.dumps(asdict(each), sort_keys=True, ensure_ascii=False) for each in sets)
    write_whole(path, "".join(f"{line}\n" for line in lines).encode())


def read_sets(path: Path) -> list[CounterpartSet]:
    """Read what `write_sets` wrote.

    Raises
    ------
    SetsRefused
        Where a line is not a set of two images or more.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            each = CounterpartSet(**json.loads(line))
            fits = isinstance(each.images, dict) and len(set(each.images.values())) > 1
        except (ValueError, TypeError):
            fits = False
        if not fits:
            raise SetsRefused(
                "Each line must be a set with axis, name and images, two or more different ones by "
                f"their value. Received: {line[:60]!r} ({path.name}, line {number}). Correct it."
            )
        found.append(each)
    return found


def counterparts(rows: Sequence[Row]) -> list[CounterpartSet]:
    """Find the sets of counterparts that a manifest holds.

    Parameters
    ----------
    rows : sequence of Row

    Returns
    -------
    list of CounterpartSet
        Images of one cluster with one label whose groups are the same on every axis but one. A
        value that several of them have is left out: which of them is the counterpart is not known.
    """
    found: dict[tuple[Any, ...], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    always: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        pairs = set(row.groups.items())
        always[row.cluster] = always.get(row.cluster, pairs) & pairs
        for axis, value in row.groups.items():
            rest = tuple(sorted(pair for pair in row.groups.items() if pair[0] != axis))
            found[axis, row.cluster, row.label, rest][value].append(row.sha256)
    sets = []
    for (axis, cluster, _, rest), values in sorted(found.items()):
        single = {value: shas[0] for value, shas in sorted(values.items()) if len(shas) == 1}
        if len(single) > 1:
            telling = [pair[1] for pair in rest if pair not in always[cluster]]
            name = ", ".join([cluster, *telling])
            sets.append(CounterpartSet(axis=axis, name=name, images=single))
    return sets


def given(predicted: Sequence[Predicted], sets: Sequence[CounterpartSet]) -> dict[str, Figures]:
    """Compare a model's answers within sets of counterparts.

    Parameters
    ----------
    predicted : sequence of Predicted
        Sets with an image that is not among them are left out.
    sets : sequence of CounterpartSet

    Returns
    -------
    dict of str to dict
        By axis: `sets`, `images`, `left_out`; `flips`, the share of sets whose images do not all
        get the same label; `flags`, the share in which some but not all are called NSFW (both as
        `fairness.rate`, clustered by the first image's cluster); `values`: by value, how far the
        NSFW score is from the mean of the rest of its set (`n`, `shift`, `low`, `high`); and
        `worst`, the sets whose NSFW scores are farthest apart. Ready for JSON.
    """
    known = {each.sha256: each for each in predicted}
    found = {}
    for axis in sorted({each.axis for each in sets}):
        of_axis = [each for each in sets if each.axis == axis]
        whole = [each for each in of_axis if all(sha in known for sha in each.images.values())]
        found[axis] = {
            "kind": "given",
            "left_out": len(of_axis) - len(whole),
            **_within([_Set(each, known) for each in whole]),
        }
    return found


class _Set:
    """One set with its answers."""

    def __init__(self, said: CounterpartSet, known: Mapping[str, Predicted]) -> None:
        self.name = said.name
        self.answers = {value: known[sha] for value, sha in sorted(said.images.items())}
        self.cluster = next(iter(self.answers.values())).cluster
        self.scores = {value: nsfw_score(each.scores) for value, each in self.answers.items()}

    @property
    def flips(self) -> bool:
        return len({each.predicted for each in self.answers.values()}) > 1

    @property
    def flags(self) -> bool:
        return len({each.predicted in NSFW for each in self.answers.values()}) > 1

    @property
    def spread(self) -> float:
        return max(self.scores.values()) - min(self.scores.values())

    def shift(self, value: str) -> float:
        rest = [score for other, score in self.scores.items() if other != value]
        return self.scores[value] - sum(rest) / len(rest)

    def as_dict(self) -> Figures:
        return {
            "name": self.name,
            "spread": self.spread,
            "images": [
                {
                    "value": value,
                    "sha256": each.sha256,
                    "label": each.predicted,
                    "nsfw_score": self.scores[value],
                }
                for value, each in self.answers.items()
            ],
        }


def _within(sets: Sequence[_Set]) -> Figures:
    clusters = [each.cluster for each in sets]
    values = sorted({value for each in sets for value in each.answers})
    shifts = {}
    for value in values:
        having = [each for each in sets if value in each.answers]
        shifts[value] = _shift(
            [each.shift(value) for each in having], [each.cluster for each in having]
        )
    worst = sorted(sets, key=lambda each: (-each.spread, each.name))[:WORST]
    return {
        "sets": len(sets),
        "images": len({each.sha256 for one in sets for each in one.answers.values()}),
        "flips": rate_of([each.flips for each in sets], clusters),
        "flags": rate_of([each.flags for each in sets], clusters),
        "values": shifts,
        "worst": [each.as_dict() for each in worst],
    }


def nsfw_score(scores: Mapping[str, float]) -> float:
    """Return the sum of the probabilities of `labels.NSFW`."""
    return float(min(sum(scores[label] for label in NSFW), 1.0))


def _shift(shifts: Sequence[float], clusters: Sequence[str]) -> Figures:
    interval = mean_interval(shifts, clusters)
    return {
        "n": len(shifts),
        "shift": float(np.mean(shifts)) if len(shifts) else None,
        "low": interval[0] if interval else None,
        "high": interval[1] if interval else None,
    }


def made(
    classifier: _Classifies,
    rows: Sequence[Row],
    images: Mapping[str, Path | str],
    progress: Callable[[int, int], None],
    *,
    changes: Mapping[str, Callable[[Image.Image], Image.Image]] = PERTURBATIONS,
) -> dict[str, Figures]:
    """Change each image in every way and compare the answers with those to the image itself.

    Parameters
    ----------
    classifier : Classifier
    rows : sequence of Row
    images : mapping of str to path
        Where each image is, by pixel hash.
    progress : callable
        Called with images done and images in all.
    changes : mapping of str to callable
        Name to what is done to an RGB image.

    Returns
    -------
    dict of str to dict
        By change: `images`; `flips` and `flags`, the share of images whose label, or whose side,
        changes; `shift` of the NSFW score; and `worst`. Ready for JSON.

    Raises
    ------
    ImageMissing
        When an image is not there, or is another one.
    """
    before, after = [], {name: [] for name in changes}  # type: ignore[var-annotated]
    for done, row in enumerate(rows, start=1):
        pixels = load_pixels(row.sha256, images)
        before.append(classifier.classify(pixels).scores)
        for name, change in changes.items():
            changed = np.asarray(change(Image.fromarray(pixels)))
            after[name].append(classifier.classify(changed).scores)
        progress(done, len(rows))
    return {name: _changed(rows, before, scores) for name, scores in after.items()}


def _changed(
    rows: Sequence[Row],
    before: Sequence[Mapping[str, float]],
    after: Sequence[Mapping[str, float]],
) -> Figures:
    clusters = [row.cluster for row in rows]
    was, now = [_label(each) for each in before], [_label(each) for each in after]
    pairs = list(zip(was, now, strict=True))
    scores = [(nsfw_score(a), nsfw_score(b)) for a, b in zip(before, after, strict=True)]
    shifts = [new - old for old, new in scores]
    order = sorted(range(len(rows)), key=lambda n: (-abs(shifts[n]), rows[n].sha256))
    return {
        "kind": "made",
        "images": len(rows),
        "flips": rate_of([a != b for a, b in pairs], clusters),
        "flags": rate_of([(a in NSFW) != (b in NSFW) for a, b in pairs], clusters),
        "shift": _shift(shifts, clusters),
        "worst": [
            {
                "sha256": rows[n].sha256,
                "before": {"label": was[n], "nsfw_score": scores[n][0]},
                "after": {"label": now[n], "nsfw_score": scores[n][1]},
            }
            for n in order[:WORST]
        ],
    }


def _label(scores: Mapping[str, float]) -> str:
    return max(LABELS, key=lambda label: scores[label])
