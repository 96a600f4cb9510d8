"""Strata: images that agree on what groups are standardised by, and so can be compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from modeltrain.audit.columns import CLASS, Columns

Rows = NDArray[np.intp]


def strata_of(
    answers: Columns, rows: Rows, names: Sequence[str], *, within: Rows | None = None
) -> Rows:
    """Number the combinations of labels and groups that images have.

    Parameters
    ----------
    answers : Columns
    rows : array of int, shape [n]
        Images.
    names : sequence of str
        What images of one stratum agree on: axes, or `CLASS` for the right label. An axis that the
        manifest lacks is passed over; images without a value on an axis are alike in that.
    within : array of int, shape [n], optional
        Numbers of coarser strata, which are parted further.

    Returns
    -------
    numpy.ndarray of int, shape [n]
        From 0 on, each number in use, in the order of `within` and then of `names`.
    """
    strata = np.zeros(len(rows), dtype=np.intp) if within is None else within
    for name in names:
        if name == CLASS:
            strata = _parted(strata, answers.expected[rows])
        elif name in answers.groups:
            strata = _parted(strata, answers.groups[name][1][rows] + 1)
    return strata


def _parted(strata: Rows, numbers: NDArray[np.integer]) -> Rows:
    """Part strata by another number, and number those that exist from 0 on."""
    parted = strata * (int(numbers.max(initial=0)) + 1) + numbers
    exists = np.bincount(parted) > 0
    renumbered: Rows = (np.cumsum(exists) - 1)[parted]
    return renumbered
