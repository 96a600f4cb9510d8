"""Rates per group, each with its count and its interval. An empty group is no data, never 0."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t
from statsmodels.stats.proportion import proportion_confint

Rate = dict[str, Any]


def wilson(*, count: int, n: int, level: float = 0.95) -> tuple[float, float] | None:
    """Return the Wilson score interval of a proportion, or None where there is no data.

    It keeps its promise for small counts and for rates near 0 or 1, where the textbook interval
    has no width. Images are taken to be independent of one another.

    Source: E. B. Wilson (1927), "Probable inference, the law of succession, and statistical
    inference", JASA 22, by way of `statsmodels`.

    Parameters
    ----------
    count, n : int
        How many of how many.
    level : float
        Confidence level, between 0 and 1.

    Raises
    ------
    ValueError
        Where `count` is not within 0 to `n`.
    """
    if not 0 <= count <= n:
        raise ValueError(f"A count must be within 0 and n. Received: {count} of {n}. Count again.")
    if n == 0:
        return None
    low, high = proportion_confint(count, n, alpha=1 - level, method="wilson")
    return float(low), float(high)


def numbered(clusters: Sequence[str] | NDArray[Any]) -> NDArray[np.intp]:
    """Return each image's cluster as a number from 0 on, without gaps: shape [n].

    Numbers that are already small are counted, which is many times faster than sorting them.
    """
    known = np.asarray(clusters)
    if (
        known.dtype.kind in "iu"
        and known.size
        and known.min() >= 0
        and known.max() < 16 * len(known)
    ):
        places = np.cumsum(np.bincount(known) > 0) - 1
        return np.asarray(places[known], dtype=np.intp)
    return np.asarray(np.unique(known, return_inverse=True)[1], dtype=np.intp)


def effective_size(
    values: Sequence[float] | NDArray[Any],
    clusters: Sequence[str] | NDArray[Any],
    *,
    level: float = 0.95,
) -> float:
    """Return how many independent images would tell as much about a mean as these do.

    Images of one cluster (one emoji in five skin tones) are more alike than others, so they tell
    less than as many independent ones. n is divided by the design effect: the variance of the mean
    between clusters, linearised, over the variance for independent images; never under 1, and the
    greatest possible where all values are equal. It is reduced again by the squared ratio of
    Student's t for n images to that for the clusters; there, a cluster that holds a value other
    than the commonest counts as three degrees of freedom, which simulation found to be right where
    errors are few (docs/gate-simulation.md).

    Sources: L. Kish (1965), "Survey Sampling"; E. L. Korn and B. I. Graubard (1998), "Confidence
    intervals for proportions with small expected number of positive counts estimated from survey
    data", Survey Methodology 24, 193–201, for the reduction by Student's t.

    Parameters
    ----------
    values : sequence of float, length n
        Whether an event happened, or a difference of two such.
    clusters : sequence of str or int, length n
        Each image's cluster.
    level : float
        Of the interval that it is for.

    Returns
    -------
    float
        n where every image is a cluster of its own.
    """
    known = np.asarray(values, dtype=np.float64)
    members = numbered(clusters)
    sizes = np.bincount(members)
    n, k = len(known), len(sizes)
    if k == n or n < 2:
        return float(n)
    if k == 1:
        return 1.0
    mean = known.mean()
    independent = ((known - mean) ** 2).mean() / (n - 1)
    greatest = float((sizes**2).sum() / n)
    if independent == 0:
        effect, freedom = greatest, k - 1
    else:
        residuals = np.bincount(members, weights=known) - sizes * mean
        between = k / (k - 1) * (residuals**2).sum() / n**2
        effect = min(max(between / independent, 1.0), greatest)
        kinds, counts = np.unique(known, return_counts=True)
        rare = np.bincount(members, weights=known != kinds[counts.argmax()])
        freedom = min(k - 1, 3 * int((rare > 0).sum()))
    tail = 1 - (1 - level) / 2
    return float(n / effect * (t.ppf(tail, n - 1) / t.ppf(tail, freedom)) ** 2)


def rate(
    *, count: int, n: int, level: float = 0.95, clusters: int | None = None, effective: float = 0.0
) -> Rate:
    """Return `{"count", "n", "clusters", "rate", "low", "high"}`; the last three None where n is 0.

    Parameters
    ----------
    count, n : int
        How many of how many images.
    level : float
    clusters : int, optional
        Of how many clusters they are; n unless given.
    effective : float
        What `effective_size` returns; n unless given.
    """
    interval = wilson(count=count, n=n, level=level)
    if interval is None:
        return {"count": 0, "n": 0, "clusters": 0, "rate": None, "low": None, "high": None}
    if effective and effective != n:
        share = effective / n
        low, high = proportion_confint(count * share, n * share, alpha=1 - level, method="wilson")
        interval = float(low), float(high)
    return {
        "count": count,
        "n": n,
        "clusters": n if clusters is None else clusters,
        "rate": count / n,
        "low": interval[0],
        "high": interval[1],
    }


def smallest_change(
    *, error_rate: float, n: float, level: float = 0.95, power: float = 0.8
) -> float | None:
    """Return the smallest rise of an error rate that two audits of this size would show.

    As for two independent samples, by the arcsine approximation: two models on the same images
    usually show less than that. None where no rise up to 100 % would be shown.

    Source: J. Cohen (1988), "Statistical Power Analysis for the Behavioral Sciences", chapter 6, by
    way of `statsmodels`.

    Parameters
    ----------
    error_rate : float
        Between 0 and 1.
    n : float
        Images; where they are clustered, what `effective_size` returns.
    level : float
        1 - level is the risk of seeing a change where there is none, on both sides.
    power : float
        Chance of seeing it where it is there.
    """
    if n <= 0:
        return None
    tail = norm.ppf(1 - (1 - level) / 2) + norm.ppf(power)
    angle = 2 * math.asin(math.sqrt(error_rate)) + tail * math.sqrt(2 / n)
    return math.sin(angle / 2) ** 2 - error_rate if angle < math.pi else None


def mean_interval(
    values: Sequence[float], clusters: Sequence[str], *, level: float = 0.95
) -> tuple[float, float] | None:
    """Return the interval of a mean where values of one cluster belong together.

    Source: K.-Y. Liang and S. L. Zeger (1986), "Longitudinal data analysis using generalized linear
    models", Biometrika 73, 13–22: the variance between clusters, with Student's t for how many
    there are. Where each value is a cluster of its own it is the usual interval of a mean.

    Parameters
    ----------
    values : sequence of float, length n
    clusters : sequence of str, length n
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float or None
        None where there are fewer than two clusters.
    """
    known = np.asarray(values, dtype=np.float64)
    _, members = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    k = len(np.bincount(members)) if len(known) else 0
    if k < 2:
        return None
    totals = np.bincount(members, weights=known - known.mean())
    error = math.sqrt(k / (k - 1) * (totals**2).sum()) / len(known)
    reach = float(t.ppf(1 - (1 - level) / 2, k - 1)) * error
    return float(known.mean() - reach), float(known.mean() + reach)


def axes(groups: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
    """Return each axis with its values, both sorted: axes and values are data."""
    found: dict[str, set[str]] = {}
    for each in groups:
        for axis, value in each.items():
            found.setdefault(axis, set()).add(value)
    return {axis: sorted(found[axis]) for axis in sorted(found)}


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
        Each image's value on the axis; None where the axis says nothing of it.
    clusters : sequence of str or int, length n, optional
        Each image's cluster; unless given, images are taken to be independent.
    level : float
        Confidence level of the intervals.

    Returns
    -------
    dict of str to Rate
        As `rate` returns it, by value, sorted. Empty where no image has a value. One group gives
        the same shape as many.
    """
    clusters = np.arange(len(events)) if clusters is None else clusters
    if not len(events) == len(values) == len(clusters):
        raise ValueError(
            "Events, values and clusters must be as many. Received: "
            f"{len(events)}, {len(values)} and {len(clusters)}. Give one of each for each image."
        )
    kept = [number for number, value in enumerate(values) if value is not None]
    if not kept:
        return {}
    happened = np.asarray(events, dtype=np.int64)[kept]
    members = np.asarray(clusters)[kept]
    names, places = np.unique([str(values[number]) for number in kept], return_inverse=True)
    order = np.argsort(places, kind="stable")
    starts = np.searchsorted(places[order], np.arange(1, len(names)))
    return {
        str(name): rate_of(happened[taken], members[taken], level=level)
        for name, taken in zip(names, np.split(order, starts), strict=True)
    }


def rate_of(
    events: Sequence[bool] | NDArray[Any],
    clusters: Sequence[str] | NDArray[Any],
    *,
    level: float = 0.95,
) -> Rate:
    """Return how often an event happened, as `rate` does, in images that come in clusters.

    Parameters
    ----------
    events : sequence of bool, length n
    clusters : sequence of str or int, length n
    level : float
        Confidence level of the interval.
    """
    members = numbered(clusters)
    return rate(
        count=int(np.sum(events)),
        n=len(events),
        level=level,
        clusters=int(members.max(initial=-1)) + 1,
        effective=effective_size(events, members, level=level),
    )
