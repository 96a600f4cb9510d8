"""How far people agree who judged the same things without seeing what the others said."""

from collections.abc import Hashable, Sequence
from typing import Any

import krippendorff
import numpy as np
from numpy.typing import NDArray

MINIMUM = 30  # things judged twice; with fewer, nothing is concluded
RESAMPLES = 300
SEED = 7


def alpha(counts: NDArray[np.int_]) -> float | None:
    """Return Krippendorff's alpha of nominal judgements, or None where it has no value.

    1 is perfect agreement, 0 what chance would give, and less than 0 is less than chance. There is
    no value where everybody said the same of everything: chance would have given that too.

    Source: K. Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", by way of the
    package `krippendorff`.

    Parameters
    ----------
    counts : array of int, shape [n, values]
        How many people said each value of each thing.
    """
    paired = counts[counts.sum(axis=1) > 1]
    used = paired[:, paired.any(axis=0)]
    if used.shape[1] < 2:
        return None
    return float(krippendorff.alpha(value_counts=used, level_of_measurement="nominal"))


def agreement(
    said: Sequence[Sequence[Hashable]], values: Sequence[Hashable], *, minimum: int = MINIMUM
) -> dict[str, Any]:
    """Return alpha over all values, and of each value against all others, with their ranges.

    The range is that of 95 of 100 resamples of the things judged, each drawn with replacement and
    from a fixed seed. A value that was said of fewer than `minimum` things has no alpha.

    Parameters
    ----------
    said : sequence of sequences, one for each thing
        What each person said of it. Things that fewer than two judged are left out.
    values : sequence
        What can be said.

    Returns
    -------
    dict
        `n`, `enough`, `alpha`, `low`, `high` over all; and the same for each of `values` under
        `values`, with `n` things of which at least one person said it.

    Raises
    ------
    ValueError
        Where something else was said.
    """
    places = {value: place for place, value in enumerate(values)}
    counts = np.zeros((len(said), len(values)), dtype=int)
    for row, words in zip(counts, said, strict=True):
        for word in words:
            if word not in places:
                raise ValueError(f"What is said must be one of {values}. Received: {word!r}.")
            row[places[word]] += 1
    counts = counts[counts.sum(axis=1) > 1]
    total = counts.sum(axis=1)
    cells = {}
    for value, place in places.items():
        mine = counts[:, place]
        against = np.stack([mine, total - mine], axis=1)
        cells[value] = _cell(against, n=int((mine > 0).sum()), minimum=minimum)
    return {**_cell(counts, n=len(counts), minimum=minimum), "values": cells}


def _cell(counts: NDArray[np.int_], *, n: int, minimum: int) -> dict[str, Any]:
    found = alpha(counts) if n >= minimum else None
    if found is None:
        return {"n": n, "enough": False, "alpha": None, "low": None, "high": None}
    random = np.random.default_rng(SEED)
    drawn = [alpha(counts[random.integers(0, len(counts), len(counts))]) for _ in range(RESAMPLES)]
    low, high = np.quantile([one for one in drawn if one is not None], (0.025, 0.975))
    return {"n": n, "enough": True, "alpha": found, "low": float(low), "high": float(high)}
