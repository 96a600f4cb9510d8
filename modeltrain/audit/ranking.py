"""How well the NSFW score ranks explicit images above safe ones: the area under the ROC curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtri, stdtrit
from scipy.stats import rankdata

from modeltrain.audit.fairness import cluster_numbers
from modeltrain.audit.mix import Estimate

Floats = NDArray[np.float64]


def area_under_curve(
    scores: ArrayLike,
    explicit: ArrayLike,
    clusters: Sequence[str] | NDArray[Any],
    *,
    level: float = 0.95,
) -> Estimate | None:
    """Return how often an explicit image has a higher score than a safe one, with its interval.

    The variance is that of N. A. Obuchowski (1997), "Nonparametric analysis of clustered ROC curve
    data", Biometrics 53, 567–578. Where no two images share a cluster, it is that of E. R. DeLong,
    D. M. DeLong and D. L. Clarke-Pearson (1988), Biometrics 44, 837–845. How much larger it is than
    the latter says how many independent images there are. With as many, the interval is method 5 of
    R. G. Newcombe (2006), "Confidence intervals for an effect size measure based on the
    Mann–Whitney statistic, part 2", Statistics in Medicine 25, 559–573, which has a width where no
    pair is ranked wrongly. Student's t for the number of clusters makes it wider.

    Parameters
    ----------
    scores : array of float, shape [n]
    explicit : array of bool, shape [n]
        Whether each image is explicit.
    clusters : sequence of str or int, length n
        Each image's cluster.
    level : float
        Confidence level of the interval.

    Returns
    -------
    Estimate or None
        From 0 to 1; images of equal score count half. None without explicit or without safe images.
    """
    scores, explicit = np.asarray(scores, dtype=np.float64), np.asarray(explicit, dtype=np.bool_)
    high, low = scores[explicit], scores[~explicit]
    if not len(high) or not len(low):
        return None
    # Of each image, the share of images of the other side that it is ranked rightly against.
    ranks = rankdata(np.concatenate([high, low]))
    placed_high = (ranks[: len(high)] - rankdata(high)) / len(low)
    placed_low = 1 - (ranks[len(high) :] - rankdata(low)) / len(high)
    area = float(placed_high.mean())
    members = cluster_numbers(clusters)
    residuals = np.empty(len(scores))
    residuals[explicit] = (placed_high - area) / len(high)
    residuals[~explicit] = (placed_low - area) / len(low)
    sides = [(explicit, len(high)), (~explicit, len(low))]
    sizes = [np.bincount(members[side]) for side, _ in sides]
    fewest = min(int(np.count_nonzero(side_sizes)) for side_sizes in sizes)
    if fewest < 2:
        return {"value": area, "low": 0.0, "high": 1.0}
    greatest = max(float((side**2).sum() / side.sum()) for side in sizes)
    alone = sum(_variance(residuals[side], np.arange(n)) for side, n in sides)
    together = sum(_variance(residuals[side], members[side]) for side, _ in sides)
    together += _covariance(residuals, explicit, members)
    design_effect = float(np.clip(together / alone, 1.0, greatest)) if alone > 0 else greatest
    tail = 1 - (1 - level) / 2
    smaller = min(len(high), len(low))
    design_effect *= float(stdtrit(fewest - 1, tail) / stdtrit(smaller - 1, tail)) ** 2
    effective = (len(high) / design_effect, len(low) / design_effect)
    quantile = float(ndtri(tail))
    return {
        "value": area,
        "low": _lower_limit(area, *effective, quantile),
        "high": 1 - _lower_limit(1 - area, *effective, quantile),
    }


def _variance(residuals: Floats, members: NDArray[np.intp]) -> float:
    """Return the variance of a sum over two clusters or more; residuals have a mean of 0."""
    totals = np.bincount(members, weights=residuals)
    k = int(np.count_nonzero(np.bincount(members)))
    return float(k / (k - 1) * (totals**2).sum())


def _covariance(residuals: Floats, explicit: NDArray[np.bool_], members: NDArray[np.intp]) -> float:
    """Return twice the covariance of the two sides, of clusters that have images of both."""
    k = int(members.max()) + 1
    totals = [
        np.bincount(members[side], weights=residuals[side], minlength=k)
        for side in (explicit, ~explicit)
    ]
    return float(2 * k / (k - 1) * (totals[0] * totals[1]).sum())


def _lower_limit(area: float, high: float, low: float, quantile: float) -> float:
    """Return Newcombe's lower limit, of `high` and `low` independent images."""
    if area == 0:
        return 0.0
    star = (high + low) / 2 - 1

    def excess(limit: float) -> float:
        spread = 1 + star * (1 - limit) / (2 - limit) + star * limit / (1 + limit)
        variance = limit * (1 - limit) * spread / (high * low)
        return float((area - limit) ** 2 - quantile**2 * variance)

    return float(brentq(excess, 0.0, min(area, 1 - 1e-9)))
