"""A threshold that is chosen on one half of the images, and judged on the other.

On the images by which it was chosen, a threshold looks better than it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeltrain.audit.fairness import Clusters

SEED = 0

Counts = tuple[NDArray[np.intp], int]  # images that reach each threshold, and of how many
CHOICES = slice(1, 101)  # hundredths


def first_half(clusters: Sequence[str] | NDArray[Any], *, seed: int = SEED) -> NDArray[np.bool_]:
    """Say of each image whether it is in the first half; clusters stay whole.

    Parameters
    ----------
    clusters : sequence of str or int, length n
    seed : int
        The same seed and clusters give the same halves.

    Returns
    -------
    numpy.ndarray of bool, shape [n]
        Half of the clusters, rounded down, are in the first half.
    """
    grouped = Clusters.of(clusters)
    drawn = np.random.default_rng(seed).permutation(grouped.count) < grouped.count // 2
    half: NDArray[np.bool_] = drawn[grouped.members]
    return half


def lowest_within(groups: Sequence[Counts], *, limit: float) -> int | None:
    """Return the lowest threshold at which no group's share of flagged images exceeds a limit.

    Parameters
    ----------
    groups : sequence of (array of int, shape [102]; int)
        Of each group's safe images: how many reach each threshold, and how many there are.
    limit : float
        From 0 to 1.

    Returns
    -------
    int or None
        In hundredths, from 1 to 100. None without groups, or if no threshold will do.
    """
    within = [
        threshold
        for threshold in range(CHOICES.start, CHOICES.stop)
        if all(counts[threshold] <= limit * n for counts, n in groups)
    ]
    return min(within) if groups and within else None


def fewest_mistakes(*, safe: Counts, explicit: Counts, explicit_share: float) -> int | None:
    """Return the threshold with the fewest false alarms and misses together, at a mix.

    Parameters
    ----------
    safe, explicit : (array of int, shape [102]; int)
        How many images of each side reach each threshold, and how many there are.
    explicit_share : float
        The share of explicit images among all, from 0 to 1.

    Returns
    -------
    int or None
        In hundredths, from 1 to 100; of equals the lowest. None if a side has no images.
    """
    (false_alarms, safe_images), (hits, explicit_images) = safe, explicit
    if not safe_images or not explicit_images:
        return None
    mistakes = (1 - explicit_share) * false_alarms / safe_images
    mistakes = mistakes + explicit_share * (1 - hits / explicit_images)
    return CHOICES.start + int(mistakes[CHOICES].round(12).argmin())
