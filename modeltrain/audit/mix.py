"""What an error rate means at another mix: among images of which another share is explicit.

An audit set holds as many explicit images as somebody put there. Its rates of false alarms and
misses carry over to a site with fewer of them. What 1,000 images meet there does not.
"""

from __future__ import annotations

import math
from typing import TypedDict

from modeltrain.audit import mover
from modeltrain.audit.fairness import Rate


class Estimate(TypedDict):
    """A figure and its interval."""

    value: float
    low: float
    high: float


class AtMix(TypedDict):
    """What images meet at a mix. None where it is not known.

    `false_alarms`, `misses` and `mistakes` (both together) are shares of all images; `precision` is
    the share of explicit images among the flagged ones.
    """

    false_alarms: Estimate | None
    misses: Estimate | None
    mistakes: Estimate | None
    precision: Estimate | None


def at_mix(*, false_alarm: Rate, miss: Rate, explicit_share: float) -> AtMix:
    """Return what images meet, of which this share is explicit.

    The intervals take the two rates to be independent, as they are where no cluster has both safe
    and explicit images. Where one has, its scores rise or fall together, which makes false alarms
    more and misses fewer: the intervals are then somewhat too wide.

    Sources: M. S. Pepe (2003), "The Statistical Evaluation of Medical Tests for Classification and
    Prediction", section 2.4, for the precision at another prevalence; G. Y. Zou and A. Donner
    (2008), "Construction of confidence limits about effect measures: a general approach",
    Statistics in Medicine 27, 1693–1702, for the interval of a sum of two rates (MOVER).

    Parameters
    ----------
    false_alarm : Rate
        Of safe images, as `fairness.rate` returns it.
    miss : Rate
        Of explicit images.
    explicit_share : float
        From 0 to 1.

    Returns
    -------
    AtMix
        A figure that needs a rate of no images is None, unless the mix has no such images either.

    Raises
    ------
    ValueError
        If `explicit_share` is not from 0 to 1.
    """
    if not 0 <= explicit_share <= 1:
        raise ValueError(
            "The share of explicit images must be from 0 to 1. "
            f"Received: {explicit_share}. Give 0.05 for 5%."
        )
    false_alarms = _part(false_alarm, 1 - explicit_share)
    misses = _part(miss, explicit_share)
    return {
        "false_alarms": false_alarms,
        "misses": misses,
        "mistakes": _sum(false_alarms, misses) if false_alarms and misses else None,
        "precision": precision(false_alarm, _complement(miss), explicit_share),
    }


def precision(false_alarm: Rate, caught: Rate, explicit_share: float) -> Estimate | None:
    """Return the share of explicit images among the flagged ones, at a mix.

    Parameters
    ----------
    false_alarm, caught : Rate
        The shares of safe and of explicit images that are flagged.
    explicit_share : float
        From 0 to 1.

    Returns
    -------
    Estimate or None
        None if nothing is flagged, or if a rate that the mix needs is not known.
    """
    false_alarms, hits = _part(false_alarm, 1 - explicit_share), _part(caught, explicit_share)
    return share_of_first(hits, false_alarms) if hits and false_alarms else None


def scaled(rate: Rate, share: float) -> Estimate:
    """Return a share of a known rate with its interval.

    Parameters
    ----------
    rate : Rate
        As `fairness.rate` returns it, of at least one image.
    share : float
        From 0 to 1.
    """
    return {
        "value": share * rate["rate"],
        "low": share * rate["low"],
        "high": share * rate["high"],
    }


def _part(rate: Rate, share: float) -> Estimate | None:
    """Return what a rate adds to the whole: nothing if there are no such images in the mix."""
    if share == 0:
        return {"value": 0.0, "low": 0.0, "high": 0.0}
    return None if rate["rate"] is None else scaled(rate, share)


def _complement(rate: Rate) -> Rate:
    if rate["rate"] is None:
        return rate
    return rate | {"rate": 1 - rate["rate"], "low": 1 - rate["high"], "high": 1 - rate["low"]}


def _sum(first: Estimate, second: Estimate) -> Estimate:
    value = first["value"] + second["value"]
    below = math.hypot(first["value"] - first["low"], second["value"] - second["low"])
    above = math.hypot(first["high"] - first["value"], second["high"] - second["value"])
    return {"value": value, "low": value - below, "high": value + above}


def share_of_first(first: Estimate, second: Estimate) -> Estimate | None:
    """Return first / (first + second) with its interval.

    Source: A. Donner and G. Y. Zou (2012), "Closed-form confidence intervals for functions of the
    normal mean and standard deviation", Statistical Methods in Medical Research 21, 347–359: the
    interval of the ratio second / first (MOVER-R).

    Parameters
    ----------
    first, second : Estimate
        Not negative, and independent of one another.

    Returns
    -------
    Estimate or None
        Each from 0 to 1. None if both are 0.
    """
    if first["value"] + second["value"] == 0:
        return None
    low, high = mover.ratio_interval(
        mover.IntervalEstimate(second["value"], second["low"], second["high"]),
        mover.IntervalEstimate(first["value"], first["low"], first["high"]),
    )
    return {
        "value": first["value"] / (first["value"] + second["value"]),
        "low": 1 / (1 + high),
        "high": 1 / (1 + low),
    }
