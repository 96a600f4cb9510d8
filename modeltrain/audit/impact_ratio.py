"""How often one group is treated well, as a multiple of how often another is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def impact_ratio(
    harm: Mapping[str, Any], reference: Mapping[str, Any]
) -> tuple[float, float, float] | None:
    """Divide the share of a group that no harm happens to by that of a reference group.

    Parameters
    ----------
    harm, reference : mapping
        How often the harm happens in each, as `fairness.rate` gives it: `rate`, `low`, `high`, all
        from 0 to 1.

    Returns
    -------
    tuple of float, or None
        The ratio and its interval, which may end at infinity. None if either rate is not known, or
        if everybody in the reference group is harmed. The interval has the level of those of the
        rates and takes clusters into account as they do. It takes the groups to be independent;
        where their images come in pairs, it is too wide rather than too narrow.

    Notes
    -----
    Method of variance estimates recovery (MOVER) for a ratio: A. Donner, G. Y. Zou, "Closed-form
    confidence intervals for functions of the normal mean and standard deviation", Statistical
    Methods in Medical Research 21 (2012), 347-359.
    """
    if harm["rate"] is None or reference["rate"] is None or reference["rate"] == 1:
        return None
    rate, low, high = _spared(harm)
    base, base_low, base_high = _spared(reference)
    product = rate * base
    lowest = product**2 - low * (2 * rate - low) * base_high * (2 * base - base_high)
    highest = product**2 - high * (2 * rate - high) * base_low * (2 * base - base_low)
    low_divisor = base_high * (2 * base - base_high)
    high_divisor = base_low * (2 * base - base_low)
    return (
        rate / base,
        max(0.0, (product - math.sqrt(max(0.0, lowest))) / low_divisor) if low_divisor > 0 else 0.0,
        (product + math.sqrt(max(0.0, highest))) / high_divisor if high_divisor > 0 else math.inf,
    )


def _spared(harm: Mapping[str, Any]) -> tuple[float, float, float]:
    """The rate of no harm, with its interval."""
    return 1 - harm["rate"], 1 - harm["high"], 1 - harm["low"]
