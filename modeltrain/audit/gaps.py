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

from modeltrain.audit.deals import Blocks, StratumUnits, units_of

PERMUTATIONS = 2_000
SEED = 0

_AS_EXTREME = 5  # permutations that may be as extreme where the risk is smallest
_TIE = 1e-9  # rounding within which two statistics, or two chances, are the same

Bools = NDArray[np.bool_]
Numbers = NDArray[np.intp]


@dataclass(frozen=True)
class Grouping:
    """One axis of an audit set, of its n images that have a value on it.

    Attributes
    ----------
    values : sequence of str
    groups : array of int, shape [n]
        Places in `values`.
    strata : array of int, shape [n]
        What is compared with what, from 0 on.
    clusters : array of int, shape [n]
        Which images belong together, from 0 on.
    """

    values: Sequence[str]
    groups: Numbers
    strata: Numbers
    clusters: Numbers

    @property
    def shape(self) -> tuple[int, int]:
        """How many strata and groups there are."""
        return int(self.strata.max(initial=-1)) + 1, len(self.values)

    def by_first_image(self) -> Grouping:
        """Return the same with groups and strata in the order of their first images.

        What is drawn for a group depends on its place, which names must not decide.
        """
        order = order_of_first(self.groups, len(self.values))
        strata = order_of_first(self.strata, self.shape[0])
        return Grouping(
            values=[self.values[place] for place in order],
            groups=np.argsort(order)[self.groups],
            strata=np.argsort(strata)[self.strata],
            clusters=self.clusters,
        )


def order_of_first(numbers: Numbers, count: int) -> Numbers:
    """Return the numbers from 0 to `count` in the order in which they first occur."""
    first = np.full(count, len(numbers))
    first[numbers[::-1]] = np.arange(len(numbers))[::-1]  # the last one assigned stays
    return np.argsort(first, kind="stable")


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
    weights = _Weights.of(_counts(axis))
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


def _counts(axis: Grouping) -> Numbers:
    """Return how many images there are of each stratum and group: shape [strata, groups]."""
    strata, groups = axis.shape
    cells = axis.strata * groups + axis.groups
    return np.bincount(cells, minlength=strata * groups).reshape(strata, groups)


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


def enough_permutations(risk: float, *, at_least: int = PERMUTATIONS) -> int:
    """Return how many permutations can show a p-value of `risk`, a chance above 0."""
    return max(at_least, math.ceil(_AS_EXTREME / risk))


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
    counts = _counts(axis)
    weights = [_Weights.of(counts * (strata[name][:, None] if strata else 1)) for name in outcomes]
    sums = _sums(axis, changes)
    opened = np.array([w.differences(total) for w, total in zip(weights, sums, strict=True)])
    tested = np.zeros(opened.shape, dtype=bool)
    for kind, kind_weights in enumerate(weights):
        tested[kind, kind_weights.comparable] = True
    if groups is not None:
        tested &= np.isin(axis.values, list(groups))
    if not (tested & (opened > margin)).any():
        return {name: [] for name in outcomes}
    p_values, critical = _p_values(axis, weights, changes, sums, tested, permutations, seed, risk)
    likely = (p_values <= risk) & (opened > margin)
    if lowest > -math.inf and likely.any():
        p_values = _by_own_variance(
            axis,
            weights,
            changes,
            [old for old, _ in outcomes.values()],
            opened - lowest,
            p_values,
            critical - lowest,
            likely,
        )
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
            if likely[kind, place] and p_values[kind, place] <= risk
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


def _sums(axis: Grouping, happened: NDArray[Any]) -> NDArray[np.float64]:
    """Add up by stratum and group: shape [..., n] becomes [..., strata, groups]."""
    cells = axis.strata * axis.shape[1] + axis.groups
    size = axis.shape[0] * axis.shape[1]
    sums = [
        np.bincount(cells[rows], weights=numbers[rows], minlength=size).reshape(axis.shape)
        for numbers in happened
        for rows in [np.flatnonzero(numbers != 0)]
    ]
    return np.array(sums)


def _p_values(
    axis: Grouping,
    weights: Sequence[_Weights],
    changes: NDArray[np.int8],
    sums: NDArray[np.float64],
    tested: Bools,
    permutations: int,
    seed: int,
    risk: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two figures of each kind of mistake and group: shape [kinds, groups].

    They are the adjusted p-value, and from which difference on it is at most `risk`: infinity if
    none is.
    """
    p_values, critical = np.ones(tested.shape), np.full(tested.shape, math.inf)
    if not changes.any():
        return p_values, critical
    # The difference is a sum over strata of what the stratum's changes add wherever the groups are,
    # and of what they add in the group itself.
    outside = np.array([kind_weights.outside for kind_weights in weights])
    gain = np.array([kind_weights.inside for kind_weights in weights]) - outside
    base = np.einsum("ks,ksg->kg", sums.sum(axis=2), outside)
    observed = base + (sums * gain).sum(axis=1)
    drawn = np.repeat(base[:, :, None], permutations, axis=2)
    random = np.random.default_rng(seed)
    pools, blocks = units_of(axis.groups, axis.strata, axis.clusters, changes, axis.shape)
    for pool in pools:
        drawn += gain[:, pool.stratum, :, None] * pool.deal(permutations, random)
    drawn += blocks.deal(gain, permutations, random)
    alike = len(weights) * _alike(axis, pools, blocks) + np.arange(len(weights))[:, None]
    p_values[tested] = step_down(observed[tested], drawn[tested], alike[tested])
    if (p_values <= risk).any():
        critical[tested] = critical_values(drawn[tested], alike[tested], risk)
    return p_values, critical


def _alike(axis: Grouping, pools: Sequence[StratumUnits], blocks: Blocks) -> Numbers:
    """Number the groups so that those with the same number are dealt alike: shape [groups]."""
    in_blocks = np.bincount(blocks.groups, minlength=axis.shape[1]) > 0
    own = np.where(in_blocks, np.arange(axis.shape[1]) + 1, 0)
    dealt = np.vstack([_counts(axis), own, *(pool.sizes for pool in pools)])
    numbers: Numbers = np.unique(dealt, axis=1, return_inverse=True)[1].ravel()
    return numbers


def step_down(
    observed: NDArray[np.float64],
    drawn: NDArray[np.float64],
    alike: NDArray[np.intp] | None = None,
) -> NDArray[np.float64]:
    """Return p-values adjusted for how many statistics were looked at (step-down min-p).

    Parameters
    ----------
    observed : array of float, shape [tests]
        The larger, the more extreme.
    drawn : array of float, shape [tests, resamples]
        The same statistics where nothing is the matter, all tests resampled together.
    alike : array of int, shape [tests], optional
        Tests with the same number have the same distribution where nothing is the matter, so that
        equal statistics get equal p-values, whatever was drawn for which.
    """
    tests, resamples = drawn.shape
    alike = np.arange(tests) if alike is None else alike
    shares = _Shares(drawn, alike)
    p_values = np.array([shares.at_least(test, observed[test]) for test in range(tests)])
    order = np.argsort(p_values, kind="stable")
    smallest = np.ones(resamples)
    adjusted = np.empty(tests)
    steps = np.empty((tests, resamples))
    for step, test in reversed(list(enumerate(order))):
        smallest = np.minimum(smallest, shares.at_least(test, drawn[test]))
        steps[step] = smallest
    as_extreme = (steps <= p_values[order][:, None] + _TIE).sum(axis=1)
    adjusted[order] = np.maximum.accumulate((as_extreme + 1) / (resamples + 1))
    own = (p_values * resamples + 1) / (resamples + 1)
    at_least_own: NDArray[np.float64] = np.maximum(adjusted, own)
    return at_least_own


def critical_values(
    drawn: NDArray[np.float64], alike: NDArray[np.intp], risk: float
) -> NDArray[np.float64]:
    """Return how large each statistic must be to be that extreme among all of them.

    Parameters
    ----------
    drawn, alike : arrays
        As of `step_down`.
    risk : float
        In this share of resamples at most, some statistic is at least its critical value.

    Returns
    -------
    array of float, shape [tests]
        Infinity for a statistic that no draw makes extreme enough.
    """
    shares = _Shares(drawn, alike)
    smallest = np.sort(
        np.min([shares.at_least(test, statistics) for test, statistics in enumerate(drawn)], axis=0)
    )
    allowed = int(risk * len(smallest))
    limit = smallest[allowed] - _TIE if allowed < len(smallest) else 1.0
    return np.array([shares.value_at(test, limit) for test in range(len(drawn))])


class _Shares:
    """How large a share of the draws of a test, or of tests like it, reaches a value.

    Parameters
    ----------
    drawn : array of float, shape [tests, resamples]
    alike : array of int, shape [tests]
        Tests with the same number have the same distribution.
    """

    def __init__(self, drawn: NDArray[np.float64], alike: NDArray[np.intp]) -> None:
        self._alike = alike
        self._ranked = {kind: np.sort(drawn[alike == kind], axis=None) for kind in np.unique(alike)}

    def at_least(self, test: int, statistics: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of draws that are as large as each of these statistics."""
        draws = self._ranked[self._alike[test]]
        shares: NDArray[np.float64] = 1 - np.searchsorted(draws, statistics - _TIE) / len(draws)
        return shares

    def value_at(self, test: int, share: float) -> float:
        """Return the smallest draw that at most this share of the draws reaches, or infinity."""
        draws = self._ranked[self._alike[test]]
        allowed = int((share + _TIE / 2) * len(draws))
        if allowed >= len(draws):
            return float(draws[0])
        too_many = draws[len(draws) - allowed - 1] + _TIE  # and whatever is the same as that
        place = int(np.searchsorted(draws, too_many, side="right"))
        return float(draws[place]) if place < len(draws) else math.inf
