"""Which labels are probably wrong: every image is judged by heads that were not trained on it.

Confident learning: Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in
Dataset Labels" (2021), with its authors' library, cleanlab. The article did this by hand, for 5,400
images. The heads are logistic regressions on the square roots of the features, scaled to length 1:
pooled activations resemble counts, and for counts the Hellinger kernel separates classes better
than the Euclidean one (Arandjelović and Zisserman, "Three things everyone should know to improve
object retrieval", 2012).
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
INVERSE_REGULARIZATION = 30.0  # of the heads; `C` in scikit-learn


class NothingToReview(ValueError):
    """There are too few images or labels to judge one by the others."""


@dataclass(frozen=True)
class RankedLabel:
    """What the other images say about one image's label.

    Attributes
    ----------
    row : Row
    suggested : str
        The most probable label.
    given_probability, suggested_probability : float
        Of the label that the image has, and of the suggested one.
    quality : float
        Probability of the label that the image has: near 0 it is almost certainly wrong.
    is_issue : bool
        Whether confident learning counts the label as an error.
    """

    row: Row
    suggested: str
    given_probability: float
    suggested_probability: float
    quality: float
    is_issue: bool


@dataclass(frozen=True)
class LabelRanking:
    """Labels of images, the most doubtful first, and labels that could not be reviewed."""

    labels: list[RankedLabel]
    left_out: dict[str, str]


def rank_labels(rows: Sequence[Row], features: Floats, *, seed: int = 0) -> LabelRanking:
    """Rank labels by how strongly the other images contradict them.

    Near-duplicates (rows of one cluster) are in one fold, so that copies cannot confirm each other.

    Parameters
    ----------
    rows : sequence of Row
    features : numpy.ndarray of float32, shape [n, f]
        Of the rows' images, in their order.
    seed : int
        Of the folds.

    Returns
    -------
    LabelRanking
        Labels with fewer clusters than folds are left out, with the reason.

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
    reviewed = [index for index, row in enumerate(rows) if row.label in labels]
    given = np.array([labels.index(rows[index].label) for index in reviewed])
    groups = [rows[index].cluster for index in reviewed]
    probabilities = out_of_fold_probabilities(features[reviewed], given, groups, seed=seed)
    quality = get_label_quality_scores(given, probabilities, method="self_confidence")
    issues = find_label_issues(given, probabilities, n_jobs=1)
    ranked = [
        RankedLabel(
            row=rows[reviewed[place]],
            suggested=labels[int(probabilities[place].argmax())],
            given_probability=float(probabilities[place, given[place]]),
            suggested_probability=float(probabilities[place].max()),
            quality=float(quality[place]),
            is_issue=bool(issues[place]),
        )
        for place in np.lexsort(([rows[index].sha256 for index in reviewed], quality))
    ]
    return LabelRanking(ranked, left_out)


def out_of_fold_probabilities(
    features: Floats, classes: NDArray[Any], groups: Sequence[str], *, seed: int
) -> NDArray[np.float64]:
    """Return each image's probabilities from a head trained without it and its near-duplicates.

    Parameters
    ----------
    features : numpy.ndarray of float32, shape [n, f]
    classes : numpy.ndarray of int, shape [n]
    groups : sequence of str
        Clusters of near-duplicates.
    seed : int
        Of the folds.

    Returns
    -------
    numpy.ndarray of float64, shape [n, classes]
        Rows sum to 1.
    """
    probabilities = np.full((len(classes), int(classes.max()) + 1), np.nan)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    with threadpool_limits(1):  # the matrices are so small that threads would only wait
        for training, test in folds.split(features, classes, groups):
            head = make_pipeline(
                FunctionTransformer(_square_roots),
                Normalizer(),
                LogisticRegression(C=INVERSE_REGULARIZATION, max_iter=1000),
            )
            head.fit(features[training], classes[training])
            probabilities[np.ix_(test, head.classes_)] = head.predict_proba(features[test])
    filled: NDArray[np.float64] = np.nan_to_num(probabilities, nan=0.0)
    return filled


def _square_roots(features: Floats) -> Floats:
    roots: Floats = np.sqrt(np.maximum(features, 0))
    return roots


def write(path: Path, ranking: LabelRanking) -> None:
    """Write the ranked list as JSONL and, beside it as `.json`, the counts of `count_doubtful`.

    A line has `rank` from 1, the fields of `Row`, and those of `RankedLabel`. The counts also have
    `left_out`.
    """
    lines = []
    for rank, ranked in enumerate(ranking.labels, start=1):
        values = {"rank": rank, **asdict(ranked.row), **asdict(ranked)}
        del values["row"]
        lines.append(json.dumps(values, ensure_ascii=False))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, "".join(f"{line}\n" for line in lines).encode())
    counts = count_doubtful(ranking.labels) | {"left_out": ranking.left_out}
    text = json.dumps(counts, indent=2, ensure_ascii=False)
    write_whole(path.with_suffix(".json"), text.encode())


def count_doubtful(ranked_labels: Sequence[RankedLabel]) -> dict[str, Any]:
    """Count the doubtful labels, by label and by group.

    Returns
    -------
    dict
        `labels`, by label, and `groups`, by axis and value. Each entry has `images`, `doubtful` and
        `suggested`, which counts the labels suggested for the doubtful images. Ready for JSON.
    """

    def count(some: Sequence[RankedLabel]) -> dict[str, Any]:
        doubtful = [ranked for ranked in some if ranked.is_issue]
        suggested = Counter(ranked.suggested for ranked in doubtful)
        return {
            "images": len(some),
            "doubtful": len(doubtful),
            "suggested": dict(sorted(suggested.items())),
        }

    by_label: dict[str, list[RankedLabel]] = {}
    by_axis: dict[str, dict[str, list[RankedLabel]]] = {}
    for ranked in ranked_labels:
        by_label.setdefault(ranked.row.label, []).append(ranked)
        for axis, value in ranked.row.groups.items():
            by_axis.setdefault(axis, {}).setdefault(value, []).append(ranked)
    return {
        "labels": {label: count(some) for label, some in sorted(by_label.items())},
        "groups": {
            axis: {value: count(some) for value, some in sorted(by_value.items())}
            for axis, by_value in sorted(by_axis.items())
        },
    }
