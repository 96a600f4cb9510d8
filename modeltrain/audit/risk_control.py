"""A threshold with a promise: "false alarms of every group at most 2%, with 95% confidence"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom, nbinom

from modeltrain.audit.fairness import cluster_numbers
from modeltrain.audit.thresholds import THRESHOLDS

HIGHEST = 100  # hundredths that a score can reach
SEED = 0


@dataclass(frozen=True)
class GroupRisk:
    """What the safe images of one group let anybody promise.

    Attributes
    ----------
    independent : int
        Images, one drawn from each cluster.
    flagged : int
        How many of those the promised threshold flags; at the highest one if there is none.
    more : int or None
        How many more independent images, without a further false alarm, would let the group keep
        the promise at the highest threshold; 0 if it keeps it. None if at least the limit is
        flagged there, so that no number of such images would.
    own_threshold : int or None
        The lowest threshold that could be promised for this group, were each group to have a
        threshold of its own; None if there is none.
    """

    independent: int
    flagged: int
    more: int | None
    own_threshold: int | None


@dataclass(frozen=True)
class Promise:
    """The lowest threshold in hundredths that keeps a promise; None if no threshold does.

    `groups` has the risk of each group by name.
    """

    threshold: int | None
    groups: Mapping[str, GroupRisk]


def promise(
    groups: Mapping[str, tuple[ArrayLike, Sequence[str] | NDArray[Any]]],
    *,
    limit: float,
    confidence: float = 0.95,
) -> Promise:
    """Find the lowest threshold at which no group has false alarms above a limit.

    Source: A. N. Angelopoulos, S. Bates, E. J. Candès, M. I. Jordan and L. Lei (2021), "Learn then
    Test: Calibrating Predictive Algorithms to Achieve Risk Control": thresholds are tested from the
    highest one down, until the first at which a rate above the limit cannot be ruled out. Each test
    may take all of the risk, because a later one is reached only if all earlier ones succeeded. One
    threshold is for all groups, so it has to pass the test of each: a wrong promise needs a wrong
    test of a group that is above the limit, whose chance is the risk. Thresholds of their own are
    as many promises as groups, so each takes its part of the risk (Bonferroni).

    One image is drawn at random from each cluster, so images are independent and the exact binomial
    test applies. The rate is therefore that of such images: near copies count as one.

    Parameters
    ----------
    groups : mapping of str to (array of int, sequence)
        Of each group's safe images: how many hundredths their NSFW scores reach
        (`harm.hundredths`), and their clusters.
    limit : float
        The highest acceptable rate of false alarms, above 0 and below 1.
    confidence : float
        How often such promises hold, above 0 and below 1.

    Returns
    -------
    Promise

    Raises
    ------
    ValueError
        If `limit` or `confidence` is not between 0 and 1.
    """
    for name, value in (("limit", limit), ("confidence", confidence)):
        if not 0 < value < 1:
            raise ValueError(
                f"The {name} must be above 0 and below 1. Received: {value}. Give 0.02 for 2%."
            )
    drawn = {name: _one_of_each_cluster(*images) for name, images in groups.items()}
    flagged = {name: _flagged(reached) for name, reached in drawn.items()}
    p_values = {
        name: binom.cdf(flagged[name], len(reached), limit) for name, reached in drawn.items()
    }
    risk = 1 - confidence
    worst = np.max(list(p_values.values()), axis=0) if groups else np.ones(len(THRESHOLDS))
    threshold = _lowest(worst <= risk)
    at = HIGHEST if threshold is None else threshold
    return Promise(
        threshold=threshold,
        groups={
            name: GroupRisk(
                independent=len(reached),
                flagged=int(flagged[name][at]),
                more=_more(int(flagged[name][HIGHEST]), len(reached), limit, risk),
                own_threshold=_lowest(p_values[name] <= risk / len(groups)),
            )
            for name, reached in drawn.items()
        },
    )


def _one_of_each_cluster(
    reached: ArrayLike, clusters: Sequence[str] | NDArray[Any]
) -> NDArray[np.intp]:
    """Draw one image of each cluster, always the same ones."""
    reached, members = np.asarray(reached, dtype=np.intp), cluster_numbers(clusters)
    shuffled = np.random.default_rng(SEED).permutation(len(reached))
    _, first = np.unique(members[shuffled], return_index=True)
    drawn: NDArray[np.intp] = reached[shuffled[first]]
    return drawn


def _flagged(reached: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return how many images reach each threshold: shape [102]."""
    counts = np.bincount(reached, minlength=len(THRESHOLDS))
    total: NDArray[np.intp] = counts[::-1].cumsum()[::-1]
    return total


def _lowest(passed: NDArray[np.bool_]) -> int | None:
    """Return the last threshold that passed, from the highest one down; None if none did.

    The lowest one flags every image and never passes.
    """
    lowest = int(np.flatnonzero(~passed)[-1]) + 1
    return lowest if lowest <= HIGHEST else None


def _more(flagged: int, n: int, limit: float, risk: float) -> int | None:
    if n and flagged / n >= limit:
        return None
    # The fewest images of which more than `flagged` are hit in all but the risk of cases.
    needed = flagged + 1 + int(nbinom.ppf(1 - risk, flagged + 1, limit))
    return max(needed - n, 0)
