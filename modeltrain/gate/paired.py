"""Two models on the same images: how their error rates differ, and how certain that is."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Pairs:
    """Images counted by which of two models got them wrong.

    Attributes
    ----------
    both, only_candidate, only_champion, neither : int
        Images that both models, the candidate alone, the champion alone or neither got wrong.
    """

    both: int
    only_candidate: int
    only_champion: int
    neither: int

    @property
    def n(self) -> int:
        """All images."""
        return self.both + self.only_candidate + self.only_champion + self.neither

    @property
    def champion_wrong(self) -> int:
        """Images that the champion got wrong."""
        return self.both + self.only_champion

    @property
    def candidate_wrong(self) -> int:
        """Images that the candidate got wrong."""
        return self.both + self.only_candidate


def count_pairs(*, champion: Sequence[bool] | Bools, candidate: Sequence[bool] | Bools) -> Pairs:
    """Count images by which of two models got them wrong.

    Parameters
    ----------
    champion, candidate : sequence of bool, length n
        Whether that model got the image wrong; the same images in the same order.

    Raises
    ------
    ValueError
        If the two differ in length.
    """
    if len(champion) != len(candidate):
        raise ValueError(
            "Both models must have an answer for each image. "
            f"Received: {len(champion)} and {len(candidate)}. Give as many of each."
        )
    before, after = np.asarray(champion, dtype=bool), np.asarray(candidate, dtype=bool)
    both = int(np.count_nonzero(before & after))
    only_candidate = int(np.count_nonzero(after)) - both
    only_champion = int(np.count_nonzero(before)) - both
    return Pairs(
        both=both,
        only_candidate=only_candidate,
        only_champion=only_champion,
        neither=len(before) - both - only_candidate - only_champion,
    )


def difference_interval(
    pairs: Pairs, *, level: float = 0.95, effective: float | None = None
) -> tuple[float, float] | None:
    """Return the confidence interval of the candidate's error rate minus the champion's.

    Wilson's intervals of the two rates are combined with the correlation of the two models' errors,
    which is corrected for continuity if positive.

    Source: R. G. Newcombe (1998), "Improved confidence intervals for the difference between
    binomial proportions based on paired data", Statistics in Medicine 17, 2635–2650, method 10.

    Parameters
    ----------
    pairs : Pairs
    level : float
        Confidence level, between 0 and 1.
    effective : float, optional
        The effective sample size, as `fairness.effective_sample_size` of the differences returns
        it: every count is scaled to it. Unless given, images are taken to be independent.

    Returns
    -------
    tuple of float or None
        Low and high, each between -1 and 1. None without images.
    """
    if pairs.n == 0:
        return None
    n = pairs.n if effective is None else effective
    p1, p2 = pairs.candidate_wrong / pairs.n, pairs.champion_wrong / pairs.n
    z = _normal_quantile(1 - (1 - level) / 2)
    (low1, high1), (low2, high2) = _wilson(p1, n, z), _wilson(p2, n, z)
    phi = _correlation(pairs, n / pairs.n)
    down1, up1 = p1 - low1, high1 - p1
    down2, up2 = p2 - low2, high2 - p2
    below = down1**2 - 2 * phi * down1 * up2 + up2**2
    above = up1**2 - 2 * phi * up1 * down2 + down2**2
    # Rounding may take a square slightly below 0.
    low = p1 - p2 - math.sqrt(max(below, 0.0))
    high = p1 - p2 + math.sqrt(max(above, 0.0))
    return float(max(low, -1.0)), float(min(high, 1.0))


@functools.cache
def _normal_quantile(probability: float) -> float:
    return float(norm.ppf(probability))


def _wilson(p: float, n: float, z: float) -> tuple[float, float]:
    """As `fairness.wilson`, many times faster, of a proportion of any number."""
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def _correlation(pairs: Pairs, scale: float) -> float:
    """Return Newcombe's phi: 0 if a margin is empty; n / 2 is subtracted if it is positive."""
    n, candidate, champion = pairs.n, pairs.candidate_wrong, pairs.champion_wrong
    margins = candidate * (n - candidate) * champion * (n - champion)
    if margins == 0:
        return 0.0
    determinant = pairs.both * pairs.neither - pairs.only_candidate * pairs.only_champion
    corrected = max(determinant - n / 2 / scale, 0.0) if determinant > 0 else determinant
    return corrected / math.sqrt(margins)
