"""Clusters of mistakes are found without a name; mistakes at random are not taken for one."""

import hashlib

import numpy as np
import pytest
from scipy.stats import fisher_exact
from statsmodels.stats.proportion import confint_proportions_2indep

from modeltrain.audit import slices
from modeltrain.audit.fairness import clustered_rate, effective_sample_size, rate


def simulate(*, inside=0.8, outside=0.05, count=800, seed=0):
    """Features of images; the model is wrong on most of an eighth that shows the same thing."""
    random = np.random.default_rng(seed)
    special = np.arange(count) % 8 == 0
    features = np.abs(random.normal(0, 1, (count, 60)))
    features[special, :12] = 4 + random.normal(0, 0.2, (special.sum(), 12))
    wrong = random.random(count) < np.where(special, inside, outside)
    return features.astype(np.float32), wrong, [str(n) for n in range(count)], special


def test_a_planted_slice_is_found_first_and_counted_on_the_other_half():
    features, wrong, clusters, special = simulate()
    regions = slices.find(features, wrong, clusters)
    assert regions
    first = regions[0]
    assert special[first.members].mean() > 0.95
    assert first.inside["low"] < 0.8 < first.inside["high"]
    assert first.outside["rate"] < 0.2  # the fringe is outside too
    assert first.inside["n"] < special.sum()  # half of them
    assert 0 < first.low < 0.75 < first.high
    assert all(wrong[first.exemplars])
    assert len(first.exemplars) == 12
    assert [region.low for region in regions] == sorted(
        (region.low for region in regions), reverse=True
    )


@pytest.mark.parametrize("first_kind", [0, 1])
def test_the_surest_slice_comes_first(first_kind):
    """Of two kinds of images most are wrong: of the first kind 95%, of the other 60%."""
    random = np.random.default_rng(0)
    kind = np.arange(800) % 8
    features = np.abs(random.normal(0, 1, (800, 60)))
    for number in (0, 1):
        columns = slice(12 * number, 12 * number + 12)
        features[kind == number, columns] = 6 + random.normal(0, 0.2, (100, 12))
    shares = np.select([kind == first_kind, kind == 1 - first_kind], [0.95, 0.6], 0.02)
    wrong = random.random(800) < shares
    regions = slices.find(features.astype(np.float32), wrong, [str(n) for n in range(800)])
    assert [set(kind[region.members]) for region in regions] == [{first_kind}, {1 - first_kind}]
    assert regions[0].low > regions[1].low


def test_a_slice_holds_half_of_the_mistakes_that_it_was_made_from():
    features, wrong, clusters, special = simulate()
    region = slices.find(features, wrong, clusters)[0]
    first_half = np.array([slices._is_in_first_half(name) for name in clusters])
    assert 5 <= region.found_on <= (wrong & special & first_half).sum()
    members_in_first_half = np.zeros(800, bool)
    members_in_first_half[region.members] = True
    within = (members_in_first_half & wrong & first_half).sum()
    assert within == pytest.approx(region.found_on / 2, abs=2)


def test_mistakes_at_random_are_no_slice():
    regions = [slices.find(*simulate(inside=0.1, outside=0.1, seed=seed)[:3]) for seed in range(10)]
    assert sum(map(len, regions)) <= 1


def test_where_mistakes_are_rare_the_exact_test_decides_as_well(monkeypatch):
    images = simulate(inside=0.1, outside=0.02, seed=16)[:3]
    assert slices.find(*images) == []
    monkeypatch.setattr(slices, "_exact_p_value", lambda *_: 0.0)
    (region,) = slices.find(*images)  # its interval alone would show it
    assert region.low > 0


def test_few_mistakes_are_no_slice():
    features, _, clusters, _ = simulate(count=60)
    assert slices.find(features, [False] * 60, clusters) == []
    assert slices.find(features, [n < 3 for n in range(60)], clusters) == []


def names_in_half(count, *, first):
    """Cluster names that fall into one half."""
    names = (f"{'first' if first else 'second'} {n}" for n in range(10_000))
    return [name for name in names if slices._is_in_first_half(name) is first][:count]


def test_the_half_of_a_cluster_is_decided_by_its_name():
    halves = [slices._is_in_first_half(str(n)) for n in range(2000)]
    assert sum(halves) == pytest.approx(1000, abs=70)
    for name in map(str, range(2000)):
        first_byte = hashlib.sha256(f"slices: {name}".encode()).digest()[0]
        assert slices._is_in_first_half(name) is (first_byte < 128)


@pytest.mark.parametrize(("mistakes", "enough"), [(9, False), (10, True)])
def test_ten_mistakes_of_the_first_half_are_needed(mistakes, enough):
    # The first half holds the mistakes, all alike, and correct images that differ; the second half
    # has more of both, so that the region is wrong there and nothing else is.
    clusters = names_in_half(mistakes + 40, first=True) + names_in_half(120, first=False)
    wrong = [True] * mistakes + [False] * 40 + [True] * 80 + [False] * 40
    random = np.random.default_rng(0)
    features = np.where(np.array(wrong)[:, None], [0, 0, 9, 9], [9, 9, 0, 0]).astype(np.float32)
    features += random.random(features.shape).astype(np.float32) / 10
    regions = slices.find(features, wrong, clusters)
    assert bool(regions) is enough
    assert all(region.low > 0 for region in regions)


def test_without_a_second_half_nothing_is_found():
    clusters = names_in_half(60, first=True)
    features, wrong, _, _ = simulate(count=60)
    assert slices.find(features, wrong | True, clusters) == []


def test_the_rates_and_the_interval_are_those_of_the_second_half():
    # Ten images by distance; half of them in the second half, in pairs.
    distance = np.array([0.5, 0.1, 0.2, 0.3, 0.4, 1.0, 2.0, 3.0, 4.0, 5.0], np.float32)
    failed = np.array([1, 1, 0, 1, 1, 1, 0, 0, 0, 0], bool)
    second_half = np.array([1, 1, 1, 0, 1, 1, 1, 1, 1, 1], bool)
    clusters = ["a", "a", "b", "x", "c", "d", "e", "e", "f", "g"]
    region = slices._measure(distance, 0.5, failed, second_half, clusters, 7)
    inside = ([True, True, False, True], ["a", "a", "b", "c"])
    outside = ([True, False, False, False, False, False], ["d", "e", "e", "f", "g", "h"])
    outside = (outside[0][:5], ["d", "e", "e", "f", "g"])
    assert region.inside == clustered_rate(*inside)
    assert region.outside == clustered_rate(*outside)
    assert region.members == [1, 2, 3, 4, 0]
    assert region.exemplars == [1, 3, 4, 0]
    assert region.found_on == 7
    n_inside, n_outside = effective_sample_size(*inside), effective_sample_size(*outside)
    low, high = confint_proportions_2indep(
        3 / 4 * n_inside, n_inside, 1 / 5 * n_outside, n_outside, method="newcomb"
    )
    assert (region.low, region.high) == (low, high)
    # Newcombe (1998), Statistics in Medicine 17, 873–890, table II, (a): 56 of 70 and 48 of 80
    # differ by 0.0524 to 0.3339.
    low, high = confint_proportions_2indep(56, 70, 48, 80, method="newcomb", compare="diff")
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_the_interval_and_the_test_are_corrected_for_the_number_of_regions():
    distance = np.repeat(np.array([0, 1], np.float32), 50)
    failed = np.tile(np.array([1, 1, 0, 0, 0], bool), 20)
    failed[50:] = np.arange(50) < 5
    second_half, clusters = np.ones(100, bool), [str(n) for n in range(100)]
    alone, among_ten = (
        slices._measure(distance, 0.5, failed, second_half, clusters, 5, tested=tested)
        for tested in (1, 10)
    )
    low, high = confint_proportions_2indep(20, 50, 5, 50, method="newcomb", alpha=0.005)
    assert (among_ten.low, among_ten.high) == pytest.approx((low, high))
    assert among_ten.low < alone.low < alone.high < among_ten.high
    assert alone.p_value == pytest.approx(fisher_exact([[20, 30], [5, 45]], "greater").pvalue)
    assert among_ten.p_value == pytest.approx(10 * alone.p_value)
    assert slices._measure(distance, 0.5, ~failed, second_half, clusters, 5, tested=9).p_value == 1


def test_where_mistakes_are_at_random_none_of_many_regions_is_found():
    """At most 5% of audits; bench/slices.py draws more of them."""
    random = np.random.default_rng(7)
    audits_with_regions = 0
    for _ in range(8):
        thing = random.integers(0, 15, 600)
        features = 8 * np.repeat(np.eye(15), 4, axis=1)[thing] + random.normal(0, 0.5, (600, 60))
        wrong = random.random(600) < 0.3
        names = [str(n) for n in range(600)]
        audits_with_regions += bool(slices.find(np.abs(features).astype(np.float32), wrong, names))
    assert audits_with_regions == 0


@pytest.mark.parametrize("radius", [-1.0, 9.0])
def test_a_region_of_none_or_all_of_the_second_half_is_no_slice(radius):
    distance = np.arange(4, dtype=np.float32)
    everything = np.ones(4, bool)
    assert slices._measure(distance, radius, everything, everything, list("abcd"), 5) is None


def test_images_at_the_same_distance_stay_in_order():
    distance = np.tile(np.array([1, 0], np.float32), 50)
    failed, second_half = np.ones(100, bool), np.arange(100) < 96
    clusters = [str(n) for n in range(100)]
    region = slices._measure(distance, 0.5, failed, second_half, clusters, 5)
    assert region.members == list(range(1, 100, 2))
    assert region.exemplars == list(range(1, 25, 2))


def test_no_images_have_no_rate():
    assert slices._rate(np.array([True]), np.array([False]), ["a"]) == (rate(count=0, n=0), 0.0)


def test_features_are_square_roots_of_length_one_in_their_principal_axes():
    features = np.array([[4, 0], [0, 9], [1, 1], [-1, 16]], np.float32)
    half = 1 / np.sqrt(2)
    roots = np.array([[1, 0], [0, 1], [half, half], [0, 1]])
    reduced = slices._reduce(features)
    distances = np.linalg.norm(reduced[:, None] - reduced, axis=2)
    expected = np.linalg.norm(roots[:, None] - roots, axis=2)
    assert distances == pytest.approx(expected, abs=1e-6)
    assert reduced.mean(axis=0) == pytest.approx([0, 0], abs=1e-6)
    assert reduced[:, 0].var() > reduced[:, 1].var()
    wide = np.random.default_rng(0).random((30, 20)).astype(np.float32)
    assert slices._reduce(wide).shape == (30, 8)


def test_copies_of_one_mistake_count_as_one():
    features, wrong, _, special = simulate()
    alone = slices.find(features, wrong, [str(n) for n in range(800)])
    together = slices.find(
        features, wrong, [f"same {n % 9}" if special[n] else str(n) for n in range(800)]
    )
    assert alone
    assert not together or together[0].low < alone[0].low


def test_the_same_images_give_the_same_slices():
    assert slices.find(*simulate()[:3]) == slices.find(*simulate()[:3])


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - dtype=None: lists and arrays of bool stay what they are.
# - threadpool_limits(3) or (None): how many threads, not what they compute.
# - HDBSCAN without min_cluster_size (5 is the default) or without a copy (of an array of its own).
# - PCA without svd_solver or with another random_state: the full solver draws nothing.
# - method and compare: Newcombe's interval of the difference is the default, in any case.
# - region.low >= 0: the interval would have to end at 0 to the last bit.
# - kind="STABLE": numpy takes it too.
