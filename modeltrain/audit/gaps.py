"""Gaps between the groups of an axis: is a model worse for one group than for the others?

A group is compared with all other images that say something on the axis, standardised to the
group's own composition: an image counts beside images of the same stratum (label and medium, say),
so that a group of photographs is not blamed for what is hard about photographs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

PERMUTATIONS = 2_000
SEED = 0

_BATCH = 200  # deals that are added up at once
_DEALT_WHOLE = 2_000  # units of a block; from more, labels are drawn with replacement

Bools = NDArray[np.bool_]
Numbers = NDArray[np.intp]


@dataclass(frozen=True)
class Axis:
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
    ratio : float or None
        `rate` over `rest_rate`; None where the latter is 0.
    """

    value: str
    n: int
    rest: int
    rate: float
    rest_rate: float
    difference: float
    low: float
    high: float

    @property
    def ratio(self) -> float | None:
        return self.rate / self.rest_rate if self.rest_rate else None


def gaps(axis: Axis, happened: NDArray[Any], *, level: float = 0.95) -> list[Gap]:
    """Compare each group of an axis with the rest.

    Source of the interval: the linearised variance of a standardised difference between clusters
    (R. M. Royall 1986, "Model robust confidence intervals using maximum likelihood estimators"),
    with Šidák's correction for the number of groups, and a pseudo-count of one event and one
    non-event on each side where the variance would otherwise be 0 (A. Agresti and B. Caffo 2000,
    The American Statistician 54, 280–288).

    Parameters
    ----------
    axis : Axis
    happened : array of numbers, shape [n]
        Whether it happened to each image; or -1, 0, 1 for a change between two models.
    level : float
        Of all intervals of the axis at once.

    Returns
    -------
    list of Gap
        In the order of `axis.values`, without groups that have no comparable images.
    """
    compared = [
        (value, weights)
        for place, value in enumerate(axis.values)
        if (weights := _weights(axis, place)) is not None
    ]
    level_of_one = level ** (1 / max(len(compared), 1))
    reach = float(norm.ppf(1 - (1 - level_of_one) / 2))
    compared_groups = []
    for value, weights in compared:
        group, rest = weights > 0, weights < 0
        rate = float((weights[group] * happened[group]).sum())
        rest_rate = float((-weights[rest] * happened[rest]).sum())  # and no -0.0
        error = _standard_error(axis, weights, happened, rate, rest_rate)
        difference = rate - rest_rate
        compared_groups.append(
            Gap(
                value=value,
                n=int(group.sum()),
                rest=int(rest.sum()),
                rate=rate,
                rest_rate=rest_rate,
                difference=difference,
                low=max(difference - reach * error, -2.0),
                high=min(difference + reach * error, 2.0),
            )
        )
    return compared_groups


def _weights(axis: Axis, place: int) -> NDArray[np.float64] | None:
    """Return what each image adds to the difference: of the group above 0, of the rest under 0.

    Both sides have a total of 1; images of strata that lack one side have 0. None where all have.
    """
    group = axis.groups == place
    strata = int(axis.strata.max(initial=-1)) + 1
    inside = np.bincount(axis.strata[group], minlength=strata)
    outside = np.bincount(axis.strata[~group], minlength=strata)
    both = (inside > 0) & (outside > 0)
    n = inside[both].sum()
    if not n:
        return None
    weights = np.zeros(len(group))
    weights[group] = both[axis.strata[group]] / n
    share = np.divide(inside, n * outside, out=np.zeros(strata), where=both)
    weights[~group] = -share[axis.strata[~group]]
    return weights


def _standard_error(
    axis: Axis,
    weights: NDArray[np.float64],
    happened: NDArray[Any],
    rate: float,
    rest_rate: float,
) -> float:
    side = weights > 0
    means = _stratum_means(axis.strata, side, happened)
    residuals = weights * (happened - means)
    totals = np.bincount(axis.clusters, weights=residuals)
    clusters = np.count_nonzero(np.bincount(axis.clusters[weights != 0]))
    if clusters < 2:
        return 1.0
    variance = clusters / (clusters - 1) * (totals**2).sum()
    least = sum(
        (abs(mean) + 1 / (n + 2)) * (1 + 1 / (n + 2)) / (n + 2)
        for mean, n in ((rate, _effective(weights[side])), (rest_rate, _effective(weights[~side])))
        if abs(mean) < 1 / (n + 2)
    )
    return math.sqrt(max(variance, least))


def _effective(weights: NDArray[np.float64]) -> float:
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
    p_value : float
        The chance that some group of the axis falls as far behind if groups do not matter.
    """

    before: Gap
    now: Gap
    change: Gap
    p_value: float


def opened_gaps(
    axis: Axis,
    outcomes: Mapping[str, tuple[Bools, Bools]],
    *,
    level: float = 0.95,
    permutations: int = PERMUTATIONS,
    seed: int = SEED,
) -> dict[str, list[OpenedGap]]:
    """Find the groups of an axis that fall behind the rest between two models.

    If the change did not depend on the group, the groups could be dealt anew among the images of a
    stratum: within each cluster that has several groups (one drawing in five skin tones), among
    the clusters that have one. The smallest p-value of all groups and kinds of mistake is compared
    with the smallest ones under such permutations, step by step.

    Source: P. H. Westfall and S. S. Young (1993), "Resampling-Based Multiple Testing", algorithm
    2.8, with permutations of the groups.

    Parameters
    ----------
    axis : Axis
    outcomes : mapping of str to (array of bool, array of bool), each of shape [n]
        For each kind of mistake, whether the first and the second model made it.
    level : float
        Of the intervals, all groups of the axis at once.

    Returns
    -------
    dict of str to list of OpenedGap
        By kind of mistake, in the order of `axis.values`.
    """
    changes = {name: new.astype(int) - old.astype(int) for name, (old, new) in outcomes.items()}
    weights = {
        value: group_weights
        for place, value in enumerate(axis.values)
        if (group_weights := _weights(axis, place)) is not None
    }
    p_values = _p_values(axis, changes, list(weights), permutations, seed)
    return {
        name: [
            OpenedGap(before, now, change, p_values[name, change.value])
            for before, now, change in zip(
                gaps(axis, old, level=level),
                gaps(axis, new, level=level),
                gaps(axis, changes[name], level=level),
                strict=True,
            )
        ]
        for name, (old, new) in outcomes.items()
    }


def _p_values(
    axis: Axis,
    changes: Mapping[str, NDArray[np.intp]],
    values: Sequence[str],
    permutations: int,
    seed: int,
) -> dict[tuple[str, str], float]:
    names = [(name, value) for name in changes for value in values]
    units = _Units.of(axis, changes)
    if not units.changed.size or not names:
        return dict.fromkeys(names, 1.0)
    places = [list(axis.values).index(value) for value in values]
    outside, gain = (
        np.array(part) for part in zip(*(_coefficients(axis, p) for p in places), strict=True)
    )
    observed, drawn = [], []
    dealt = units.deal(permutations, seed)
    # What a unit adds to its own group's statistic: shape [groups, strata]; 0 for other groups.
    gain_of = np.zeros((len(axis.values), gain.shape[1]))
    gain_of[places] = gain
    for name in changes:
        change = units.changes[name]
        base = outside[:, units.strata] @ change
        own = units.group_sums(units.labels[None], gain_of, change)
        observed.append(base + own[0, places])
        drawn.append(base[:, None] + units.group_sums(dealt, gain_of, change)[:, places].T)
    adjusted = step_down(np.concatenate(observed), np.concatenate(drawn))
    return dict(zip(names, map(float, adjusted), strict=True))


def _coefficients(axis: Axis, place: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what one image outside the group adds in each stratum, and how much more inside."""
    weights = _weights(axis, place)
    assert weights is not None
    strata = int(axis.strata.max(initial=-1)) + 1
    group = axis.groups == place
    outside, inside = np.zeros(strata), np.zeros(strata)
    outside[axis.strata[~group]] = weights[~group]
    inside[axis.strata[group]] = weights[group]
    return outside, inside - outside


@dataclass(frozen=True)
class _Units:
    """What is dealt: clusters that have one group, images of clusters that have several.

    Only units that changed are kept; `pools` has the labels of all units of each block.
    """

    changed: Numbers
    labels: Numbers
    strata: Numbers
    blocks: Numbers
    places: Numbers  # within its block
    pools: Sequence[Numbers]
    changes: Mapping[str, NDArray[np.intp]]

    @classmethod
    def of(cls, axis: Axis, changes: Mapping[str, NDArray[np.intp]]) -> _Units:
        first = np.full(int(axis.clusters.max(initial=-1)) + 1, -1)
        first[axis.clusters] = axis.groups
        mixed = np.zeros(len(first), dtype=bool)
        mixed[axis.clusters[axis.groups != first[axis.clusters]]] = True
        apart = mixed[axis.clusters]
        strata = int(axis.strata.max(initial=-1)) + 1
        # One number for each cluster and stratum; for each image where it is dealt by itself.
        joint = axis.clusters * strata + axis.strata
        unit_of = np.where(apart, joint.max(initial=0) + 1 + np.arange(len(joint)), joint)
        _, index, unit = np.unique(unit_of, return_index=True, return_inverse=True)
        labels, in_strata = axis.groups[index], axis.strata[index]
        block_of = np.where(apart[index], strata + joint[index], in_strata)
        _, block = np.unique(block_of, return_inverse=True)
        order = np.argsort(block, kind="stable")
        starts = np.searchsorted(block[order], np.arange(block.max(initial=-1) + 2))
        place = np.empty(len(order), dtype=np.intp)
        place[order] = np.arange(len(order)) - starts[block[order]]
        sums = {
            name: np.bincount(unit, weights=change, minlength=len(index)).astype(np.intp)
            for name, change in changes.items()
        }
        changed = np.flatnonzero(np.any([total != 0 for total in sums.values()], axis=0))
        return cls(
            changed=changed,
            labels=labels[changed],
            strata=in_strata[changed],
            blocks=block[changed],
            places=place[changed],
            pools=[labels[order[start:end]] for start, end in pairwise(starts)],
            changes={name: total[changed] for name, total in sums.items()},
        )

    def deal(self, permutations: int, seed: int) -> Numbers:
        """Deal the labels of each block anew among its units: shape [permutations, changed]."""
        random = np.random.default_rng(seed)
        dealt = np.empty((permutations, len(self.changed)), dtype=np.intp)
        for block in np.unique(self.blocks):
            here = np.flatnonzero(self.blocks == block)
            pool = self.pools[block]
            if len(pool) > _DEALT_WHOLE:
                dealt[:, here] = random.choice(pool, size=(permutations, len(here)))
            else:
                keys = random.random((permutations, len(pool)), dtype=np.float32)
                dealt[:, here] = pool[np.argsort(keys, axis=1)[:, : len(here)]]
        return dealt

    def group_sums(
        self, dealt: Numbers, gain_of: NDArray[np.float64], change: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Return the sum of each group's gains, as the labels are dealt: shape [deals, groups]."""
        groups = len(gain_of)
        sums = np.empty((len(dealt), groups))
        for start in range(0, len(dealt), _BATCH):
            labels = dealt[start : start + _BATCH]
            cells = labels + groups * np.arange(len(labels))[:, None]
            gains = gain_of[labels, self.strata] * change
            counted = np.bincount(
                cells.ravel(), weights=gains.ravel(), minlength=groups * len(labels)
            )
            sums[start : start + _BATCH] = counted.reshape(-1, groups)
        return sums


def step_down(observed: NDArray[np.float64], drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values adjusted for how many statistics were looked at (step-down min-p).

    Parameters
    ----------
    observed : array of float, shape [tests]
        The larger, the more extreme.
    drawn : array of float, shape [tests, resamples]
        The same statistics where nothing is the matter, all tests resampled together.
    """
    tests, resamples = drawn.shape
    slack = 1e-9
    p_values = ((drawn >= observed[:, None] - slack).sum(axis=1) + 1) / (resamples + 1)
    ranked = np.sort(drawn, axis=1)
    order = np.argsort(p_values, kind="stable")
    smallest = np.ones(resamples)
    adjusted = np.empty(tests)
    steps = np.empty((tests, resamples))
    for step, test in reversed(list(enumerate(order))):
        at_least = resamples - np.searchsorted(ranked[test], drawn[test] - slack, side="left")
        smallest = np.minimum(smallest, at_least / resamples)
        steps[step] = smallest
    as_extreme = (steps <= p_values[order][:, None] + slack).sum(axis=1)
    adjusted[order] = np.maximum.accumulate((as_extreme + 1) / (resamples + 1))
    at_least_own: NDArray[np.float64] = np.maximum(adjusted, p_values)
    return at_least_own
