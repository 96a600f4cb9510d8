"""Groups that nobody named: where among all images do mistakes cluster?

The mistakes of one half of the images are clustered by what the model sees in them. How often each
region is wrong is then counted on the other half, which had no part in choosing the regions:
otherwise any cluster of mistakes would look worse than it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom
from sklearn.cluster import HDBSCAN
from sklearn.decomposition import PCA
from sklearn.preprocessing import normalize
from statsmodels.stats.proportion import confint_proportions_2indep
from threadpoolctl import threadpool_limits

from modeltrain.audit.fairness import Rate, effective_sample_size, rate

Floats = NDArray[np.float32]

SMALLEST = 5  # mistakes that make a cluster
DIMENSIONS = 8
REACH = 50  # percent of a cluster's mistakes that its region holds: the rest are its fringe
EXEMPLARS = 12
LEVEL = 0.95


@dataclass(frozen=True)
class Slice:
    """A region in which the model is wrong more often than around it.

    Attributes
    ----------
    members : list of int
        Indices of all images in the region, the nearest to its centre first.
    exemplars : list of int
        Indices of wrong images in it, the nearest first; at most 12.
    found_on : int
        Mistakes of the first half that the region was made from.
    inside, outside : Rate
        How often images of the other half are wrong, in the region and everywhere else.
    low, high : float
        Confidence interval of the difference of the two rates, inside minus outside: 95% for all
        regions that were tested at once.
    p_value : float
        The chance that some region would be wrong as often if mistakes had nothing to do with
        features.
    """

    members: list[int]
    exemplars: list[int]
    found_on: int
    inside: Rate
    outside: Rate
    low: float
    high: float
    p_value: float


def find(
    features: Floats, wrong: Sequence[bool] | NDArray[np.bool_], clusters: Sequence[str]
) -> list[Slice]:
    """Find regions of features where mistakes cluster.

    Sources: R. J. G. B. Campello, D. Moulavi and J. Sander (2013), "Density-Based Clustering Based
    on Hierarchical Density Estimates" (HDBSCAN), by way of scikit-learn; R. G. Newcombe (1998),
    "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17, 873–890, method 10, by way of `statsmodels`. Where mistakes are rare that interval
    is above 0 too often, so Fisher's exact test decides as well. Both have Bonferroni's correction
    for the number of regions: where mistakes have nothing to do with features, a region is found in
    at most 5% of audits.

    Parameters
    ----------
    features : numpy.ndarray of float32, shape [n, f]
        Pooled activations, 0 or more.
    wrong : sequence of bool, length n
        Whether the model got the image wrong.
    clusters : sequence of str, length n
        Each image's cluster. Images of one cluster are in the same half, and intervals take
        clusters into account.

    Returns
    -------
    list of Slice
        Those whose interval of the difference is above 0, the surest first. Empty if mistakes do
        not cluster, or are too few.
    """
    failed = np.asarray(wrong, dtype=np.bool_)
    first_half = np.array([_is_in_first_half(cluster) for cluster in clusters], dtype=np.bool_)
    if (failed & first_half).sum() < 2 * SMALLEST or first_half.all():
        return []
    points = _reduce(features)
    mistakes = points[failed & first_half]
    with threadpool_limits(2):
        mistake_clusters = HDBSCAN(
            min_cluster_size=SMALLEST, allow_single_cluster=True, copy=True
        ).fit_predict(mistakes)
    slices = []
    tested = int(mistake_clusters.max()) + 1
    for number in range(tested):
        members = mistakes[mistake_clusters == number]
        centre = members.mean(axis=0)
        radius = np.percentile(np.linalg.norm(members - centre, axis=1), REACH)
        distance = np.linalg.norm(points - centre, axis=1)
        region = _measure(
            distance, radius, failed, ~first_half, clusters, len(members), tested=tested
        )
        if region is not None and region.low > 0 and region.p_value <= 1 - LEVEL:
            slices.append(region)
    return sorted(slices, key=lambda region: -region.low)


def _is_in_first_half(cluster: str) -> bool:
    return hashlib.sha256(f"slices: {cluster}".encode()).digest()[0] < 128


def _reduce(features: Floats) -> Floats:
    """Return square roots scaled to length 1, as in `label_errors`, in their principal axes."""
    roots = normalize(np.sqrt(np.maximum(features, 0)))
    dimensions = min(DIMENSIONS, *roots.shape)
    with threadpool_limits(2):
        reduced: Floats = PCA(dimensions, svd_solver="full", random_state=0).fit_transform(roots)
    return reduced


def _measure(
    distance: Floats,
    radius: float,
    failed: NDArray[np.bool_],
    second_half: NDArray[np.bool_],
    clusters: Sequence[str],
    found_on: int,
    *,
    tested: int = 1,
) -> Slice | None:
    within = distance <= radius
    inside, outside = (_rate(failed, second_half & taken, clusters) for taken in (within, ~within))
    if not inside[0]["n"] or not outside[0]["n"]:
        return None
    low, high = confint_proportions_2indep(
        inside[0]["rate"] * inside[1],
        inside[1],
        outside[0]["rate"] * outside[1],
        outside[1],
        method="newcomb",
        compare="diff",
        alpha=(1 - LEVEL) / tested,
    )
    members = [int(n) for n in np.argsort(distance, kind="stable") if within[n]]
    return Slice(
        members=members,
        exemplars=[n for n in members if failed[n]][:EXEMPLARS],
        found_on=found_on,
        inside=inside[0],
        outside=outside[0],
        low=float(low),
        high=float(high),
        p_value=min(_exact_p_value(inside, outside) * tested, 1.0),
    )


def _exact_p_value(inside: tuple[Rate, float], outside: tuple[Rate, float]) -> float:
    """Return the p-value of Fisher's exact test, of as many images as these are worth."""
    (wrong, n), (others_wrong, others) = (
        (round(figures["rate"] * effective), round(effective))
        for figures, effective in (inside, outside)
    )
    return float(hypergeom.sf(wrong - 1, n + others, wrong + others_wrong, n))


def _rate(
    failed: NDArray[np.bool_], taken: NDArray[np.bool_], clusters: Sequence[str]
) -> tuple[Rate, float]:
    """Return how often the taken images failed, and their effective sample size."""
    events = failed[taken]
    names = [clusters[int(n)] for n in np.flatnonzero(taken)]
    effective = effective_sample_size(events, names)
    figures = rate(
        count=int(events.sum()), n=len(events), clusters=len(set(names)), effective=effective
    )
    return figures, effective
