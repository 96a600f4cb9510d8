"""How large a rise the gate's test notices, for how many images, and how often."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.optimize import brentq
from scipy.special import betainc
from scipy.stats import binom, norm

CHURN = 0.2
"""Share of a model's answers that a retrained one is taken to give anew, no better and no worse."""
POWER = 0.8
EVEN = 0.5

_RESAMPLES = 4_000
_BATCH = 500
_NODES = 33
_MOST = 10**7  # images
_STEPS = 16  # a rise is right to 1 in 2**16

Floats = NDArray[np.float64]


def critical_p_value(differences: sparse.csc_array, *, risk: float, seed: int = 0) -> float:
    """Return how small a cell's own p-value must be for the gate to call the cell worse.

    The gate compares the smallest p-value of all cells with the smallest ones under random signs
    (`sign_flips`). Their quantile is the limit that one cell has to stay below. A cell whose
    clusters differ in size is taken for one of as many equal clusters as have the same variance.

    Source: P. H. Westfall and S. S. Young (1993), "Resampling-Based Multiple Testing", section 2.3.

    Parameters
    ----------
    differences : scipy.sparse.csc_array of int, shape [clusters, cells]
        Newly wrong minus newly right images of each cluster in each cell, for a candidate that is
        no worse.
    risk : float
        The risk of calling any cell worse.
    seed : int
        The same differences and seed give the same limit.

    Returns
    -------
    float
        A cell is worse if its p-value is below this. At most `risk`.
    """
    totals_by_cluster = sparse.csr_array(differences.T.astype(np.float32))
    squares = np.asarray((differences.astype(float) ** 2).sum(axis=0)).ravel()
    totals_by_cluster = totals_by_cluster[squares > 0]
    spread = np.sqrt(squares[squares > 0])[:, None]
    absolute = np.asarray(abs(totals_by_cluster).sum(axis=1)).reshape(-1, 1)
    touched = np.unique(totals_by_cluster.indices)
    totals_by_cluster = totals_by_cluster[:, touched]
    clusters, size = (absolute / spread) ** 2, spread**2 / np.maximum(absolute, 1)
    far = float(norm.isf(min(3 * risk, 0.5)))
    random = np.random.default_rng(seed)
    smallest = np.full(_RESAMPLES, 3 * risk)
    for start in range(0, _RESAMPLES, _BATCH):
        signs = random.integers(0, 2, (len(touched), _BATCH), dtype=np.int8) * 2 - 1
        totals = totals_by_cluster @ signs.astype(np.float32)
        cells, runs = np.nonzero(totals > far * spread)
        n = clusters[cells, 0]
        wrong = np.minimum((n + totals[cells, runs] / size[cells, 0]) / 2, n)  # despite rounding
        np.minimum.at(smallest, start + runs, _mid_p(wrong, n))
    # The harmed cell itself is compared as well; it differs more than here.
    limits = np.geomspace(risk / 1e9, risk, 1_000)
    chance = np.searchsorted(np.sort(smallest), limits, side="right") / _RESAMPLES
    return float(limits[chance + limits <= risk][-1])


def chance_of_notice(
    *,
    images: ArrayLike,
    rate: ArrayLike,
    rise: ArrayLike,
    p_value: float,
    churn: float = CHURN,
) -> Floats:
    """Return how often a rise of a kind of mistake makes its cell significantly worse.

    The candidate answers a share of the images anew, with the same rate of mistakes as before, and
    makes the mistake on some more. The test is McNemar's one-sided mid-p test.

    Source: the power of the conditional test, summed over the newly right images: S. W.
    Duffy (1984), "Asymptotic and exact power for the McNemar test and its analogue with R controls
    per case", Biometrics 40, 1005–1015.

    Parameters
    ----------
    images : array of float, any shape
        Independent ones; a fraction is dropped.
    rate : array of float
        The champion's.
    rise : array of float
        The candidate's rate minus `rate`, at least 0.
    p_value : float
        What the cell's own p-value must stay below.
    churn : float
        Share of the images that are answered anew.

    Returns
    -------
    numpy.ndarray of float
        The three arrays broadcast together.
    """
    count, before, more = np.broadcast_arrays(
        np.floor(np.asarray(images, dtype=float)), np.asarray(rate, float), np.asarray(rise, float)
    )
    swapped = churn * before * (1 - before)
    right = _spread_of(count, swapped)  # newly right images, as whole numbers
    weight = binom.pmf(right, count[..., None], swapped[..., None])
    weight /= weight.sum(axis=-1, keepdims=True)
    share = np.clip((swapped + more) / np.maximum(1 - swapped, 1e-12), 0, 1)
    wrong = _at_least(_fewest_wrong(right, p_value), count[..., None] - right, share[..., None])
    chance: Floats = (weight * wrong).sum(axis=-1)
    return chance


def smallest_rise(
    *,
    images: ArrayLike,
    rate: ArrayLike,
    p_value: float,
    power: float = POWER,
    churn: float = CHURN,
) -> Floats:
    """Return the smallest rise that is noticed with some chance.

    Parameters
    ----------
    images, rate, p_value, churn
        As for `chance_of_notice`.
    power : float
        The chance.

    Returns
    -------
    numpy.ndarray of float
        NaN where not even a mistake on every image would be noticed.
    """
    count, before = np.broadcast_arrays(
        np.asarray(images, dtype=float), np.asarray(rate, dtype=float)
    )
    low = np.zeros(count.shape)
    high = 1 - before

    def noticed(rise: Floats) -> NDArray[np.bool_]:
        chance = chance_of_notice(
            images=count, rate=before, rise=rise, p_value=p_value, churn=churn
        )
        return np.asarray(chance >= power)

    ever = noticed(high)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        enough = noticed(middle)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(ever, high, np.nan)


def images_to_notice(
    *,
    rise: ArrayLike,
    rate: ArrayLike,
    p_value: float,
    power: float = POWER,
    churn: float = CHURN,
) -> NDArray[np.intp]:
    """Return how many independent images notice a rise with some chance.

    Parameters
    ----------
    rise, rate, p_value, churn
        As for `chance_of_notice`; a rise is above 0. One that a rate has no room for is taken as
        the largest one that it has.
    power : float
        The chance.

    Returns
    -------
    numpy.ndarray of int
        At most 10 million.
    """
    more, before = np.broadcast_arrays(np.asarray(rise, float), np.asarray(rate, float))
    more = np.minimum(more, 1 - before)
    low, high = np.zeros(more.shape), np.full(more.shape, float(_MOST))
    while (high - low > 1).any():
        middle = np.ceil(np.where(low < 1, np.minimum(high / 2, 1000), np.sqrt(low * high)))
        middle = np.clip(middle, low, high)
        middle = np.where((middle == low) | (middle == high), (low + high) // 2, middle)
        chance = chance_of_notice(
            images=middle, rate=before, rise=more, p_value=p_value, churn=churn
        )
        low, high = np.where(chance >= power, low, middle), np.where(chance >= power, middle, high)
    return high.astype(np.intp)


@dataclass(frozen=True)
class GapTest:
    """What it takes for the gate to name a gap that a candidate opens.

    Attributes
    ----------
    p_value : float
        What the group's own p-value must stay below.
    margin : float
        By how much further the group must fall behind, as a share.
    level : float
        Of the interval of the change, which must lie above 0.
    """

    p_value: float
    margin: float
    level: float

    def chance(
        self,
        *,
        images: ArrayLike,
        rest: ArrayLike,
        rate: ArrayLike,
        gap: ArrayLike,
        churn: float = CHURN,
    ) -> Floats:
        """Return how often a gap is named that opens between a group and the rest of its axis.

        A share of all images is answered anew, with the same rate of mistakes as before, and in
        the group more mistakes are made. The difference of the two changes is taken to be normal.
        The permutation test compares it with its spread if both sides changed alike, the interval
        with its own: so the margin, the limit of the test and that of the interval are points
        that it has to exceed, all three of them.

        Parameters
        ----------
        images, rest : array of float, any shape
            Independent images of the group, and of the rest.
        rate : array of float
            The champion's, on both sides.
        gap : array of float
            By how much the group's rate rises, at most 1 - `rate`.
        churn : float
            Share of the images that are answered anew.

        Returns
        -------
        numpy.ndarray of float
            The arrays broadcast together.
        """
        n, m, before, more = np.broadcast_arrays(
            *(np.asarray(values, dtype=float) for values in (images, rest, rate, gap))
        )
        n, m = np.maximum(n, 1e-9), np.maximum(m, 1e-9)
        rest_variance = 2 * churn * before * (1 - before)
        variance = rest_variance + more * (1 - more)
        share = n / (n + m)
        alike = (share * variance + (1 - share) * rest_variance + share * (1 - share) * more**2) * (
            1 / n + 1 / m
        )
        spread = np.sqrt(variance / n + rest_variance / m)
        limit = np.maximum(
            norm.isf(self.p_value) * np.sqrt(alike), norm.isf((1 - self.level) / 2) * spread
        )
        chance: Floats = norm.cdf(
            (more - np.maximum(limit, self.margin)) / np.maximum(spread, 1e-9)
        )
        return chance

    def smallest(self, *, images: float, rest: float, rate: float) -> float | None:
        """Return the smallest gap that is named with 80% chance; None if not even the largest."""

        def missed(gap: float) -> float:
            chance = self.chance(images=images, rest=rest, rate=rate, gap=gap)
            return POWER - float(chance)

        return None if missed(1 - rate) > 0 else float(brentq(missed, 0, 1 - rate, xtol=1e-4))

    def images(self, *, gap: float, rest: float, rate: float) -> int | None:
        """Return how many independent images of a group show a gap with 80% chance.

        None if no number does, because the rest of the axis is too small.
        """
        gap = min(gap, 1 - rate)
        counts = np.unique(np.geomspace(1, _MOST, 2_000).round())
        enough = self.chance(images=counts, rest=rest, rate=rate, gap=gap) >= POWER
        return int(counts[enough.argmax()]) if enough.any() else None


def power_curve(*, rate: float, p_value: float, most: float) -> list[dict[str, Any]]:
    """Return the smallest rise that is noticed, for more and more images.

    Parameters
    ----------
    rate, p_value
        As for `chance_of_notice`.
    most : float
        Independent images at the end of the curve.

    Returns
    -------
    list of dict
        `images`, and the rise that is noticed with 50% and with 80% chance: `even` and `likely`,
        None where not even a mistake on every image would be.
    """
    images = np.unique(np.geomspace(10, max(most, 100), 40).round())
    even, likely = (
        smallest_rise(images=images, rate=rate, p_value=p_value, power=power).tolist()
        for power in (EVEN, POWER)
    )
    return [
        {"images": int(count), "even": _or_none(even_rise), "likely": _or_none(likely_rise)}
        for count, even_rise, likely_rise in zip(images, even, likely, strict=True)
    ]


def _or_none(rise: float) -> float | None:
    return None if math.isnan(rise) else rise


def _at_least(count: Floats, n: Floats, share: Floats) -> Floats:
    """Return the chance that `count` or more of n events happen; both may be fractions above 0."""
    inside = betainc(count, np.maximum(n - count + 1, 1e-9), share)
    return np.where(count > n, 0.0, inside)


def _mid_p(wrong: Floats, n: Floats) -> Floats:
    """Return the chance that more of n differences are newly wrong, and half that of as many."""
    even = np.full(wrong.shape, 0.5)
    return (_at_least(wrong, n, even) + _at_least(wrong + 1, n, even)) / 2


def _spread_of(n: Floats, share: Floats) -> Floats:
    """Return whole numbers, in equal steps, that a binomial variable hardly ever leaves."""
    mean, reach = n * share, 6 * np.sqrt(n * share * (1 - share)) + 8
    low, high = np.maximum(np.floor(mean - reach), 0), np.ceil(mean + reach)
    step = np.maximum(np.ceil((high - low) / (_NODES - 1)), 1)
    return np.asarray(low[..., None] + step[..., None] * np.arange(_NODES))


def _fewest_wrong(right: Floats, p_value: float) -> Floats:
    """Return how many newly wrong images are significantly more than the newly right ones."""
    kinds, place = np.unique(right, return_inverse=True)
    low, high = kinds.copy(), kinds + 60 + 11 * np.sqrt(kinds)
    high = np.ceil(high)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        rare = _mid_p(middle, middle + kinds) < p_value
        low, high = np.where(rare, low, middle), np.where(rare, middle, high)
    return np.asarray(high[place].reshape(right.shape))
