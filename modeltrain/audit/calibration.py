"""Is a score of 0.7 right 7 times out of 10? Without the bias of small audits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from modeltrain.audit.fairness import cluster_numbers

BINS, BIN_IMAGES = 15, 10

Floats = NDArray[np.float64]
Numbers = NDArray[np.intp]


class CalibrationError(TypedDict):
    """How far scores are from how often they are right.

    Attributes
    ----------
    squared : float
        The mean squared difference over bins, without the part that chance alone would add: under
        0 about as often as above 0 if scores are right.
    error, low, high : float
        The root of `squared` (0 where that is under 0), and its interval.
    difference : float
        The mean score minus the share of events: above 0 if scores are too high.
    bins : int
        In how many bins scores were compared with what images are.
    """

    squared: float
    error: float
    low: float
    high: float
    difference: float
    bins: int


def bins_of(scores: ArrayLike) -> Numbers:
    """Put images into up to 15 bins with about as many images each, by score.

    Images of equal score share a bin. Smaller audits have fewer bins, of at least 10 images.

    Parameters
    ----------
    scores : array of float, shape [n]

    Returns
    -------
    numpy.ndarray of intp, shape [n]
        Numbered from 0 without gaps, in the order of their scores.
    """
    scores = np.asarray(scores)
    order = np.sort(scores)
    bins = int(np.clip(len(scores) // BIN_IMAGES, 1, BINS))
    starts = np.unique(order[(np.arange(1, bins) * len(scores)) // bins])
    return np.unique(np.searchsorted(starts, scores, side="right"), return_inverse=True)[1]


def calibration_error(
    scores: ArrayLike,
    events: ArrayLike,
    clusters: Sequence[str] | NDArray[Any],
    *,
    share: float | None = None,
    level: float = 0.95,
) -> CalibrationError | None:
    """Compare scores with how often they are right, such as NSFW scores with explicit images.

    The expected calibration error is never 0 for a finite number of images: with 30, a perfectly
    calibrated model shows 10% to 20%. Here the square of each bin's difference is estimated from
    pairs of images of different clusters, which has no bias: (T² - Σ Tc²) / (M² - Σ Mc²), with Tc
    the sum of the differences of a cluster, Mc its number of images, T and M their sums.

    Sources: J. Bröcker (2012), "Estimating reliability and resolution of probability forecasts
    through decomposition of the empirical score", Climate Dynamics 39, 655–667, and A. Kumar,
    P. Liang and T. Ma (2019), "Verified Uncertainty Calibration", for the debiased square. The
    interval is a score interval, as Wilson's is: the values of the true square whose distance from
    the estimate is not more than Student's t times the standard deviation that it would have then.
    A bin's variance is the one observed, or the one that right scores would have if that is more
    (with clusters whose images are all alike). The latter matters where scores are near 0 or 1.

    Parameters
    ----------
    scores : array of float, shape [n]
        0 to 1.
    events : array of bool, shape [n]
        Whether that happened of which the score is the probability.
    clusters : sequence of str or int, length n
        Each image's cluster.
    share : float, optional
        The share of images with the event for which scores should be right, from 0 to 1. Images are
        weighted to it. Unless given it is that of these images.
    level : float
        Confidence level of the interval.

    Returns
    -------
    CalibrationError or None
        None without images, if no bin has two clusters, or if the share asks for images with or
        without the event, and there are none.
    """
    scores, events = np.asarray(scores, dtype=np.float64), np.asarray(events, dtype=np.bool_)
    weights = _weights(events, share)
    if weights is None:
        return None
    used = weights > 0
    scores, events, weights = scores[used], events[used], weights[used]
    members = cluster_numbers(np.asarray(clusters)[used])
    bins = bins_of(scores)
    cells = np.unique(bins * len(scores) + members, return_inverse=True)[1]
    bin_of_cell = np.empty(int(cells.max()) + 1, dtype=np.intp)
    bin_of_cell[cells] = bins
    residuals = weights * (scores - events)
    totals = np.bincount(cells, weights=residuals)
    masses = np.bincount(cells, weights=weights)

    def by_bin(values: NDArray[Any]) -> NDArray[Any]:
        return np.bincount(bin_of_cell, weights=values)

    total, mass, k = by_bin(totals), by_bin(masses), np.bincount(bin_of_cell)
    mean = total / mass
    spread = by_bin((totals - masses * mean[bin_of_cell]) ** 2)
    pairs, between = mass**2 - by_bin(masses**2), total**2 - by_bin(totals**2)
    several = k > 1
    if not several.any():
        return None
    mean, mass, k = mean[several], mass[several], k[several]
    part = mass / mass.sum()
    squared = float((part * between[several] / pairs[several]).sum())
    seen = k / (k - 1) * spread[several] / mass**2
    # Few events, or none, vary less than they would again: the scores say by how much.
    chances = np.bincount(cells, weights=weights * np.sqrt(scores * (1 - scores)))
    variance = np.maximum(seen, by_bin(chances**2)[several] / mass**2)
    quantile = float(stdtrit(int(k.sum()) - len(k), 1 - (1 - level) / 2))
    low, high = _limits(squared, part * variance, part * mean**2, quantile)
    return {
        "squared": squared,
        "error": math.sqrt(max(squared, 0.0)),
        "low": math.sqrt(low),
        "high": math.sqrt(high),
        "difference": float(residuals.sum() / weights.sum()),
        "bins": len(k),
    }


def _weights(events: NDArray[np.bool_], share: float | None) -> Floats | None:
    """Return how much each image counts; None if images that the share needs are missing."""
    n = np.array([np.count_nonzero(~events), np.count_nonzero(events)])
    if not n.sum():
        return None
    if share is None:
        return np.ones(len(events))
    shares = np.array([1 - share, share])
    if (shares[n == 0] > 0).any():
        return None
    weights: Floats = (shares / np.maximum(n, 1))[events.astype(np.intp)]
    return weights


def _limits(
    squared: float, variances: Floats, squares: Floats, quantile: float
) -> tuple[float, float]:
    """Return the limits of a weighted sum of squared means, each with its share in both arrays.

    The sum of squared means has the variance 2 Σ variance² + 4 Σ variance square. The latter grows
    with the true sum; how it is spread over the bins is taken from the means observed.
    """
    chance = 2 * float((variances**2).sum())
    growth = float((variances * squares).sum() / squares.sum()) if squares.sum() else 0.0
    middle = squared + 2 * quantile**2 * growth
    reach = math.sqrt(max(middle**2 - squared**2 + quantile**2 * chance, 0.0))
    return max(middle - reach, 0.0), min(max(middle + reach, 0.0), 1.0)
