"""Groups dealt anew: sums of changes against every possible deal, and against exact moments."""

from itertools import permutations

import numpy as np
import pytest

from modeltrain.audit import deals
from modeltrain.audit.deals import StratumUnits, units_of

DEALS = 20_100  # the last batch is smaller


def of_units(groups, changes, *, strata=None, clusters=None):
    groups, n = np.array(groups), len(groups)
    strata = np.zeros(n, dtype=int) if strata is None else np.array(strata)
    clusters = np.arange(n) if clusters is None else np.array(clusters)
    shape = (int(strata.max()) + 1, int(groups.max()) + 1)
    return units_of(groups, strata, clusters, np.array(changes, dtype=np.int8), shape)


def every_deal(groups, changes):
    """The sum of each kind in each group, for every order of the groups: shape [orders, ...]."""
    changes = np.array(changes)
    return np.array(
        [
            [
                [change[np.array(order) == group].sum() for group in sorted(set(groups))]
                for change in changes
            ]
            for order in set(permutations(groups))
        ]
    )


def assert_same_moments(dealt, expected):
    """`dealt` has shape [kinds, groups, deals], `expected` [deals, kinds, groups]."""
    flat, all_flat = dealt.reshape(-1, dealt.shape[2]), expected.reshape(len(expected), -1).T
    assert flat.mean(axis=1) == pytest.approx(all_flat.mean(axis=1), abs=0.04)
    assert np.cov(flat) == pytest.approx(np.cov(all_flat, bias=True), abs=0.06)


def test_a_pool_is_dealt_as_often_as_all_deals_say():
    groups, changes = [0, 0, 0, 1, 1, 2], [[1, -1, 0, 1, 0, 0], [0, -1, 0, 1, 1, 0]]
    pools, blocks = of_units(groups, changes)
    (pool,) = pools
    assert pool.sizes.tolist() == [3, 2, 1]
    assert not len(blocks.strata)
    dealt = pool.deal(DEALS, np.random.default_rng(0))
    expected = every_deal(groups, changes)
    assert_same_moments(dealt, expected)
    for kind, group in ((0, 0), (0, 2), (1, 1)):
        for total in np.unique(expected[:, kind, group]):
            chance = (expected[:, kind, group] == total).mean()
            assert (dealt[kind, group] == total).mean() == pytest.approx(chance, abs=0.015)


def test_very_many_units_have_the_moments_of_the_exact_deal(monkeypatch):
    random = np.random.default_rng(1)
    pool = StratumUnits(
        0, np.array([600, 300, 150]), random.integers(-1, 2, (2, 800)).astype(np.int32)
    )
    normal = pool.deal(DEALS, np.random.default_rng(2))
    monkeypatch.setattr(deals, "_NORMAL", 10**9)
    exact = pool.deal(DEALS, np.random.default_rng(3))
    flat, exact_flat = normal.reshape(6, -1), exact.reshape(6, -1)
    assert flat.mean(axis=1) == pytest.approx(exact_flat.mean(axis=1), abs=0.4)
    assert np.cov(flat) == pytest.approx(np.cov(exact_flat), rel=0.05, abs=2.5)


def test_the_normal_sum_has_the_moments_of_the_exact_deal_of_few_units_too(monkeypatch):
    groups, changes = [0, 0, 0, 1, 1, 2], [[1, -1, 0, 1, 0, 0], [0, -1, 0, 1, 1, 0]]
    monkeypatch.setattr(deals, "_NORMAL", 0)
    (pool,), _ = of_units(groups, changes)
    dealt = pool.deal(DEALS, np.random.default_rng(0))
    assert_same_moments(dealt, every_deal(groups, changes))


def test_groups_of_a_mixed_cluster_are_dealt_within_it():
    """Two drawings in two tones each: each drawing has one of either, whatever is dealt."""
    pools, blocks = of_units([0, 1, 0, 1], [[1, 0, 1, 0]], clusters=[0, 0, 1, 1])
    assert pools == []
    totals = blocks.deal(np.ones((1, 1, 2)), DEALS, np.random.default_rng(0))[0]
    assert (totals.sum(axis=0) == 2).all()
    chances = [(totals[0] == count).mean() for count in (0, 1, 2)]
    assert chances == pytest.approx([0.25, 0.5, 0.25], abs=0.02)


def test_very_many_mixed_clusters_have_the_moments_of_the_exact_deal(monkeypatch):
    random = np.random.default_rng(4)
    drawings = 200
    groups = np.tile([0, 1, 2, 2], drawings)
    clusters, strata = np.repeat(np.arange(drawings), 4), np.repeat(np.arange(drawings) % 2, 4)
    changes = random.integers(-1, 2, (2, len(groups)))
    gain = random.random((2, 2, 3))
    _, blocks = of_units(groups, changes, clusters=clusters, strata=strata)
    exact = blocks.deal(gain, DEALS, np.random.default_rng(5)).reshape(6, -1)
    monkeypatch.setattr(deals, "_DEALT_IMAGES", 0)
    monkeypatch.setattr(deals, "_CELLS", 9 * 30)  # in several batches
    normal = blocks.deal(gain, DEALS, np.random.default_rng(6)).reshape(6, -1)
    assert normal.mean(axis=1) == pytest.approx(exact.mean(axis=1), abs=0.2)
    assert np.cov(normal) == pytest.approx(np.cov(exact), rel=0.08, abs=0.8)


def test_small_groups_of_mixed_clusters_are_dealt_one_by_one(monkeypatch):
    """A group in one block can have one change at most: a normal sum could have more."""
    groups = np.array([0, 1] * 50 + [2, 1])
    clusters = np.repeat(np.arange(51), 2)
    _, blocks = of_units(groups, [np.ones(102)], clusters=clusters)
    monkeypatch.setattr(deals, "_DEALT_IMAGES", 2)
    dealt = blocks.deal(np.ones((1, 1, 3)), 500, np.random.default_rng(0))
    assert set(dealt[0, 2]) == {1.0}


def test_a_cluster_of_one_group_is_one_unit_in_each_stratum():
    pools, blocks = of_units(
        [0, 0, 0, 1, 1],
        [[1, 1, -1, 0, 0]],
        clusters=[7, 7, 7, 3, 3],
        strata=[0, 0, 1, 1, 1],
    )
    assert not len(blocks.strata)
    assert [(pool.stratum, pool.sizes.tolist()) for pool in pools] == [(0, [1, 0]), (1, [1, 1])]
    assert [pool.changes.tolist() for pool in pools] == [[[2]], [[-1]]]


def test_clusters_of_one_group_and_of_several_lie_side_by_side():
    pools, blocks = of_units(
        [0, 1, 0, 1, 0, 1, 1],
        [[1, 1, -1, 0, 1, 1, 0]],
        clusters=[4, 2, 4, 3, 3, 2, 1],
    )
    (pool,) = pools  # two clusters of two images, and one image alone
    assert pool.sizes.tolist() == [1, 2]
    assert sorted(pool.changes[0].tolist()) == [2]  # the changes of cluster 4 cancel out
    assert blocks.starts.tolist() == [0, 2]
    assert sorted(zip(blocks.groups.tolist(), blocks.changes[0].tolist(), strict=True)) == [
        (0, 1),
        (1, 0),
    ]


def test_a_mixed_cluster_is_parted_by_stratum():
    _, blocks = of_units(
        [0, 1, 0, 1, 0, 1],
        [[1, 0, 0, 0, 0, 0]],
        clusters=[1, 1, 1, 1, 2, 2],
        strata=[0, 0, 1, 1, 0, 0],
    )
    # The other stratum and the other cluster have no change, so nothing depends on them.
    assert blocks.strata.tolist() == [0]
    assert blocks.starts.tolist() == [0, 2]
    assert sorted(zip(blocks.groups.tolist(), blocks.changes[0].tolist(), strict=True)) == [
        (0, 1),
        (1, 0),
    ]


def test_order_of_images_does_not_matter():
    random = np.random.default_rng(8)
    groups, clusters = random.integers(0, 3, 60), random.integers(0, 25, 60)
    changes = random.integers(-1, 2, (1, 60))
    order = random.permutation(60)

    def moments(rows):
        pools, blocks = of_units(groups[rows], changes[:, rows], clusters=clusters[rows])
        totals = sum(pool.deal(DEALS, np.random.default_rng(0)) for pool in pools)
        totals = totals + blocks.deal(np.ones((1, 1, 3)), DEALS, np.random.default_rng(1))
        return totals[0].mean(axis=1), np.cov(totals[0])

    (mean, covariance), (other_mean, other_covariance) = moments(np.arange(60)), moments(order)
    assert mean == pytest.approx(other_mean, abs=0.1)
    assert covariance == pytest.approx(other_covariance, abs=0.35)


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - "STABLE": numpy takes it too.
# - <= _NORMAL: one of two ways to the same distribution.
