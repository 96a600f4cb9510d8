"""Gaps between the groups of an axis: is a model worse for one group than for the others?

A group is compared with all other images that say something on the axis, standardised to the
group's own composition: an image counts beside images of the same stratum (label and medium, say),
so that a group of photographs is not blamed for what is hard about photographs.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from modeltrain.audit.grouping import Grouping
from modeltrain.audit.permutation_test import PERMUTATIONS, SEED, PermutationTest

Bools = NDArray[np.bool_]
Numbers = NDArray[np.intp]


@dataclass(frozen=True)
class Gap:
    """One group against the rest of its axis, on comparable images.

    Attributes
    ----------
    value : str
        The group.
    n, rest : int
        Images of the group, and of the rest, in strata that have both.
    rate, rest_rate : float
        How often it happens in the group; in the rest, standardised to the group's strata.
    difference, low, high : float
        `rate` minus `rest_rate`, with an interval that holds for all groups of the axis at once.
    clusters : float
        Of the group or of the rest, whichever has fewer: how many clusters that weigh the same
        tell as much (L. Kish 1965, "Survey Sampling").
    ratio_low, ratio_high : float or None
        An interval of `ratio` that holds for all groups of the axis at once. None for a change
        between two models; `ratio_high` where `rest_rate` is 0 as well.
    ratio : float or None
        `rate` over `rest_rate`; None where the latter is 0.
    """

    value: str
    n: int
    rest: int
    clusters: float
    rate: float
    rest_rate: float
    difference: float
    low: float
    high: float
    ratio_low: float | None
    ratio_high: float | None

    @property
    def ratio(self) -> float | None:
        return self.rate / self.rest_rate if self.rest_rate else None


def gaps(
    axis: Grouping,
    happened: NDArray[Any],
    *,
    intervals: int | None = None,
    level: float = 0.95,
) -> list[Gap]:
    """Compare each group of an axis with the rest.

    Source of the interval: the linearised variance of a standardised difference between clusters
    (R. M. Royall 1986, "Model robust confidence intervals using maximum likelihood estimators"),
    with Šidák's correction for the number of groups, and a pseudo-count of one event and one
    non-event on each side where the variance would otherwise be 0 (A. Agresti and B. Caffo 2000,
    The American Statistician 54, 280–288). That of the ratio is the same on the logarithm (D. Katz
    et al. 1978, Biometrics 34, 469–474), with half an event more on each side (S. D. Walter 1975,
    Biometrika 62, 371–374).

    Parameters
    ----------
    axis : Grouping
    happened : array of numbers, shape [n]
        Whether it happened to each image; or -1, 0, 1 for a change between two models.
    intervals : int
        For how many groups the intervals hold at once; for all that are comparable unless given.
    level : float
        Of all these intervals at once.

    Returns
    -------
    list of Gap
        In the order of `axis.values`, without groups that have no comparable images.
    """
    weights = _Weights.of(axis.counts())
    reach = _reach(intervals or len(weights.comparable), level)
    return [_gap(axis, weights, place, happened, reach) for place in weights.comparable]


@dataclass(frozen=True)
class _Weights:
    """What an image adds to the difference of a group: shape [strata, groups] each.

    Both sides of a group have a total of 1; in strata that lack one side an image adds 0.

    Attributes
    ----------
    inside, outside : array of float
        Of an image of the group, above 0; of any other image, under 0.
    comparable : list of int
        Places of the groups that have comparable images.
    """

    inside: NDArray[np.float64]
    outside: NDArray[np.float64]
    comparable: list[int]

    @classmethod
    def of(cls, counts: Numbers) -> _Weights:
        """Weigh images by how many there are: shape [strata, groups]."""
        rest = counts.sum(axis=1, keepdims=True) - counts
        both = (counts > 0) & (rest > 0)
        n = (counts * both).sum(axis=0)
        return cls(
            inside=both / np.maximum(n, 1),
            outside=-(both * counts) / np.maximum(n * rest, 1),
            comparable=np.flatnonzero(n).tolist(),
        )

    def of_images(self, axis: Grouping, place: int) -> NDArray[np.float64]:
        """Return what each image adds to the difference of one group: shape [n]."""
        inside, outside = self.inside[axis.strata, place], self.outside[axis.strata, place]
        weights: NDArray[np.float64] = np.where(axis.groups == place, inside, outside)
        return weights

    def differences(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the difference of every group, from the sums of what happened.

        Parameters
        ----------
        sums : array of float, shape [..., strata, groups]

        Returns
        -------
        numpy.ndarray of float, shape [..., groups]
        """
        rest = sums.sum(axis=-1, keepdims=True) - sums
        differences: NDArray[np.float64] = (self.inside * sums + self.outside * rest).sum(axis=-2)
        return differences


def _reach(intervals: int, level: float) -> float:
    """Return how many standard errors intervals reach that hold at once (Šidák's correction)."""
    level_of_one = level ** (1 / max(intervals, 1))
    return float(norm.ppf(1 - (1 - level_of_one) / 2))


def _gap(
    axis: Grouping, all_weights: _Weights, place: int, happened: NDArray[Any], reach: float
) -> Gap:
    weights = all_weights.of_images(axis, place)
    group, rest = weights > 0, weights < 0
    rate, rest_rate = _both_rates(weights, happened)
    error = _standard_error(axis, weights, happened, rate, rest_rate)
    difference = rate - rest_rate
    bound = 1.0 if happened.min() >= 0 else 2.0
    low_ratio, high_ratio = None, None
    if bound == 1.0:
        low_ratio, high_ratio = _ratio_interval(axis, weights, happened, rate, rest_rate, reach)
    return Gap(
        value=axis.values[place],
        n=int(group.sum()),
        rest=int(rest.sum()),
        clusters=min(
            _effective(np.bincount(axis.clusters[side], weights=weights[side]))
            for side in (group, rest)
        ),
        rate=rate,
        rest_rate=rest_rate,
        difference=difference,
        low=max(difference - reach * error, -bound),
        high=min(difference + reach * error, bound),
        ratio_low=low_ratio,
        ratio_high=high_ratio,
    )


def _both_rates(weights: NDArray[np.float64], happened: NDArray[Any]) -> tuple[float, float]:
    """Return how often it happens in a group, and in the rest."""
    group, rest = weights > 0, weights < 0
    rate = float((weights[group] * happened[group]).sum())
    return rate, float((-weights[rest] * happened[rest]).sum())  # and no -0.0


def _ratio_interval(
    axis: Grouping,
    weights: NDArray[np.float64],
    happened: NDArray[Any],
    rate: float,
    rest_rate: float,
    reach: float,
) -> tuple[float, float | None]:
    n, rest_n = (_independent(axis, weights, side) for side in (weights > 0, weights < 0))
    smoothed = (rate * n + 0.5) / (n + 1), (rest_rate * rest_n + 0.5) / (rest_n + 1)
    error = _standard_error(axis, weights, happened, rate, rest_rate, relative_to=smoothed)
    ratio = smoothed[0] / smoothed[1]
    low = ratio * math.exp(-reach * error) if rate else 0.0
    return low, ratio * math.exp(reach * error) if rest_rate else None


def _independent(axis: Grouping, weights: NDArray[np.float64], side: Bools) -> float:
    """Return how many equal weights in clusters of their own these count, or a little more."""
    clusters_here = int(np.count_nonzero(np.bincount(axis.clusters[side])))
    return min(_effective(weights[side]), float(clusters_here))


def _standard_error(
    axis: Grouping,
    weights: NDArray[np.float64],
    happened: NDArray[Any],
    rate: float,
    rest_rate: float,
    *,
    relative_to: tuple[float, float] = (1.0, 1.0),
) -> float:
    """Return the error of the difference, or of a sum of both sides in units of `relative_to`."""
    side = weights > 0
    means = _stratum_means(axis.strata, side, happened)
    residuals = weights * (happened - means) / np.where(side, *relative_to)
    totals = np.bincount(axis.clusters, weights=residuals)
    clusters = np.count_nonzero(np.bincount(axis.clusters[weights != 0]))
    if clusters < 2:
        return 1.0 / min(relative_to)
    variance = clusters / (clusters - 1) * (totals**2).sum()
    sides = ((rate, side, relative_to[0]), (rest_rate, weights < 0, relative_to[1]))
    for mean, images, unit in sides:
        # Where all images are alike, the variance of this side is not seen.
        n = _independent(axis, weights, images)
        away = min(abs(mean), abs(1 - abs(mean)))
        if away < 1 / (n + 2):
            events = 0.5 if unit < 0.5 else 1.0  # a ratio's rates have half an event more
            pseudo_n = n + 2 * events
            pseudo_rate = events / pseudo_n
            variance += (away + pseudo_rate) * (1 + pseudo_rate) / pseudo_n / unit**2
    return math.sqrt(variance)


def _effective(weights: NDArray[Any]) -> float:
    """Return as how many equal weights these count (Kish)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def _stratum_means(strata: Numbers, side: Bools, happened: NDArray[Any]) -> NDArray[np.float64]:
    """Return each image's mean over its stratum and side: shape [n]."""
    cells = 2 * strata + side
    counts = np.bincount(cells)
    sums = np.bincount(cells, weights=happened)
    means: NDArray[np.float64] = (sums / np.maximum(counts, 1))[cells]
    return means


@dataclass(frozen=True)
class OpenedGap:
    """How a gap differs between two models.

    Attributes
    ----------
    before, now, change : Gap
        By the first model, by the second, and what lies between them: its `rate` is by how much
        the group's own rate rose, its `difference` by how much more than the rest's.
    alone : (float, float)
        An interval of the change's difference that holds for this group alone.
    p_value : float
        The chance that some group of the axis falls as far behind if groups do not matter.
    """

    before: Gap
    now: Gap
    change: Gap
    alone: tuple[float, float]
    p_value: float


def opened_gaps(
    axis: Grouping,
    outcomes: Mapping[Any, tuple[Bools, Bools]],
    *,
    strata: Mapping[Any, Bools] | None = None,
    groups: Collection[str] | None = None,
    intervals: int | None = None,
    level: float = 0.95,
    margin: float = -2.0,
    risk: float = 1.0,
    lowest: float = -math.inf,
    permutations: int = PERMUTATIONS,
    seed: int = SEED,
) -> dict[Any, list[OpenedGap]]:
    """Find the groups of an axis that fall behind the rest between two models.

    If the change did not depend on the group, the groups could be dealt anew among the images of a
    stratum: within each cluster that has several groups (one drawing in five skin tones), among
    the clusters that have one. The smallest p-value of all groups and kinds of mistake is compared
    with the smallest ones under such permutations, step by step.

    Source: P. H. Westfall and S. S. Young (1993), "Resampling-Based Multiple Testing", algorithm
    2.8, with permutations of the groups.

    Parameters
    ----------
    axis : Grouping
    outcomes : mapping of any key to (array of bool, array of bool), each of shape [n]
        For each kind of mistake, whether the first and the second model made it.
    strata : mapping of the same keys to array of bool, shape [strata]
        In which strata a kind of mistake can happen; in all unless given.
    groups : collection of str
        Which groups are tested; all unless given.
    intervals : int
        For how many groups the intervals hold at once; for all that are comparable unless given.
    level : float
        Of the intervals, all groups at once.
    margin : float
        Only groups that fall behind by more are returned, and that are now behind by more: a group
        that is no worse than the rest lost a lead.
    risk : float
        Only groups with a p-value of at most this are returned.
    lowest : float
        Only groups are returned whose own interval of the change, of this group alone, lies above
        this, and p-values know each group's own variance then (`_by_own_variance`).

    Returns
    -------
    dict of key to list of OpenedGap
        By kind of mistake, in the order of `axis.values`.
    """
    changes = np.array([new.astype(np.int8) - old for old, new in outcomes.values()], dtype=np.int8)
    counts = axis.counts()
    weights = [_Weights.of(counts * (strata[name][:, None] if strata else 1)) for name in outcomes]
    sums = axis.sums(changes)
    opened = np.array([w.differences(total) for w, total in zip(weights, sums, strict=True)])
    tested = np.zeros(opened.shape, dtype=bool)
    for kind, kind_weights in enumerate(weights):
        tested[kind, kind_weights.comparable] = True
    if groups is not None:
        tested &= np.isin(axis.values, list(groups))
    if not (tested & (opened > margin)).any():
        return {name: [] for name in outcomes}
    p_values = np.ones(opened.shape)
    if changes.any():
        test = PermutationTest.of(
            axis,
            changes,
            inside=np.array([kind_weights.inside for kind_weights in weights]),
            outside=np.array([kind_weights.outside for kind_weights in weights]),
            tested=tested,
            permutations=permutations,
            seed=seed,
        )
        p_values = test.p_values()
        likely = (p_values <= risk) & (opened > margin)
        if lowest > -math.inf and likely.any():
            p_values = _by_own_variance(
                axis,
                weights,
                changes,
                [old for old, _ in outcomes.values()],
                opened - lowest,
                p_values,
                test.critical_values(risk) - lowest,
                likely,
            )
    likely = (p_values <= risk) & (opened > margin)
    by_kind: dict[Any, list[OpenedGap]] = {}
    for kind, (name, (old, new)) in enumerate(outcomes.items()):
        reach = _reach(intervals or len(weights[kind].comparable), level)
        own_reach = float(norm.ppf((1 + level) / 2))
        opened_groups = [
            OpenedGap(
                before=_gap(axis, weights[kind], place, old, reach),
                now=_gap(axis, weights[kind], place, new, reach),
                change=_gap(axis, weights[kind], place, changes[kind], reach),
                alone=(alone.low, alone.high),
                p_value=float(p_values[kind, place]),
            )
            for place in weights[kind].comparable
            if likely[kind, place]
            for alone in [_gap(axis, weights[kind], place, changes[kind], own_reach)]
            if alone.low > lowest
        ]
        by_kind[name] = [gap for gap in opened_groups if gap.now.difference > margin]
    return by_kind


def _by_own_variance(
    axis: Grouping,
    weights: Sequence[_Weights],
    changes: NDArray[np.int8],
    first: Sequence[Bools],
    opened: NDArray[np.float64],
    p_values: NDArray[np.float64],
    critical: NDArray[np.float64],
    likely: Bools,
) -> NDArray[np.float64]:
    """Raise likely p-values to what each group's own variance leaves of them: [kinds, groups].

    Groups that are wrong at different rates change at different rates. Dealing them anew gives all
    of them the same variance, which is too little for the groups that are wrong most often. By its
    own variance, a group that nothing is the matter with reaches its critical value with a chance
    that is small where groups are alike. A second test, by that variance, lets it pass with a
    chance of its own p-value; so both let it pass with the smaller of the two at most. The adjusted
    p-value is the sum of that over the groups, each by the kind of mistake that is likeliest.
    """
    chances = np.zeros(axis.shape[1])
    own = np.ones(p_values.shape)
    for kind in np.flatnonzero(likely.any(axis=1)).tolist():
        places = weights[kind].comparable
        errors = _errors_of_equals(axis, weights[kind], changes[kind], first[kind])
        half = weights[kind].inside.max(axis=0)[places] / 2  # of an image: Yates' correction
        reached = norm.sf((critical[kind, places] - half) / errors)
        chances[places] = np.maximum(chances[places], reached)
        own[kind, places] = norm.sf((opened[kind, places] - half) / errors)
    adjusted = p_values.copy()
    for kind, place in zip(*np.nonzero(likely), strict=True):
        together = np.minimum(chances, own[kind, place]).sum()
        adjusted[kind, place] = max(adjusted[kind, place], together)
    return adjusted


def _errors_of_equals(
    axis: Grouping, weights: _Weights, changes: NDArray[np.int8], first: Bools
) -> NDArray[np.float64]:
    """Return the error of each comparable group's change if it is no worse than before.

    Then as many images are newly wrong as newly right; or, of a group that the models are wrong on
    at some rate, as many change as elsewhere at that rate, and one more: whichever is more. New
    mistakes beyond that are the harm that is tested, not its error.
    """
    errors, changed, settled, variances = [], [], [], []
    for place in weights.comparable:
        images = weights.of_images(axis, place)
        inside = images > 0
        errors.append(_standard_error(axis, images, changes, *_both_rates(images, changes)))
        here, n = changes[inside], int(inside.sum())
        changed.append(np.count_nonzero(here))
        settled.append(2 * np.count_nonzero(here < 0) + 1)
        wrong = (np.count_nonzero(first[inside]) + here.sum() / 2 + 0.5) / (n + 1)
        variances.append(n * wrong * (1 - wrong))
    elsewhere = np.array(variances) * sum(changed) / sum(variances)
    expected = np.maximum(settled, elsewhere + 1) / np.maximum(changed, 1)
    shrunk: NDArray[np.float64] = np.array(errors) * np.sqrt(np.minimum(expected, 1.0))
    return shrunk
