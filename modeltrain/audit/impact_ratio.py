"""How often one group is treated well, as a multiple of how often another is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modeltrain.audit.mover import IntervalEstimate, ratio_interval


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
    """
    if harm["rate"] is None or reference["rate"] is None or reference["rate"] == 1:
        return None
    group, base = _spared(harm), _spared(reference)
    return group.value / base.value, *ratio_interval(group, base)


def _spared(harm: Mapping[str, Any]) -> IntervalEstimate:
    """The rate of no harm, with its interval."""
    return IntervalEstimate(1 - harm["rate"], 1 - harm["high"], 1 - harm["low"])
