"""Which labels are probably wrong: every image is judged by heads that never saw it.

Confident learning: Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in
Dataset Labels" (2021), by its authors' library, cleanlab. The article did this by hand, for 5,400
images. The heads are logistic regressions on the square roots of the features, scaled to length 1:
pooled activations are like counts, and for these Hellinger's kernel tells classes apart better than
Euclid's (Arandjelović and Zisserman, "Three things everyone should know to improve object
retrieval", 2012).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer
from threadpoolctl import threadpool_limits

from modeltrain.data.manifest import Row
from modeltrain.files import write_whole

Floats = NDArray[np.float32]

FOLDS = 5
STRENGTH = 30.0  # of the heads, as C in scikit-learn


class NothingToReview(ValueError):
    """Too few images or labels to judge one by the others."""


@dataclass(frozen=True)
class Doubt:
    """What the other images say of one image's label.

    Attributes
    ----------
    row : Row
    suggested : str
        The most probable label.
    given_probability, suggested_probability : float
        Of the label it has, and of the suggested one.
    quality : float
        From 0, surely wrong, to 1: its own label's probability.
    is_issue : bool
        Whether confident learning counts it as an error.
    """

    row: Row
    suggested: str
    given_probability: float
    suggested_probability: float
    quality: float
    is_issue: bool


@dataclass(frozen=True)
class Review:
    """Images with the most doubtful label first, and labels that could not be reviewed."""

    doubts: list[Doubt]
    left_out: dict[str, str]


def review(rows: Sequence[Row], features: Floats, *, seed: int = 0) -> Review:
    """Rank labels by how much the other images speak against them.

    Near-duplicates (rows of one cluster) are in one fold, so that copies do not vouch for each
    other.

    Parameters
    ----------
    rows : sequence of Row
    features : numpy.ndarray of float32, shape [n, f]
        Of the rows' images, in their order.
    seed : int
        Of the folds.

    Returns
    -------
    Review
        Labels with fewer clusters than there are folds are left out, with the reason.

    Raises
    ------
    NothingToReview
        When fewer than two labels have enough images.
    """
    clusters = Counter(label for label, _ in {(row.label, row.cluster) for row in rows})
    left_out = {
        label: f"A label must have images of at least {FOLDS} different clusters to be reviewed. "
        f"Received: {count} of {label}. Add images of it."
        for label, count in sorted(clusters.items())
        if count < FOLDS
    }
    labels = sorted(set(clusters) - set(left_out))
    if len(labels) < 2:
        raise NothingToReview(
            f"At least two labels must have images of {FOLDS} different clusters each. Received: "
            f"{dict(sorted(clusters.items()))}. Add images."
        )
    taken = [n for n, row in enumerate(rows) if row.label in labels]
    given = np.array([labels.index(rows[n].label) for n in taken])
    groups = [rows[n].cluster for n in taken]
    probabilities = out_of_fold(features[taken], given, groups, seed=seed)
    quality = get_label_quality_scores(given, probabilities, method="self_confidence")
    issues = find_label_issues(given, probabilities, n_jobs=1)
    doubts = [
        Doubt(
            row=rows[taken[at]],
            suggested=labels[int(probabilities[at].argmax())],
            given_probability=float(probabilities[at, given[at]]),
            suggested_probability=float(probabilities[at].max()),
            quality=float(quality[at]),
            is_issue=bool(issues[at]),
        )
        for at in np.lexsort(([rows[n].sha256 for n in taken], quality))
    ]
    return Review(doubts, left_out)


def out_of_fold(
    features: Floats, classes: NDArray[Any], groups: Sequence[str], *, seed: int
) -> NDArray[np.float64]:
    """Return each image's probabilities by a head that saw neither it nor its near-duplicates.

    Parameters
    ----------
    features : numpy.ndarray of float32, shape [n, f]
    classes : numpy.ndarray of int, shape [n]
    groups : sequence of str
        Clusters of near-duplicates.
    seed : int

    Returns
    -------
    numpy.ndarray of float64, shape [n, classes]
        Rows sum to 1.
    """
    out = np.full((len(classes), int(classes.max()) + 1), np.nan)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    with threadpool_limits(1):  # its matrices are too small for threads: they only wait
        for learn, judge in folds.split(features, classes, groups):
            head = make_pipeline(
                FunctionTransformer(_roots),
                Normalizer(),
                LogisticRegression(C=STRENGTH, max_iter=1000),
            )
            head.fit(features[learn], classes[learn])
            out[np.ix_(judge, head.classes_)] = head.predict_proba(features[judge])
    probabilities: NDArray[np.float64] = np.nan_to_num(out, nan=0.0)
    return probabilities


def _roots(features: Floats) -> Floats:
    roots: Floats = np.sqrt(np.maximum(features, 0))
    return roots


def write(path: Path, found: Review) -> None:
    """Write the ranked list as JSONL and, beside it as `.json`, what `shares` counts.

    A line has `rank` from 1, the fields of `Row`, and those of `Doubt`. The counts also have
    `left_out`.
    """
    lines = []
    for rank, each in enumerate(found.doubts, start=1):
        values = {"rank": rank, **asdict(each.row), **asdict(each)}
        del values["row"]
        lines.append(json.dumps(values, ensure_ascii=False))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, "".join(f"{line}\n" for line in lines).encode())
    counts = shares(found.doubts) | {"left_out": found.left_out}
    text = json.dumps(counts, indent=2, ensure_ascii=False)
    write_whole(path.with_suffix(".json"), text.encode())


def shares(doubts: Sequence[Doubt]) -> dict[str, Any]:
    """Count the doubtful labels, by label and by group.

    Returns
    -------
    dict
        `labels` and, for each axis, its values; each with `images`, `doubtful` and `suggested`
        (the labels that the doubtful ones probably are).
    """

    def cell(some: Sequence[Doubt]) -> dict[str, Any]:
        doubtful = [each for each in some if each.is_issue]
        suggested = Counter(each.suggested for each in doubtful)
        return {
            "images": len(some),
            "doubtful": len(doubtful),
            "suggested": dict(sorted(suggested.items())),
        }

    labels = sorted({each.row.label for each in doubts})
    axes = sorted({axis for each in doubts for axis in each.row.groups})
    return {
        "labels": {name: cell([e for e in doubts if e.row.label == name]) for name in labels},
        "groups": {
            axis: {
                value: cell([e for e in doubts if e.row.groups.get(axis) == value])
                for value in sorted({e.row.groups[axis] for e in doubts if axis in e.row.groups})
            }
            for axis in axes
        },
    }
