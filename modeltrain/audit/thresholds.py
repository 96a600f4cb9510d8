"""What every threshold of the NSFW score would do: how many images it flags, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from modeltrain.audit.fairness import Clusters, ClusterSums, Rate, rate, wilson_limits
from modeltrain.audit.harm import hundredths

# In hundredths. From 0 on every image is flagged, and no score reaches the last one.
THRESHOLDS = np.arange(102)
NEVER = 101


@dataclass(frozen=True)
class FlaggedShares:
    """How many of n images have a score of at least each threshold.

    Attributes
    ----------
    n, clusters : int
        Images, and the clusters that they form.
    counts : array of int, shape [102]
        By threshold in hundredths, from 0 on.
    low, high : array of float, shape [102]
        The interval of each share, that of `fairness.clustered_rate`. Empty without images.
    """

    n: int
    clusters: int
    counts: NDArray[np.intp]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def flagged(self, at: int) -> Rate:
        """Return the share of images that a threshold flags, as `fairness.rate` returns it."""
        if not self.n:
            return rate(count=0, n=0)
        count = int(self.counts[at])
        return {
            "count": count,
            "n": self.n,
            "clusters": self.clusters,
            "rate": count / self.n,
            "low": float(self.low[at]),
            "high": float(self.high[at]),
        }

    def not_flagged(self, at: int) -> Rate:
        """Return the share of images that a threshold does not flag."""
        flagged = self.flagged(at)
        if not self.n:
            return flagged
        count = self.n - flagged["count"]
        return flagged | {
            "count": count,
            "rate": count / self.n,
            "low": 1 - flagged["high"],
            "high": 1 - flagged["low"],
        }


def flagged_shares(
    scores: ArrayLike, clusters: Sequence[str] | NDArray[Any], *, level: float = 0.95
) -> FlaggedShares:
    """Count how many images each threshold flags.

    The intervals are those of `fairness.clustered_rate` at each threshold. They are computed for
    all thresholds at once: where images of a cluster are ranked by score, the image of rank r
    raises the squared number of flagged images in its cluster by 2r - 1.

    Parameters
    ----------
    scores : array of float, shape [n]
        NSFW scores, 0 to 1.
    clusters : sequence of str or int, length n
        Each image's cluster.
    level : float
        Confidence level of the intervals.

    Returns
    -------
    FlaggedShares

    Raises
    ------
    ValueError
        If a score is not a number from 0 to 1, or `clusters` has another length.
    """
    scores = np.asarray(scores, dtype=np.float32)
    if scores.shape != (len(clusters),) or not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError(
            "Each image needs one NSFW score from 0 to 1, and one cluster. Received: scores of "
            f"shape {scores.shape}, {len(clusters)} clusters. Leave out images without a score."
        )
    n = len(scores)
    if not n:
        empty = np.zeros(0)
        return FlaggedShares(0, 0, np.zeros(len(THRESHOLDS), dtype=np.intp), empty, empty)
    reached = hundredths(scores)
    grouped = Clusters.of(clusters)
    counts = _reaching(reached, np.ones(n)).astype(np.intp)
    effective = _effective_sample_sizes(reached, grouped, counts, level)
    low, high = wilson_limits(counts / n * effective, effective, level=level)
    return FlaggedShares(n, grouped.count, counts, low, high)


def _reaching(reached: NDArray[np.intp], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of `values` of the images that reach each threshold: shape [102]."""
    sums = np.bincount(reached, weights=values, minlength=len(THRESHOLDS))
    total: NDArray[np.float64] = sums[::-1].cumsum()[::-1]
    return total


def _effective_sample_sizes(
    reached: NDArray[np.intp], grouped: Clusters, counts: NDArray[np.intp], level: float
) -> NDArray[np.float64]:
    """Return `Clusters.effective_sample_size` of "is flagged" at each threshold: shape [102]."""
    n, k = len(reached), grouped.count
    if k == n:
        return np.full(len(THRESHOLDS), float(n))
    if k == 1:
        return np.ones(len(THRESHOLDS))
    order = np.lexsort((-reached, grouped.members))
    first = np.concatenate([[0], np.cumsum(grouped.sizes)[:-1]])
    rank = np.empty(n)
    rank[order] = np.arange(n) - np.repeat(first, grouped.sizes) + 1
    size = grouped.sizes[grouped.members].astype(np.float64)
    sums = ClusterSums(
        total=counts.astype(np.float64),
        squares=counts.astype(np.float64),
        totals_squared=_reaching(reached, 2 * rank - 1),
        totals_by_size=_reaching(reached, size),
        totals_squared_over_size=_reaching(reached, (2 * rank - 1) / size),
    )
    touched = _reaching(reached, (rank == 1).astype(np.float64))
    untouched = k - _reaching(reached, (rank == size).astype(np.float64))
    greatest = float((grouped.sizes.astype(np.float64) ** 2).sum() / n)
    design_effect = sums.design_effect(n=n, k=k, greatest=greatest)
    # As everywhere: a cluster with a value other than the commonest is three degrees of freedom.
    others = np.where(counts > n - counts, untouched, touched)
    others = np.where(counts == n - counts, np.minimum(untouched, touched), others)
    freedom = np.where(others > 0, np.minimum(k - 1, 3 * others), k - 1)
    tail = 1 - (1 - level) / 2
    size_of_sample: NDArray[np.float64] = (
        n / design_effect * (stdtrit(n - 1, tail) / stdtrit(freedom, tail)) ** 2
    )
    return size_of_sample
