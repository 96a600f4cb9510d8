"""Rates per group, each with its count and interval. An empty group is "no data", never 0."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit
from statsmodels.stats.proportion import proportion_confint

Rate = dict[str, Any]
Floats = float | NDArray[np.float64]


def wilson_interval(*, count: int, n: int, level: float = 0.95) -> tuple[float, float] | None:
    """Return the Wilson score confidence interval of a proportion.

    Its coverage is right for small counts and for rates near 0 or 1, where the textbook interval
    has no width. Images are taken to be independent of one another.

    Source: E. B. Wilson (1927), "Probable inference, the law of succession, and statistical
    inference", JASA 22, 209–212, by way of `statsmodels`.

    Parameters
    ----------
    count, n : int
        `count` of `n` images.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float or None
        Low and high, each between 0 and 1. None if `n` is 0.

    Raises
    ------
    ValueError
        If `count` is not between 0 and `n`.
    """
    if not 0 <= count <= n:
        raise ValueError(f"A count must be within 0 and n. Received: {count} of {n}. Count again.")
    if n == 0:
        return None
    low, high = wilson_limits(count, n, level=level)
    return float(low), float(high)


def wilson_limits(
    count: ArrayLike, n: ArrayLike, *, level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the limits of many Wilson intervals; counts may be fractions.

    The interval of none of n begins at 0, and that of all n ends at 1, whatever rounding does.

    Parameters
    ----------
    count, n : array of float
        Of one shape, `n` above 0.
    level : float
        Confidence level, between 0 and 1.
    """
    low, high = proportion_confint(count, n, alpha=1 - level, method="wilson")
    return np.where(np.equal(count, 0), 0.0, low), np.where(np.equal(count, n), 1.0, high)


def cluster_numbers(clusters: Sequence[str] | NDArray[Any]) -> NDArray[np.intp]:
    """Return each image's cluster as a number from 0 on, without gaps.

    Sorted names are only compared with their neighbours, and small numbers are counted: both are
    many times faster than sorting.

    Parameters
    ----------
    clusters : sequence of str or int, length n
        Each image's cluster.

    Returns
    -------
    numpy.ndarray of intp, shape [n]
        Numbered in the order of the clusters' names.
    """
    names = np.asarray(clusters)
    if (names[1:] >= names[:-1]).all():
        changes = names[1:] != names[:-1]
        return np.concatenate([[0] * names[:1].size, np.cumsum(changes)]).astype(np.intp)
    if names.dtype.kind in "iu" and names.min() >= 0 and names.max() < 16 * len(names):
        numbers = np.cumsum(np.bincount(names) > 0) - 1
        return np.asarray(numbers[names], dtype=np.intp)
    return np.asarray(np.unique(names, return_inverse=True)[1], dtype=np.intp)


@dataclass(frozen=True)
class Clusters:
    """Which of n images belong together.

    Attributes
    ----------
    members : array of int, shape [n]
        Each image's cluster, numbered from 0 without gaps.
    sizes : array of int, shape [clusters]
        How many images each cluster has.
    """

    members: NDArray[np.intp]
    sizes: NDArray[np.intp]

    @classmethod
    def of(cls, clusters: Sequence[str] | NDArray[Any]) -> Clusters:
        """Number the clusters of images; `clusters` has one name or number an image."""
        members = cluster_numbers(clusters)
        return cls(members, np.bincount(members))

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return len(self.sizes)

    def effective_sample_size(
        self, values: Sequence[float] | NDArray[Any], *, level: float = 0.95
    ) -> float:
        """Return how many independent images would tell as much about a mean as these do.

        Images of one cluster (one emoji in five skin tones) are more alike than others, so they
        tell less than as many independent ones. n is divided by a design effect. Where a few
        clusters are much larger than the others, the linearised variance between clusters depends
        on what happened in those few; Kish's formula, with the correlation within all clusters,
        does not. The design effect is a weighted mean of the two, between 1 and its greatest
        possible value, which it has if all values are equal. The result is reduced again by the
        squared ratio of Student's t for n images to that for the clusters. There, a cluster that
        holds a value other than the commonest counts as three degrees of freedom; of two values
        that are equally common, the one that leaves fewer such clusters is taken. Simulation found
        both to be right (docs/gate-simulation.md).

        Sources: L. Kish (1965), "Survey Sampling"; A. Donner (1986), "A review of inference
        procedures for the intraclass correlation coefficient", International Statistical Review 54,
        67–82, for its estimate by analysis of variance; E. L. Korn and B. I. Graubard (1998),
        "Confidence intervals for proportions with small expected number of positive counts
        estimated from survey data", Survey Methodology 24, 193–201, for Student's t.

        Parameters
        ----------
        values : sequence of float, length n
            Whether an event happened, or a difference of two such values.
        level : float
            Confidence level of the interval that it is used for.

        Returns
        -------
        float
            At most n; n if every image is a cluster of its own.
        """
        observed = np.asarray(values)
        if not len(observed):
            return 0.0
        # Of most cells few images matter: those whose value is not the commonest one.
        commonest, *ties = _commonest(observed)
        others = np.flatnonzero(observed != commonest)
        return _effective_sample_size(
            self.sizes,
            self.members[others],
            observed[others].astype(np.float64) - float(commonest),
            fewest=[len(np.unique(self.members[observed != tie])) for tie in ties],
            level=level,
        )


def effective_sample_size_of_changes(
    sizes: NDArray[np.intp],
    members: NDArray[np.intp],
    changes: NDArray[np.int8],
    *,
    level: float,
) -> float:
    """Return `Clusters.effective_sample_size` of values of which most are 0.

    Parameters
    ----------
    sizes : array of int, shape [clusters]
        How many values each cluster has.
    members : array of int, shape [changed]
        The clusters of the values that are not 0.
    changes : array of int, shape [changed]
        These values: 1 or -1.
    level : float
        Confidence level of the interval that it is used for.
    """
    rises = int(np.count_nonzero(changes > 0))
    unchanged = int(sizes.sum()) - len(changes)
    if unchanged > max(rises, len(changes) - rises):
        return _effective_sample_size(
            sizes, members, changes.astype(np.float64), fewest=(), level=level
        )
    rest = np.repeat(np.arange(len(sizes)), sizes - np.bincount(members, minlength=len(sizes)))
    clusters = Clusters(np.concatenate([members, rest]), sizes)
    values = np.concatenate([changes, np.zeros(unchanged, dtype=np.int8)])
    return clusters.effective_sample_size(values, level=level)


def _effective_sample_size(
    sizes: NDArray[np.intp],
    members: NDArray[np.intp],
    shifted: NDArray[np.float64],
    *,
    fewest: Sequence[int],
    level: float,
) -> float:
    """Return the effective sample size of values that are 0 but for `shifted`, of `members`.

    `fewest` says how many clusters are touched where another value is as common.
    """
    n, k = int(sizes.sum()), len(sizes)
    if k == n:
        return float(n)
    if k == 1:
        return 1.0
    greatest = float((sizes.astype(float) ** 2).sum() / n)
    if not len(members):
        design_effect, degrees_of_freedom = greatest, k - 1
    else:
        touched, place = np.unique(members, return_inverse=True)
        totals = np.bincount(place, weights=shifted).astype(np.float64)
        touched_sizes = sizes[touched].astype(np.float64)
        sums = ClusterSums(
            total=totals.sum(),
            squares=(shifted**2).sum(),
            totals_squared=(totals**2).sum(),
            totals_by_size=(totals * touched_sizes).sum(),
            totals_squared_over_size=(totals**2 / touched_sizes).sum(),
        )
        design_effect = float(sums.design_effect(n=n, k=k, greatest=greatest))
        degrees_of_freedom = min(k - 1, 3 * min([len(touched), *fewest]))
    tail = 1 - (1 - level) / 2
    student = stdtrit(n - 1, tail) / stdtrit(degrees_of_freedom, tail)
    return float(n / design_effect * student**2)


def _commonest(values: NDArray[Any]) -> NDArray[Any]:
    """Return the most frequent value, or all that are equally frequent."""
    if values.dtype == np.int8 or values.dtype == np.bool_:  # without sorting
        candidates = np.unique(np.array([-1, 0, 1]).astype(values.dtype))
        counts = np.array([np.count_nonzero(values == candidate) for candidate in candidates])
    else:
        candidates, counts = np.unique(values, return_counts=True)
    commonest: NDArray[Any] = candidates[counts == counts.max()]
    return commonest


@dataclass(frozen=True)
class ClusterSums:
    """Sums over n values in clusters, of which the design effect of their mean follows.

    Each is a number, or an array with an entry for each of several sets of values.

    Attributes
    ----------
    total, squares : float
        Of the values, and of their squares.
    totals_squared, totals_by_size, totals_squared_over_size : float
        Of the squared totals of the clusters, of total times size, and of squared total over size.
    """

    total: Floats
    squares: Floats
    totals_squared: Floats
    totals_by_size: Floats
    totals_squared_over_size: Floats

    def design_effect(self, *, n: int, k: int, greatest: float) -> NDArray[np.float64]:
        """Return how much larger the mean's variance is than for n independent values.

        Parameters
        ----------
        n, k : int
            `n` values in `k` clusters, with fewer clusters than values and at least two.
        greatest : float
            The sum of the squared sizes of the clusters, over n.
        """
        mean = np.asarray(self.total) / n
        squares = self.squares - n * mean**2
        varied = np.where(squares > 0, squares, 1.0)
        residuals = self.totals_squared - 2 * mean * self.totals_by_size + mean**2 * greatest * n
        linearised = k / (k - 1) * residuals / n**2 / (varied / n / (n - 1))
        between = self.totals_squared_over_size - n * mean**2
        mean_between, mean_within = between / (k - 1), (varied - between) / max(n - k, 1)
        size = (n - greatest) / (k - 1)
        spread = mean_between + (size - 1) * mean_within
        correlation = np.where(
            spread > 0, (mean_between - mean_within) / np.where(spread > 0, spread, 1.0), 0.0
        )
        kish = 1 + np.clip(correlation, 0.0, 1.0) * (greatest - 1)
        mixed = np.clip(0.75 * kish + 0.25 * np.maximum(kish, linearised), 1.0, greatest)
        return np.where(squares > 0, mixed, greatest)


def effective_sample_size(
    values: Sequence[float] | NDArray[Any],
    clusters: Sequence[str] | NDArray[Any],
    *,
    level: float = 0.95,
) -> float:
    """Return `Clusters.effective_sample_size`, of clusters given by name or number."""
    return Clusters.of(clusters).effective_sample_size(values, level=level)


def rate(
    *, count: int, n: int, level: float = 0.95, clusters: int | None = None, effective: float = 0.0
) -> Rate:
    """Return a rate with its count and its Wilson confidence interval.

    Parameters
    ----------
    count, n : int
        `count` of `n` images.
    level : float
        Confidence level of the interval.
    clusters : int, optional
        How many clusters the images form; n unless given.
    effective : float
        What `effective_sample_size` returns; n unless given.

    Returns
    -------
    dict
        `count`, `n`, `clusters`, `rate`, `low` and `high`; the last three are None if n is 0.

    Raises
    ------
    ValueError
        If `count` is not between 0 and `n`.
    """
    interval = wilson_interval(count=count, n=n, level=level)
    if interval is None:
        return {"count": 0, "n": 0, "clusters": 0, "rate": None, "low": None, "high": None}
    if effective and effective != n:
        share = effective / n
        low, high = wilson_limits(count * share, n * share, level=level)
        interval = float(low), float(high)
    return {
        "count": count,
        "n": n,
        "clusters": n if clusters is None else clusters,
        "rate": count / n,
        "low": interval[0],
        "high": interval[1],
    }


def mean_interval(
    values: Sequence[float], clusters: Sequence[str], *, level: float = 0.95
) -> tuple[float, float] | None:
    """Return the confidence interval of a mean whose values come in clusters.

    Source: K.-Y. Liang and S. L. Zeger (1986), "Longitudinal data analysis using generalized linear
    models", Biometrika 73, 13–22: the variance between clusters, with Student's t for how many
    there are. If each value is a cluster of its own it is the usual interval of a mean.

    Parameters
    ----------
    values : sequence of float, length n
    clusters : sequence of str, length n
        Each value's cluster.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float or None
        Low and high. None if there are fewer than two clusters.
    """
    observed = np.asarray(values, dtype=np.float64)
    members = cluster_numbers(clusters)
    k = len(np.bincount(members))
    if k < 2:
        return None
    totals = np.bincount(members, weights=observed - observed.mean())
    standard_error = math.sqrt(k / (k - 1) * (totals**2).sum()) / len(observed)
    margin = float(stdtrit(k - 1, 1 - (1 - level) / 2)) * standard_error
    return float(observed.mean() - margin), float(observed.mean() + margin)


def values_by_axis(groups: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
    """Return each axis with its values, both sorted: axes and values are data.

    Parameters
    ----------
    groups : iterable of mapping of str to str
        Each image's value by axis.
    """
    values: dict[str, set[str]] = {}
    for image_groups in groups:
        for axis, value in image_groups.items():
            values.setdefault(axis, set()).add(value)
    return {axis: sorted(values[axis]) for axis in sorted(values)}


def rates_by_group(
    *,
    events: Sequence[bool] | NDArray[np.bool_],
    values: Sequence[str | None],
    clusters: Sequence[str] | NDArray[Any] | None = None,
    level: float = 0.95,
) -> dict[str, Rate]:
    """Return how often an event happened for each value of an axis.

    The figures are those of `fairlearn.metrics.MetricFrame`, which is too slow for large audits.

    Parameters
    ----------
    events : sequence of bool, length n
        Whether it happened, such as "this image was misclassified".
    values : sequence of str or None, length n
        Each image's value on the axis; None if it has none.
    clusters : sequence of str or int, length n, optional
        Each image's cluster; unless given, images are taken to be independent.
    level : float
        Confidence level of the intervals.

    Returns
    -------
    dict of str to Rate
        As `rate` returns it, by value, sorted. Empty if no image has a value. One group gives the
        same shape as many.

    Raises
    ------
    ValueError
        If `events`, `values` and `clusters` differ in length.
    """
    clusters = np.arange(len(events)) if clusters is None else clusters
    if not len(events) == len(values) == len(clusters):
        raise ValueError(
            "Events, values and clusters must have the same length. Received: "
            f"{len(events)}, {len(values)} and {len(clusters)}. Give one of each for each image."
        )
    with_value = [number for number, value in enumerate(values) if value is not None]
    if not with_value:
        return {}
    group_events = np.asarray(events, dtype=np.int64)[with_value]
    members = np.asarray(clusters)[with_value]
    names, name_of = np.unique([str(values[number]) for number in with_value], return_inverse=True)
    order = np.argsort(name_of, kind="stable")
    starts = np.searchsorted(name_of[order], np.arange(1, len(names)))
    return {
        str(name): clustered_rate(group_events[group], members[group], level=level)
        for name, group in zip(names, np.split(order, starts), strict=True)
    }


def clustered_rate(
    events: Sequence[bool] | NDArray[Any],
    clusters: Sequence[str] | NDArray[Any],
    *,
    level: float = 0.95,
) -> Rate:
    """Return how often an event happened in images that come in clusters.

    Parameters
    ----------
    events : sequence of bool, length n
        Whether it happened.
    clusters : sequence of str or int, length n
        Each image's cluster.
    level : float
        Confidence level of the interval.

    Returns
    -------
    dict
        As `rate` returns it.
    """
    members = cluster_numbers(clusters)
    return rate(
        count=int(np.sum(events)),
        n=len(events),
        level=level,
        clusters=len(np.bincount(members)),
        effective=effective_sample_size(events, members, level=level),
    )
