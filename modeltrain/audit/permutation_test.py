"""Which groups fall behind by more than chance? Groups dealt anew, and all of them corrected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modeltrain.audit.deals import Blocks, StratumUnits, units_of
from modeltrain.audit.grouping import Grouping

PERMUTATIONS = 2_000
SEED = 0

_AS_EXTREME = 5  # permutations that may be as extreme where the risk is smallest
_TIE = 1e-9  # rounding within which two statistics, or two chances, are the same

Numbers = NDArray[np.intp]
Floats = NDArray[np.float64]


def enough_permutations(risk: float, *, at_least: int = PERMUTATIONS) -> int:
    """Return how many permutations can show a p-value of `risk`, a chance above 0."""
    return max(at_least, math.ceil(_AS_EXTREME / risk))


@dataclass(frozen=True)
class PermutationTest:
    """The differences of groups, and what they are if the groups are dealt anew.

    Attributes
    ----------
    tested : array of bool, shape [kinds, groups]
        Which of them are looked at together; `tests` are these, in the same order.
    observed : array of float, shape [tests]
        The larger, the more extreme.
    dealt : StepDown
        The same differences where groups do not matter.
    """

    tested: NDArray[np.bool_]
    observed: Floats
    dealt: StepDown

    @classmethod
    def of(
        cls,
        axis: Grouping,
        changes: NDArray[np.int8],
        *,
        inside: Floats,
        outside: Floats,
        tested: NDArray[np.bool_],
        permutations: int = PERMUTATIONS,
        seed: int = SEED,
    ) -> PermutationTest:
        """Deal the groups of an axis anew.

        Within each cluster that has several groups, groups are dealt among its images of a stratum;
        otherwise among the clusters of a stratum.

        Parameters
        ----------
        axis : Grouping
            Of n images.
        changes : array of int, shape [kinds, n]
            What happened to each image; at least one is not 0.
        inside, outside : array of float, shape [kinds, strata, groups]
            What a change adds to the difference of a group, in it and out of it.
        tested : array of bool, shape [kinds, groups]
            At least one.
        permutations, seed : int
        """
        # The difference is a sum over strata of what the stratum's changes add wherever the groups
        # are, and of what they add in the group itself.
        gain = inside - outside
        sums = axis.sums(changes)
        base = np.einsum("ks,ksg->kg", sums.sum(axis=2), outside)
        observed = base + (sums * gain).sum(axis=1)
        drawn = np.repeat(base[:, :, None], permutations, axis=2)
        random = np.random.default_rng(seed)
        pools, blocks = units_of(axis.groups, axis.strata, axis.clusters, changes, axis.shape)
        for pool in pools:
            drawn += gain[:, pool.stratum, :, None] * pool.deal(permutations, random)
        drawn += blocks.deal(gain, permutations, random)
        kinds = np.arange(len(changes))[:, None]
        alike = len(changes) * _alike(axis, pools, blocks) + kinds
        return cls(tested, observed[tested], StepDown(drawn[tested], alike[tested]))

    def p_values(self) -> Floats:
        """Return the adjusted p-values: shape [kinds, groups], 1 where nothing is tested."""
        p_values = np.ones(self.tested.shape)
        p_values[self.tested] = self.dealt.p_values(self.observed)
        return p_values

    def critical_values(self, risk: float) -> Floats:
        """Return from which difference on a p-value is at most `risk`: shape [kinds, groups].

        Infinity where none is.
        """
        critical = np.full(self.tested.shape, math.inf)
        critical[self.tested] = self.dealt.critical_values(risk)
        return critical


def _alike(axis: Grouping, pools: Sequence[StratumUnits], blocks: Blocks) -> Numbers:
    """Number the groups so that those with the same number are dealt alike: shape [groups]."""
    in_blocks = np.bincount(blocks.groups, minlength=axis.shape[1]) > 0
    own = np.where(in_blocks, np.arange(axis.shape[1]) + 1, 0)
    dealt = np.vstack([axis.counts(), own, *(pool.sizes for pool in pools)])
    numbers: Numbers = np.unique(dealt, axis=1, return_inverse=True)[1].ravel()
    return numbers


class StepDown:
    """What statistics are where nothing is the matter, and how rare it is that they are as large.

    Parameters
    ----------
    drawn : array of float, shape [tests, resamples]
        All tests resampled together.
    alike : array of int, shape [tests], optional
        Tests with the same number have the same distribution where nothing is the matter, so that
        equal statistics get equal p-values, whatever was drawn for which.
    """

    def __init__(self, drawn: Floats, alike: Numbers | None = None) -> None:
        self._drawn = drawn
        self._alike = np.arange(len(drawn)) if alike is None else alike
        self._ranked = {
            kind: np.sort(drawn[self._alike == kind], axis=None) for kind in np.unique(self._alike)
        }

    @cached_property
    def _chances(self) -> Floats:
        """How rare each draw is in its own test: shape [tests, resamples]."""
        rows = [self._share(test, statistics) for test, statistics in enumerate(self._drawn)]
        return np.array(rows)

    def p_values(self, observed: Floats) -> Floats:
        """Return p-values adjusted for how many statistics were looked at (step-down min-p).

        Parameters
        ----------
        observed : array of float, shape [tests]
            The larger, the more extreme.
        """
        resamples = self._drawn.shape[1]
        p_values = np.array([self._share(test, seen) for test, seen in enumerate(observed)])
        order = np.argsort(p_values, kind="stable")
        steps = np.minimum.accumulate(self._chances[order[::-1]])[::-1]
        as_extreme = (steps <= p_values[order][:, None] + _TIE).sum(axis=1)
        adjusted = np.empty(len(observed))
        adjusted[order] = np.maximum.accumulate((as_extreme + 1) / (resamples + 1))
        own = (p_values * resamples + 1) / (resamples + 1)
        at_least_own: Floats = np.maximum(adjusted, own)
        return at_least_own

    def critical_values(self, risk: float) -> Floats:
        """Return how large each statistic must be to be that extreme among all of them.

        Parameters
        ----------
        risk : float
            In this share of resamples at most, some statistic is at least its critical value.

        Returns
        -------
        array of float, shape [tests]
            Infinity for a statistic that no draw makes extreme enough.
        """
        smallest = np.sort(self._chances.min(axis=0))
        allowed = int(risk * len(smallest))
        limit = smallest[allowed] - _TIE if allowed < len(smallest) else 1.0
        return np.array([self._value_at(test, limit) for test in range(len(self._drawn))])

    def _share(self, test: int, statistics: Floats) -> Floats:
        """Return the share of draws that are as large as each of these statistics."""
        draws = self._ranked[self._alike[test]]
        shares: Floats = 1 - np.searchsorted(draws, statistics - _TIE) / len(draws)
        return shares

    def _value_at(self, test: int, share: float) -> float:
        """Return the smallest draw that at most this share of the draws reaches, or infinity."""
        draws = self._ranked[self._alike[test]]
        allowed = int((share + _TIE / 2) * len(draws))
        if allowed >= len(draws):
            return float(draws[0])
        too_many = draws[len(draws) - allowed - 1] + _TIE  # and whatever is the same as that
        place = int(np.searchsorted(draws, too_many, side="right"))
        return float(draws[place]) if place < len(draws) else math.inf
