"""Groups dealt anew among comparable images: what chance alone would do to each group.

What is dealt is a unit: a cluster of one group, or an image of a cluster of several (one drawing
in five skin tones). Units keep their stratum, and images of such a cluster stay in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.intp]
Floats = NDArray[np.float64]

_NORMAL = 100  # changed units that a group can expect; the sum of more is normal
_KINDS_OF_CHANGE = 5_000  # times groups: how many are dealt exactly
_DEALT_IMAGES = 2_000  # of mixed clusters that are dealt one by one
_BATCH = 500  # deals that are added up at once
_CELLS = 2_000_000  # numbers in a batch of covariances


@dataclass(frozen=True)
class StratumUnits:
    """Units of one stratum, whose groups may be dealt in any order.

    Attributes
    ----------
    stratum : int
    sizes : array of int, shape [groups]
        How many of the units are of each group.
    changes : array of int, shape [kinds, changed]
        Of the units in which something changed.
    """

    stratum: int
    sizes: Numbers
    changes: NDArray[np.int32]

    def deal(self, deals: int, random: np.random.Generator) -> Floats:
        """Return what the changes in each group add up to: shape [kinds, groups, deals].

        How many units of each change fall on a group is multivariate hypergeometric. Of groups
        with very many, the sum is drawn from the normal distribution with the same covariance;
        how it goes with the sums of smaller groups is left out.
        """
        totals = np.zeros((len(self.changes), len(self.sizes), deals))
        expected = self.sizes * self.changes.shape[1] / max(self.sizes.sum(), 1)
        order = np.argsort(self.sizes, kind="stable")
        exact = order[(expected[order] > 0) & (expected[order] < _NORMAL)]
        if len(exact):
            kinds, counts = np.unique(self.changes, axis=1, return_counts=True)
            exact = exact[: max(1, _KINDS_OF_CHANGE // len(counts))]
            self._deal_exactly(totals, exact, kinds, counts, random)
        rest = order[(expected[order] > 0) & ~np.isin(order, exact)]
        if len(rest):
            self._deal_normally(totals, rest, random)
        return totals

    def _deal_normally(self, totals: Floats, groups: Numbers, random: np.random.Generator) -> None:
        shares = self.sizes[groups] / self.sizes.sum()
        covariance = np.diag(shares) - np.outer(shares, shares)
        kinds = np.flatnonzero(self.changes.any(axis=1))
        spread = _spread(self.changes[kinds], int(self.sizes.sum()))
        normal = random.standard_normal((len(kinds), len(groups) * totals.shape[2]))
        noise = (_root(spread) @ normal).reshape(len(kinds), len(groups), -1)
        mean = np.outer(self.changes[kinds].sum(axis=1), shares)
        totals[np.ix_(kinds, groups)] = mean[:, :, None] + _root(covariance) @ noise

    def _deal_exactly(
        self,
        totals: Floats,
        groups: Numbers,
        kinds: NDArray[np.int32],
        counts: Numbers,
        random: np.random.Generator,
    ) -> None:
        free = np.repeat(self.sizes[groups, None], totals.shape[2], axis=1)
        units = int(self.sizes.sum())
        for kind, count in zip(kinds.T, counts, strict=True):
            undealt = np.full(totals.shape[2], count)
            others = np.full(totals.shape[2], units)
            for place, group in enumerate(groups):
                others -= free[place]
                dealt = random.hypergeometric(free[place], others, undealt)
                totals[:, group] += kind[:, None] * dealt
                free[place] -= dealt
                undealt -= dealt
            units -= int(count)


@dataclass(frozen=True)
class Blocks:
    """Images of mixed clusters; each block's groups are dealt among its own images.

    Attributes
    ----------
    strata : array of int, shape [blocks]
    starts : array of int, shape [blocks + 1]
        Where each block's images begin.
    groups : array of int, shape [images]
    changes : array of int, shape [kinds, images]
    """

    strata: Numbers
    starts: Numbers
    groups: Numbers
    changes: NDArray[np.int32]

    def deal(self, gain: Floats, deals: int, random: np.random.Generator) -> Floats:
        """Return what the changes in each group add up to: shape [kinds, groups, deals].

        Parameters
        ----------
        gain : array of float, shape [kinds, strata, groups]
            What a change counts.
        """
        totals = np.zeros((len(self.changes), gain.shape[2], deals))
        if not len(self.strata):
            return totals
        apart = self._with_small_groups(gain.shape[2])
        sizes = np.diff(self.starts)
        for size in np.unique(sizes[apart]):
            self._deal_one_by_one(totals, np.flatnonzero(apart & (sizes == size)), gain, random)
        if not apart.all():
            mean, covariance = self._moments(np.flatnonzero(~apart), gain)
            normal = random.standard_normal((len(covariance), deals))
            noise = _root(covariance) @ normal
            totals += mean[:, :, None] + noise.reshape(totals.shape)
        return totals

    def _with_small_groups(self, groups: int) -> NDArray[np.bool_]:
        """Say which blocks are dealt one by one: all of a group, from the smallest on."""
        sizes = np.diff(self.starts)
        block = np.repeat(np.arange(len(sizes)), sizes)
        apart = np.zeros(len(sizes), dtype=bool)
        for group in np.argsort(np.bincount(self.groups, minlength=groups), kind="stable"):
            more = apart.copy()
            more[block[self.groups == group]] = True
            if sizes[more].sum() > _DEALT_IMAGES:
                break
            apart = more
        return apart

    def _deal_one_by_one(
        self, totals: Floats, blocks: Numbers, gain: Floats, random: np.random.Generator
    ) -> None:
        size = int(self.starts[blocks[0] + 1] - self.starts[blocks[0]])
        images = self.starts[blocks][:, None] + np.arange(size)
        groups, changes = self.groups[images], self.changes[:, images].reshape(len(totals), -1)
        changed = np.flatnonzero(changes.any(axis=0))
        strata = np.repeat(self.strata[blocks], size)[changed]
        for start in range(0, totals.shape[2], _BATCH):
            deals = min(_BATCH, totals.shape[2] - start)
            order = np.argsort(random.random((deals, *groups.shape), dtype=np.float32), axis=2)
            dealt = np.take_along_axis(groups[None], order, axis=2).reshape(deals, -1)[:, changed]
            cells = (dealt * deals + np.arange(deals)[:, None]).ravel()
            for kind, change in enumerate(changes[:, changed]):
                counted = gain[kind, strata, dealt] * change
                sums = np.bincount(cells, weights=counted.ravel(), minlength=gain.shape[2] * deals)
                totals[kind, :, start : start + deals] += sums.reshape(-1, deals)

    def _moments(self, blocks: Numbers, gain: Floats) -> tuple[Floats, Floats]:
        """Return mean and covariance of the sums: shapes [kinds, groups] and that squared."""
        kinds, _, groups = gain.shape
        mean = np.zeros((kinds, groups))
        covariance = np.zeros((kinds, groups, kinds, groups))
        step = max(1, _CELLS // (groups * groups))
        rows, columns = np.triu_indices(groups)
        for stratum in np.unique(self.strata[blocks]):
            same = blocks[self.strata[blocks] == stratum]
            for start in range(0, len(same), step):
                sums, spread, shares = self._block_moments(same[start : start + step], groups)
                by_group = np.ascontiguousarray(shares.T)
                labels = np.concatenate(
                    [-of_one * by_group[place:] for place, of_one in enumerate(by_group)]
                )
                labels[rows == columns] += by_group
                together = np.array(list(spread.values())) @ labels.T
                added = np.zeros((kinds, kinds, groups, groups))
                for (first, second), of_both in zip(spread, together, strict=True):
                    for kind, other in ((first, second), (second, first)):
                        added[kind, other, rows, columns] = of_both
                        added[kind, other, columns, rows] = of_both
                gains = gain[:, stratum]
                mean += gains * (sums @ shares)
                covariance += added.transpose(0, 2, 1, 3) * gains[:, :, None, None] * gains
        return mean, covariance.reshape(kinds * groups, kinds * groups)

    def _block_moments(
        self, blocks: Numbers, groups: int
    ) -> tuple[Floats, dict[tuple[int, int], Floats], Floats]:
        """Return of each block what changed, how that varies among its images, and its groups.

        Shapes [kinds, blocks]; [blocks] for each two kinds that change at all; [blocks, groups].
        """
        sizes = np.diff(self.starts)[blocks]
        block = np.repeat(np.arange(len(blocks)), sizes)
        within = np.arange(len(block)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        images = self.starts[blocks][block] + within
        cells = block * groups + self.groups[images]
        sizes_by_group = np.bincount(cells, minlength=len(blocks) * groups)
        changes = self.changes[:, images].astype(float)
        sums = np.array([np.bincount(block, weights=change) for change in changes])
        spread = {}
        changing = np.flatnonzero(changes.any(axis=1)).tolist()
        for first, second in combinations_with_replacement(changing, 2):
            together = np.bincount(block, weights=changes[first] * changes[second])
            apart = together - sums[first] * sums[second] / sizes
            spread[first, second] = apart * (sizes / np.maximum(sizes - 1, 1))
        return sums, spread, sizes_by_group.reshape(-1, groups) / sizes[:, None]


def _spread(changes: NDArray[np.int32], units: int) -> Floats:
    """Return how changes vary and covary among all units of a pool: shape [kinds, kinds]."""
    numbers = changes.astype(float)
    sums = numbers.sum(axis=1)
    spread: Floats = (numbers @ numbers.T - np.outer(sums, sums) / units) * units / (units - 1)
    return spread


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    root: Floats = vectors * np.sqrt(np.maximum(values, 0))
    return root


def units_of(
    groups: Numbers,
    strata: Numbers,
    clusters: Numbers,
    changes: NDArray[np.int8],
    shape: tuple[int, int],
) -> tuple[Sequence[StratumUnits], Blocks]:
    """Part images into what is dealt together.

    Parameters
    ----------
    groups, strata, clusters : array of int, shape [n]
    changes : array of int, shape [kinds, n]
    shape : (int, int)
        How many strata and groups there are.

    Returns
    -------
    list of StratumUnits
        Of the strata in which something changed.
    Blocks
        Of the mixed clusters in which something changed, parted by stratum.
    """
    in_clusters = np.flatnonzero(np.bincount(clusters)[clusters] > 1)
    changed: NDArray[np.bool_] = np.any(changes, axis=0)
    alone = np.ones(len(groups), dtype=bool)
    alone[in_clusters] = False
    sizes = _table(strata[alone], groups[alone], shape)
    changed_alone = np.flatnonzero(alone & changed)
    unit_strata = [strata[changed_alone]]
    unit_changes = [changes[:, changed_alone].astype(np.int32)]

    rows = in_clusters[np.argsort(clusters[in_clusters] * shape[0] + strata[in_clusters])]
    first = _first(clusters[rows])
    cluster_starts = np.flatnonzero(first)
    mixed_clusters = np.zeros(len(cluster_starts), dtype=bool)
    if len(rows):
        smallest = np.minimum.reduceat(groups[rows], cluster_starts)
        mixed_clusters = smallest != np.maximum.reduceat(groups[rows], cluster_starts)
    mixed = mixed_clusters[np.cumsum(first) - 1]
    first |= _first(strata[rows])

    whole, starts = rows[~mixed], np.flatnonzero(first[~mixed])
    if len(whole):
        units = whole[starts]
        sizes += _table(strata[units], groups[units], shape)
        changed_rows = np.flatnonzero(changed[whole])
        unit = np.searchsorted(starts, changed_rows, side="right") - 1
        begins = np.flatnonzero(_first(unit))
        sums = np.add.reduceat(changes[:, whole[changed_rows]], begins, axis=1, dtype=np.int32)
        unit_strata.append(strata[units[unit[begins]]][sums.any(axis=0)])
        unit_changes.append(sums[:, sums.any(axis=0)])
    all_strata, all_changes = np.concatenate(unit_strata), np.concatenate(unit_changes, axis=1)
    pools = [
        StratumUnits(int(stratum), sizes[stratum], all_changes[:, all_strata == stratum])
        for stratum in np.unique(all_strata)
    ]
    return pools, _blocks(rows[mixed], first[mixed], groups, strata, changes)


def _blocks(
    rows: Numbers,
    first: NDArray[np.bool_],
    groups: Numbers,
    strata: Numbers,
    changes: NDArray[np.int8],
) -> Blocks:
    block = np.cumsum(first) - 1
    changed = np.zeros(int(first.sum()), dtype=bool)
    changed[block[changes[:, rows].any(axis=0)]] = True
    touched = changed[block]
    rows, starts = rows[touched], np.flatnonzero(first[touched])
    return Blocks(
        strata=strata[rows[starts]],
        starts=np.append(starts, len(rows)),
        groups=groups[rows],
        changes=changes[:, rows].astype(np.int32),
    )


def _first(sorted_numbers: Numbers) -> NDArray[np.bool_]:
    """Say which entries differ from the one before."""
    first = np.ones(len(sorted_numbers), dtype=bool)
    first[1:] = sorted_numbers[1:] != sorted_numbers[:-1]
    return first


def _table(strata: Numbers, groups: Numbers, shape: tuple[int, int]) -> Numbers:
    """Count by stratum and group: shape [strata, groups]."""
    cells = strata * shape[1] + groups
    return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
