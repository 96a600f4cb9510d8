"""Intervals of a difference and of a ratio, from those of both sides (MOVER).

Sources: G. Y. Zou and A. Donner (2008), "Construction of confidence limits about effect measures: a
general approach", Statistics in Medicine 27, 1693–1702; A. Donner and G. Y. Zou (2012),
"Closed-form confidence intervals for functions of the normal mean and standard deviation",
Statistical Methods in Medical Research 21, 347–359.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class IntervalEstimate(NamedTuple):
    """A value that is not negative, and its interval."""

    value: float
    low: float
    high: float


def difference_interval(
    first: IntervalEstimate, second: IntervalEstimate, *, correlation: float = 0.0
) -> tuple[float, float]:
    """Return the interval of first - second.

    Parameters
    ----------
    first, second : IntervalEstimate
    correlation : float
        Of the two values, where images of both are paired.
    """

    def reach(below: float, above: float) -> float:
        return math.sqrt(max(0.0, below**2 + above**2 - 2 * correlation * below * above))

    difference = first.value - second.value
    return (
        difference - reach(first.value - first.low, second.high - second.value),
        difference + reach(first.high - first.value, second.value - second.low),
    )


def ratio_interval(
    first: IntervalEstimate, second: IntervalEstimate, *, correlation: float = 0.0
) -> tuple[float, float]:
    """Return the interval of first / second, which may end at infinity.

    Parameters
    ----------
    first, second : IntervalEstimate
    correlation : float
        Of the two values, where images of both are paired.
    """
    product = first.value * second.value
    if second.high == 0:
        return math.inf, math.inf
    # Both limits solve a quadratic equation: a ratio² - 2 b ratio + c = 0.
    a = second.high * (2 * second.value - second.high)
    b = product - correlation * (first.value - first.low) * (second.high - second.value)
    c = first.low * (2 * first.value - first.low)
    low = c / (b + math.sqrt(max(0.0, b**2 - a * c))) if c else 0.0
    a = second.low * (2 * second.value - second.low)
    b = product - correlation * (first.high - first.value) * (second.value - second.low)
    c = first.high * (2 * first.value - first.high)
    return low, (b + math.sqrt(max(0.0, b**2 - a * c))) / a if a > 0 else math.inf
