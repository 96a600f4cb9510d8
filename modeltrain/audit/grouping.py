"""The groups of an axis, and among which images they are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.intp]


@dataclass(frozen=True)
class Grouping:
    """One axis of an audit set, of its n images that have a value on it.

    Attributes
    ----------
    values : sequence of str
    groups : array of int, shape [n]
        Places in `values`.
    strata : array of int, shape [n]
        What is compared with what, from 0 on.
    clusters : array of int, shape [n]
        Which images belong together, from 0 on.
    """

    values: Sequence[str]
    groups: Numbers
    strata: Numbers
    clusters: Numbers

    @property
    def shape(self) -> tuple[int, int]:
        """How many strata and groups there are."""
        return int(self.strata.max(initial=-1)) + 1, len(self.values)

    def counts(self) -> Numbers:
        """Return how many images there are of each stratum and group: shape [strata, groups]."""
        strata, groups = self.shape
        cells = self.strata * groups + self.groups
        return np.bincount(cells, minlength=strata * groups).reshape(strata, groups)

    def sums(self, happened: NDArray[Any]) -> NDArray[np.float64]:
        """Add up by stratum and group: shape [..., n] becomes [..., strata, groups]."""
        cells = self.strata * self.shape[1] + self.groups
        size = self.shape[0] * self.shape[1]
        sums = [
            np.bincount(cells[rows], weights=numbers[rows], minlength=size).reshape(self.shape)
            for numbers in happened
            for rows in [np.flatnonzero(numbers != 0)]
        ]
        return np.array(sums)

    def pair(
        self, value: str, other: str, *, among: NDArray[np.bool_] | bool = True
    ) -> tuple[Numbers, Grouping]:
        """Return which images are of two groups, and the grouping of these alone."""
        places = [self.values.index(value), self.values.index(other)]
        images = np.flatnonzero(np.isin(self.groups, places) & among)
        return images, Grouping(
            values=[value, other],
            groups=(self.groups[images] == places[1]).astype(np.intp),
            strata=self.strata[images],
            clusters=self.clusters[images],
        )

    def by_first_image(self) -> Grouping:
        """Return the same with groups and strata in the order of their first images.

        What is drawn for a group depends on its place, which names must not decide.
        """
        order = order_of_first(self.groups, len(self.values))
        strata = order_of_first(self.strata, self.shape[0])
        return Grouping(
            values=[self.values[place] for place in order],
            groups=np.argsort(order)[self.groups],
            strata=np.argsort(strata)[self.strata],
            clusters=self.clusters,
        )


def order_of_first(numbers: Numbers, count: int) -> Numbers:
    """Return the numbers from 0 to `count` in the order in which they first occur."""
    first = np.full(count, len(numbers))
    first[numbers[::-1]] = np.arange(len(numbers))[::-1]  # the last one assigned stays
    return np.argsort(first, kind="stable")
