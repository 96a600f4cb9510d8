"""How far people agree who judged the same items without seeing each other's judgements."""

from collections.abc import Hashable, Sequence
from typing import Any

import krippendorff
import numpy as np
from numpy.typing import NDArray

MINIMUM_JUDGED_TWICE = 30  # items, not images; with fewer, nothing is concluded
RESAMPLES = 300
SEED = 7


def alpha(counts: NDArray[np.int_]) -> float | None:
    """Return Krippendorff's alpha of nominal judgements.

    1 is perfect agreement, 0 is what chance would give, and a negative value is less than chance
    would give.

    Source: K. Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", by way of the
    package `krippendorff`.

    Parameters
    ----------
    counts : numpy.ndarray of int, shape [n, values]
        How many people chose each value for each item. Items with fewer than two judgements are
        ignored.

    Returns
    -------
    float or None
        At most 1. None where all judgements are the same: chance would have given that too.
    """
    pairable = counts[counts.sum(axis=1) > 1]
    used = pairable[:, pairable.any(axis=0)]
    if used.shape[1] < 2:
        return None
    return float(krippendorff.alpha(value_counts=used, level_of_measurement="nominal"))


def agreement(
    judgements: Sequence[Sequence[Hashable]],
    values: Sequence[Hashable],
    *,
    minimum: int = MINIMUM_JUDGED_TWICE,
) -> dict[str, Any]:
    """Return alpha over all values, and of each value against all others, with 95% intervals.

    The interval is a bootstrap percentile interval: items are resampled with replacement, from a
    fixed seed. A value that was chosen for fewer than `minimum` items has no alpha.

    Source of the interval: B. Efron and R. J. Tibshirani (1993), "An Introduction to the
    Bootstrap", chapter 13.

    Parameters
    ----------
    judgements : sequence of sequences, one for each item
        The value that each person chose for it. Items that fewer than two people judged are left
        out.
    values : sequence
        The values that can be chosen.
    minimum : int
        Items below which there is no alpha.

    Returns
    -------
    dict
        `n`, `enough`, `alpha`, `low`, `high` over all values; and the same for each of `values`
        under `values`, where `n` counts the items for which at least one person chose it.

    Raises
    ------
    ValueError
        If a judgement is not one of `values`.
    """
    columns = {value: column for column, value in enumerate(values)}
    counts = np.zeros((len(judgements), len(values)), dtype=int)
    for row, chosen in zip(counts, judgements, strict=True):
        for value in chosen:
            if value not in columns:
                raise ValueError(
                    f"A judgement must be one of {values}. Received: {value!r}. Correct it."
                )
            row[columns[value]] += 1
    counts = counts[counts.sum(axis=1) > 1]
    totals = counts.sum(axis=1)
    cells = {}
    for value, column in columns.items():
        chosen_by = counts[:, column]
        against_rest = np.stack([chosen_by, totals - chosen_by], axis=1)
        cells[value] = _cell(against_rest, n=int((chosen_by > 0).sum()), minimum=minimum)
    return {**_cell(counts, n=len(counts), minimum=minimum), "values": cells}


def _cell(counts: NDArray[np.int_], *, n: int, minimum: int) -> dict[str, Any]:
    estimate = alpha(counts) if n >= minimum else None
    if estimate is None:
        return {"n": n, "enough": False, "alpha": None, "low": None, "high": None}
    random = np.random.default_rng(SEED)
    resampled = [
        alpha(counts[random.integers(0, len(counts), len(counts))]) for _ in range(RESAMPLES)
    ]
    low, high = np.quantile([value for value in resampled if value is not None], (0.025, 0.975))
    return {"n": n, "enough": True, "alpha": estimate, "low": float(low), "high": float(high)}
