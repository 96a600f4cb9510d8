"""Rates per group, each with its count and its interval. An empty group is no data, never 0."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from fairlearn.metrics import MetricFrame, count
from numpy.typing import NDArray
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


def rate(*, count: int, n: int, level: float = 0.95) -> Rate:
    """Return `{"count", "n", "rate", "low", "high"}`; the last three are None where n is 0."""
    interval = wilson(count=count, n=n, level=level)
    if interval is None:
        return {"count": 0, "n": 0, "rate": None, "low": None, "high": None}
    return {"count": count, "n": n, "rate": count / n, "low": interval[0], "high": interval[1]}


def axes(groups: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
    """Return each axis with its values, both sorted: axes and values are data."""
    found: dict[str, set[str]] = {}
    for each in groups:
        for axis, value in each.items():
            found.setdefault(axis, set()).add(value)
    return {axis: sorted(found[axis]) for axis in sorted(found)}


def rates_by_group(
    *, events: Sequence[bool], values: Sequence[str | None], level: float = 0.95
) -> dict[str, Rate]:
    """Return how often an event happened for each value of an axis.

    Counted by `fairlearn.metrics.MetricFrame`.

    Parameters
    ----------
    events : sequence of bool, length n
        Whether it happened, such as "this image was misclassified".
    values : sequence of str or None, length n
        Each image's value on the axis; None where the axis says nothing of it.
    level : float
        Confidence level of the intervals.

    Returns
    -------
    dict of str to Rate
        As `rate` returns it, by value, sorted. Empty where no image has a value. One group gives
        the same shape as many.
    """
    if len(events) != len(values):
        raise ValueError(
            "Events and values must be as many. "
            f"Received: {len(events)} and {len(values)}. Give one value for each image."
        )
    kept = [
        (event, value) for event, value in zip(events, values, strict=True) if value is not None
    ]
    if not kept:
        return {}
    happened = np.array([event for event, _ in kept], dtype=np.int64)
    frame = MetricFrame(
        metrics={"n": count, "count": _total},
        y_true=happened,
        y_pred=happened,
        sensitive_features={"value": [value for _, value in kept]},
    )
    table = frame.by_group
    return {
        str(value): rate(count=int(row["count"]), n=int(row["n"]), level=level)
        for value, row in table.sort_index().iterrows()
        if not math.isnan(row["n"]) and row["n"] > 0
    }


def _total(y_true: NDArray[np.int64], y_pred: NDArray[np.int64]) -> int:
    return int(np.sum(y_pred))
