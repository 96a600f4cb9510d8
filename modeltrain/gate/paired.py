"""Two models on the same images: how their error rates differ, and how sure that is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

Bools = NDArray[np.bool_]

CONVOLVED = 300  # clusters' differences in all, up to which signs are gone through one by one


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
        """Images in all."""
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
    """Count pairs from each model's errors, image by image in the same order.

    Parameters
    ----------
    champion, candidate : sequence of bool, length n
        Whether that model got the image wrong.
    """
    if len(champion) != len(candidate):
        raise ValueError(
            "Both models must have an answer for each image. "
            f"Received: {len(champion)} and {len(candidate)}. Give as many of each."
        )
    counts = np.bincount(
        2 * np.asarray(champion, dtype=int) + np.asarray(candidate, dtype=int), minlength=4
    )
    return Pairs(
        both=int(counts[3]),
        only_candidate=int(counts[1]),
        only_champion=int(counts[2]),
        neither=int(counts[0]),
    )


def difference_interval(
    pairs: Pairs, *, level: float = 0.95, effective: float | None = None
) -> tuple[float, float] | None:
    """Return the interval of candidate's error rate minus champion's, or None without images.

    Wilson's intervals of the two rates are combined with the correlation of the two models' errors,
    which is corrected for continuity where positive.

    Source: R. G. Newcombe (1998), "Improved confidence intervals for the difference between
    binomial proportions based on paired data", Statistics in Medicine 17, 2635–2650, method 10.

    Parameters
    ----------
    pairs : Pairs
    level : float
        Confidence level, between 0 and 1.
    effective : float, optional
        How many independent images tell as much, as `fairness.effective_size` of the differences
        returns it: every count is scaled to that. Unless given, images are taken to be independent.

    Returns
    -------
    tuple of float or None
        Low and high, each between -1 and 1.
    """
    if pairs.n == 0:
        return None
    n = pairs.n if effective is None else effective
    p1, p2 = pairs.candidate_wrong / pairs.n, pairs.champion_wrong / pairs.n
    first, second = (
        proportion_confint(p * n, n, alpha=1 - level, method="wilson") for p in (p1, p2)
    )
    phi = _correlation(pairs, n / pairs.n)
    down1, up1 = p1 - first[0], first[1] - p1
    down2, up2 = p2 - second[0], second[1] - p2
    below = down1**2 - 2 * phi * down1 * up2 + up2**2
    above = up1**2 - 2 * phi * up1 * down2 + down2**2
    # A square's rounding may leave it a hair under 0.
    low = p1 - p2 - math.sqrt(max(below, 0.0))
    high = p1 - p2 + math.sqrt(max(above, 0.0))
    return float(max(low, -1.0)), float(min(high, 1.0))


def _correlation(pairs: Pairs, scale: float) -> float:
    """Return Newcombe's phi: 0 where a margin is empty, nearer to 0 by n / 2 where positive."""
    n, first, second = pairs.n, pairs.candidate_wrong, pairs.champion_wrong
    margins = first * (n - first) * second * (n - second)
    if margins == 0:
        return 0.0
    product = pairs.both * pairs.neither - pairs.only_candidate * pairs.only_champion
    corrected = max(product - n / 2 / scale, 0.0) if product > 0 else product
    return corrected / math.sqrt(margins)


def worse_p_value(differences: Sequence[int] | NDArray[np.intp]) -> float:
    """Return the chance of this many newly wrong images if the candidate were as good.

    Were the models equally good, each cluster's difference could as well have the other sign. All
    signs are gone through, exactly. Where every cluster is one image this is the exact one-sided
    McNemar test. 1 where the models never disagree.

    Sources: Q. McNemar (1947), Psychometrika 12, 153–157, with the exact binomial distribution;
    V. L. Durkalski et al. (2003), "Analysis of clustered matched-pair data", Statistics in Medicine
    22, 2417–2428, for clusters, whose statistic is referred here to its exact distribution.

    Parameters
    ----------
    differences : sequence of int
        Of each cluster: its newly wrong images minus its newly right ones.
    """
    known = np.asarray(differences, dtype=np.int64)
    known = known[known != 0]
    sizes, counts = np.unique(np.abs(known), return_counts=True)
    largest = int((sizes * counts).sum())
    if largest <= CONVOLVED:
        chances = np.ones(1)
        for size in np.repeat(sizes, counts):
            step = np.zeros(2 * size + 1)
            step[[0, -1]] = 0.5
            chances = np.convolve(chances, step)
    else:  # the same by its characteristic function; right to about 1e-14
        n = next_fast_len(2 * largest + 1, real=True)
        turns = 2 * np.pi * np.outer(sizes, np.arange(n // 2 + 1)) / n
        chances = np.fft.irfft(np.prod(np.cos(turns) ** counts[:, None], axis=0), n)
        chances = np.roll(chances, largest)[: 2 * largest + 1]
    # chances[i] is that of a total of i minus the largest.
    return float(np.clip(chances[int(known.sum()) + largest :].sum(), 0.0, 1.0))


def images_needed(
    *, disagreement: float, margin: float, level: float = 0.95, power: float = 0.8
) -> int:
    """Return how many images would show that an equally good candidate is not worse.

    Source: the normal approximation for the difference of paired proportions, whose variance is the
    share of images that the models disagree on; as in J. Liu et al. (2002), "Tests for equivalence
    or non-inferiority for paired binary data", Statistics in Medicine 21, 231–245.

    Parameters
    ----------
    disagreement : float
        Share of images that just one of the models gets wrong, times the design effect.
    margin, level, power : float
    """
    reach = norm.ppf(1 - (1 - level) / 2) + norm.ppf(power)
    needed: float = disagreement * (reach / margin) ** 2
    return math.ceil(needed)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for how many were looked at.

    Source: S. Holm (1979), "A simple sequentially rejective multiple test procedure". `statsmodels`
    has it too and collects garbage at every call, a tenth of a second in a web process.
    """
    order = np.argsort(p_values)
    steps = np.asarray(p_values, dtype=np.float64)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(p) for p in adjusted]
