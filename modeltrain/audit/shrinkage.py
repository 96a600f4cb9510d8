"""Estimates for small groups that borrow from the other groups of their axis.

The raw rate of 10 images is 0%, 10% or 20%, whatever the truth. An estimate between it and the rate
of the axis is nearer to the truth on average. It shows nothing about the group by itself, so no
verdict rests on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln
from scipy.stats import beta

from modeltrain.audit.minimum import MINIMUM_IMAGES

FEWEST_GROUPS = 3  # of which something can be learnt about how groups differ
SMALLEST, LARGEST = 5, 150  # effective images of a group that an estimate is shown for

_MEANS = 200  # steps of the grid
_SHRINKAGES = 32


@dataclass(frozen=True)
class ShrunkRate:
    """A group's rate, drawn towards its axis, with the interval of its posterior."""

    rate: float
    low: float
    high: float


def shrunk_rates(
    rates: Sequence[float], effective: Sequence[float], *, level: float = 0.95
) -> list[ShrunkRate]:
    """Estimate the rates of an axis's groups together.

    The groups' true rates are taken to come from one beta distribution, and the counts to be
    binomial (a multilevel model). Its mean and its spread are not fixed at their likeliest values
    but averaged over a grid, weighted by their posterior, so that intervals are not too short. The
    prior is Jeffreys' for the mean. For the spread, the share by which a group of 30 images is
    drawn towards the axis is uniform between 0 and 1.

    Sources: A. Gelman et al. (2013), "Bayesian Data Analysis", 3rd edition, section 5.3, for the
    model; M. J. Daniels (1999), "A prior for the variance in hierarchical models", Canadian Journal
    of Statistics 27, 567–578, for the uniform shrinkage prior.

    Parameters
    ----------
    rates : sequence of float, length k
        Each group's raw rate, from 0 to 1.
    effective : sequence of float, length k
        The independent images that each group's images are worth, above 0.
    level : float
        Of the intervals.

    Returns
    -------
    list of ShrunkRate, length k

    Raises
    ------
    ValueError
        If there are fewer than three groups.
    """
    if len(rates) < FEWEST_GROUPS or len(rates) != len(effective):
        raise ValueError(
            f"Rates are estimated together for at least {FEWEST_GROUPS} groups, each with its "
            f"number of images. Received: {len(rates)} rates and {len(effective)} numbers. Show "
            "the raw rates."
        )
    n = np.asarray(effective, dtype=np.float64)[:, None]
    count = np.asarray(rates, dtype=np.float64)[:, None] * n
    mean, strength = _grid()
    prior_wrong, prior_right = mean * strength, (1 - mean) * strength
    wrong, right = count + prior_wrong, n - count + prior_right  # shape [groups, grid]
    log_likelihood = (betaln(wrong, right) - betaln(prior_wrong, prior_right)).sum(axis=0)
    weights = np.exp(log_likelihood - log_likelihood.max())
    weights /= weights.sum()
    total = wrong + right
    posterior_mean = wrong / total
    estimate = posterior_mean @ weights
    second_moment = (posterior_mean * (wrong + 1) / (total + 1)) @ weights
    variance = second_moment - estimate**2
    # The interval of the beta distribution with the same mean and variance.
    size = estimate * (1 - estimate) / variance - 1
    tail = (1 - level) / 2
    low, high = (
        beta.ppf(share, estimate * size, (1 - estimate) * size) for share in (tail, 1 - tail)
    )
    return [ShrunkRate(*map(float, group)) for group in zip(estimate, low, high, strict=True)]


def _grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return means and strengths (in images) of the beta distribution, equally likely a priori."""
    means = np.sin(np.pi * (np.arange(_MEANS) + 0.5) / (2 * _MEANS)) ** 2  # Jeffreys' prior
    shares = (np.arange(_SHRINKAGES) + 0.5) / _SHRINKAGES
    grid = np.meshgrid(means, MINIMUM_IMAGES * shares / (1 - shares))
    return grid[0].ravel(), grid[1].ravel()
