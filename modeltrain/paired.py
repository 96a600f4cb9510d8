"""Two models on the same images: how their error rates differ, and how sure that is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests

from modeltrain.fairness import wilson


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


def count_pairs(*, champion: Sequence[bool], candidate: Sequence[bool]) -> Pairs:
    """Count pairs from each model's errors, image by image in the same order.

    Parameters
    ----------
    champion, candidate : sequence of bool, length n
        Whether that model got the image wrong.
    """
    pairs = list(zip(champion, candidate, strict=True))
    return Pairs(
        both=pairs.count((True, True)),
        only_candidate=pairs.count((False, True)),
        only_champion=pairs.count((True, False)),
        neither=pairs.count((False, False)),
    )


def difference_interval(pairs: Pairs, *, level: float = 0.95) -> tuple[float, float] | None:
    """Return the interval of candidate's error rate minus champion's, or None without images.

    Wilson's intervals of the two rates are combined with the correlation of the two models' errors,
    which is corrected for continuity where positive. Images are taken to be independent.

    Source: R. G. Newcombe (1998), "Improved confidence intervals for the difference between
    binomial proportions based on paired data", Statistics in Medicine 17, 2635–2650, method 10.

    Parameters
    ----------
    pairs : Pairs
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float or None
        Low and high, each between -1 and 1.
    """
    n = pairs.n
    first = wilson(count=pairs.candidate_wrong, n=n, level=level)
    second = wilson(count=pairs.champion_wrong, n=n, level=level)
    if first is None or second is None:
        return None
    p1, p2 = pairs.candidate_wrong / n, pairs.champion_wrong / n
    phi = _correlation(pairs)
    down1, up1 = p1 - first[0], first[1] - p1
    down2, up2 = p2 - second[0], second[1] - p2
    below = down1**2 - 2 * phi * down1 * up2 + up2**2
    above = up1**2 - 2 * phi * up1 * down2 + down2**2
    # A square's rounding may leave it a hair under 0.
    low = p1 - p2 - math.sqrt(max(below, 0.0))
    high = p1 - p2 + math.sqrt(max(above, 0.0))
    return max(low, -1.0), min(high, 1.0)


def _correlation(pairs: Pairs) -> float:
    """Return Newcombe's phi: 0 where a margin is empty, nearer to 0 by n / 2 where positive."""
    n, first, second = pairs.n, pairs.candidate_wrong, pairs.champion_wrong
    margins = first * (n - first) * second * (n - second)
    if margins == 0:
        return 0.0
    product = pairs.both * pairs.neither - pairs.only_candidate * pairs.only_champion
    corrected = max(product - n / 2, 0.0) if product > 0 else product
    return corrected / math.sqrt(margins)


def worse_p_value(pairs: Pairs) -> float:
    """Return the chance of this many newly wrong images if the candidate were as good.

    The exact one-sided McNemar test: among the images that the models disagree on, those that only
    the candidate got wrong are compared with tosses of a fair coin. 1 where they never disagree.

    Source: Q. McNemar (1947), Psychometrika 12, 153–157, with the exact binomial distribution.
    """
    disagree = pairs.only_candidate + pairs.only_champion
    if disagree == 0:
        return 1.0
    return float(binomtest(pairs.only_candidate, disagree, 0.5, alternative="greater").pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for how many were looked at.

    Source: S. Holm (1979), "A simple sequentially rejective multiple test procedure", by way of
    `statsmodels`.
    """
    if not p_values:
        return []
    return [float(p) for p in multipletests(p_values, method="holm")[1]]
