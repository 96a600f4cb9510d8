"""Groups that nobody named: where among all images do mistakes crowd together?

Mistakes of one half of the images are clustered by what the model sees in them (HDBSCAN: Campello,
Moulavi and Sander 2013). How often each region is wrong is then counted on the other half, which
had no say in where the regions are: otherwise any crowd of mistakes would look worse than it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN
from sklearn.decomposition import PCA
from sklearn.preprocessing import normalize
from statsmodels.stats.proportion import confint_proportions_2indep
from threadpoolctl import threadpool_limits

from modeltrain.audit.fairness import Rate, effective_size, rate

Floats = NDArray[np.float32]

SMALLEST = 5  # mistakes that make a crowd
DIMENSIONS = 8
REACH = 50  # percent of a crowd's mistakes that its region holds: the rest are its fringe
EXEMPLARS = 12


@dataclass(frozen=True)
class Slice:
    """A region in which the model is wrong more often than around it.

    Attributes
    ----------
    members : list of int
        Places of all images in the region, the nearest to its middle first.
    exemplars : list of int
        Places of wrong images in it, the nearest first; at most 12.
    found_on : int
        Mistakes of the first half that it was made of.
    inside, outside : Rate
        How often images of the other half are wrong, in the region and everywhere else.
    low, high : float
        Interval of the difference of the two rates.
    """

    members: list[int]
    exemplars: list[int]
    found_on: int
    inside: Rate
    outside: Rate
    low: float
    high: float


def find(
    features: Floats, wrong: Sequence[bool] | NDArray[np.bool_], clusters: Sequence[str]
) -> list[Slice]:
    """Find regions of features where mistakes crowd together.

    Parameters
    ----------
    features : numpy.ndarray of float32, shape [n, f]
        Pooled activations, 0 or more.
    wrong : sequence of bool, length n
    clusters : sequence of str, length n
        Near-duplicates are in the same half, and intervals know of them.

    Returns
    -------
    list of Slice
        Those whose interval of the difference is above 0, the surest first. Empty where mistakes do
        not crowd, or are too few.
    """
    failed = np.asarray(wrong, dtype=np.bool_)
    first = np.array([_is_first(cluster) for cluster in clusters], dtype=np.bool_)
    if (failed & first).sum() < 2 * SMALLEST or not (~first).any():
        return []
    seen = _reduced(features)
    with threadpool_limits(2):
        crowds = HDBSCAN(
            min_cluster_size=SMALLEST, allow_single_cluster=True, copy=True
        ).fit_predict(seen[failed & first])
    found = []
    for crowd in range(crowds.max() + 1):
        mistakes = seen[failed & first][crowds == crowd]
        middle = mistakes.mean(axis=0)
        reach = np.percentile(np.linalg.norm(mistakes - middle, axis=1), REACH)
        distance = np.linalg.norm(seen - middle, axis=1)
        one = _measured(distance, reach, failed, ~first, clusters, len(mistakes))
        if one is not None and one.low > 0:
            found.append(one)
    return sorted(found, key=lambda each: -each.low)


def _is_first(cluster: str) -> bool:
    return hashlib.sha256(f"slices: {cluster}".encode()).digest()[0] < 128


def _reduced(features: Floats) -> Floats:
    """Square roots scaled to length 1, as in `label_errors`, in their main directions."""
    roots = normalize(np.sqrt(np.maximum(features, 0)))
    most = min(DIMENSIONS, *roots.shape)
    with threadpool_limits(2):
        reduced: Floats = PCA(most, svd_solver="full", random_state=0).fit_transform(roots)
    return reduced


def _measured(
    distance: Floats,
    reach: float,
    failed: NDArray[np.bool_],
    second: NDArray[np.bool_],
    clusters: Sequence[str],
    found_on: int,
) -> Slice | None:
    inside = distance <= reach
    rates = [
        _rate(failed[taken], [clusters[int(n)] for n in np.flatnonzero(taken)])
        for taken in (inside & second, ~inside & second)
    ]
    if not all(each[0]["n"] for each in rates):
        return None
    (here, n_here), (there, n_there) = rates
    low, high = confint_proportions_2indep(
        here["rate"] * n_here,
        n_here,
        there["rate"] * n_there,
        n_there,
        method="newcomb",
        compare="diff",
    )
    order = np.argsort(distance, kind="stable")
    members = [int(n) for n in order if inside[n]]
    return Slice(
        members=members,
        exemplars=[n for n in members if failed[n]][:EXEMPLARS],
        found_on=found_on,
        inside=here,
        outside=there,
        low=float(low),
        high=float(high),
    )


def _rate(failed: NDArray[np.bool_], clusters: Sequence[str]) -> tuple[Rate, float]:
    effective = effective_size(failed, clusters) if len(failed) else 0.0
    counted: dict[str, Any] = rate(
        count=int(failed.sum()),
        n=len(failed),
        clusters=len(set(clusters)),
        effective=effective,
    )
    return counted, effective
