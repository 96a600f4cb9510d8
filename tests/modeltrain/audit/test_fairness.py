"""Answers that can be counted on fingers, then agreement with the libraries that define them."""

import json
import math

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, mean_prediction
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.proportion import proportion_confint

from modeltrain.audit.fairness import (
    Clusters,
    cluster_numbers,
    clustered_rate,
    effective_sample_size,
    effective_sample_size_of_changes,
    mean_interval,
    rate,
    rates_by_group,
    values_by_axis,
    wilson_interval,
)

NO_DATA = {"count": 0, "n": 0, "clusters": 0, "rate": None, "low": None, "high": None}


def test_two_of_four_is_a_half():
    assert rate(count=2, n=4) == {
        "count": 2,
        "n": 4,
        "clusters": 4,
        "rate": 0.5,
        "low": pytest.approx(0.1500, abs=5e-5),
        "high": pytest.approx(0.8500, abs=5e-5),
    }


def test_no_images_are_no_data_and_not_zero():
    assert wilson_interval(count=0, n=0) is None
    assert rate(count=0, n=0) == NO_DATA


def test_wilson_gives_the_published_interval():
    # Newcombe (1998), Statistics in Medicine 17, 857–872, table I: 81 of 263 and 15 of 148.
    assert wilson_interval(count=81, n=263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(count=15, n=148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


def test_no_errors_still_have_an_upper_bound():
    low, high = wilson_interval(count=0, n=20)
    assert low == 0
    assert high == pytest.approx(0.1611, abs=5e-5)  # the same table: 0 of 20


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(max_examples=50, deadline=None)
def test_wilson_agrees_with_statsmodels_and_contains_the_rate(case):
    count, n = case
    interval = wilson_interval(count=count, n=n, level=0.9)
    assert interval == pytest.approx(proportion_confint(count, n, 0.1, "wilson"), abs=1e-12)
    assert interval[0] - 1e-12 <= count / n <= interval[1] + 1e-12


def test_an_interval_contains_rates_of_0_and_1_despite_rounding():
    """Statsmodels gives 0 of 3 a low of 5.6e-17."""
    for n in range(1, 100):
        none, every = (rate(count=k, n=n, effective=e) for k, e in ((0, n / 3), (n, 0)))
        assert (none["low"], every["high"]) == (0, 1)
        assert none["high"] < 1
        assert every["low"] > 0


@pytest.mark.parametrize(("count", "n"), [(-1, 3), (4, 3)])
def test_a_count_beyond_its_images_is_refused(count, n):
    with pytest.raises(ValueError, match=rf"within 0 and n\. Received: {count} of {n}\."):
        wilson_interval(count=count, n=n)


def test_a_rate_has_the_level_that_was_asked_for():
    for effective in (0.0, 100.0):
        figures = rate(count=20, n=100, level=0.8, effective=effective)
        expected = proportion_confint(20, 100, 0.2, "wilson")
        assert (figures["low"], figures["high"]) == pytest.approx(expected)


def test_a_clustered_rate_has_the_interval_of_its_effective_sample_size():
    figures = rate(count=20, n=100, level=0.8, clusters=40, effective=50)
    expected = proportion_confint(10, 50, 0.2, "wilson")
    assert (figures["low"], figures["high"]) == pytest.approx(expected)
    assert (figures["rate"], figures["clusters"]) == (0.2, 40)


def test_groups_are_counted_separately():
    rates = rates_by_group(
        events=[True, False, False, True, True], values=["dark", "dark", "light", "light", None]
    )
    assert list(rates) == ["dark", "light"]
    assert [(r["count"], r["n"], r["rate"]) for r in rates.values()] == [(1, 2, 0.5), (1, 2, 0.5)]


def test_images_need_not_be_sorted_by_group():
    rates = rates_by_group(
        events=[True, False, True, False, True, False],
        values=["b", "a", "c", "a", "b", "c"],
        clusters=["1", "2", "3", "3", "1", "4"],
    )
    assert {v: (r["count"], r["n"], r["clusters"]) for v, r in rates.items()} == {
        "a": (0, 2, 2),
        "b": (2, 2, 1),
        "c": (1, 2, 2),
    }


def test_one_group_has_the_same_shape_as_many():
    rates = rates_by_group(events=[True], values=["dark"])
    assert list(rates) == ["dark"]
    assert set(rates["dark"]) == {"count", "n", "clusters", "rate", "low", "high"}


def test_no_images_and_no_values_are_no_groups():
    assert rates_by_group(events=[], values=[]) == {}
    assert rates_by_group(events=[True], values=[None]) == {}


@pytest.mark.parametrize(
    ("events", "values", "clusters"),
    [([True], [], ["1"]), ([True], ["a"], []), ([], ["a"], ["1"])],
)
def test_events_values_and_clusters_must_match(events, values, clusters):
    received = f"{len(events)}, {len(values)} and {len(clusters)}"
    with pytest.raises(ValueError, match=f"same length. Received: {received}"):
        rates_by_group(events=events, values=values, clusters=clusters)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc")), min_size=1, max_size=40))
@settings(max_examples=30, deadline=None)
def test_rates_agree_with_fairlearn(images):
    events, values = [event for event, _ in images], [value for _, value in images]
    frame = MetricFrame(
        metrics=mean_prediction,
        y_true=np.array(events, int),
        y_pred=np.array(events, int),
        sensitive_features=values,
    )
    rates = rates_by_group(events=events, values=values)
    assert {v: r["rate"] for v, r in rates.items()} == pytest.approx(dict(frame.by_group), abs=1e-9)


def test_rates_are_ready_for_json():
    rates = rates_by_group(events=[np.bool_(True)], values=["a"])
    assert json.loads(json.dumps(rates)) == rates


def test_axes_and_values_are_read_from_the_images():
    groups = [{"tone": "light"}, {}, {"tone": "dark", "medium": "vector"}]
    assert list(values_by_axis(groups).items()) == [
        ("medium", ["vector"]),
        ("tone", ["dark", "light"]),
    ]


@pytest.mark.parametrize(
    "clusters",
    [
        ["b", "a", "b", "d"],
        np.array([3, 0, 3, 63]),  # counted: below 16 for each image
        np.array([3, 0, 3, 64]),  # sorted
        np.array([-1, -7, -1, 5]),
        np.array([3, 0, 3, 2**63], dtype=np.uint64),
    ],
)
def test_clusters_are_numbered_in_order_without_gaps(clusters):
    numbers = cluster_numbers(clusters)
    assert numbers.tolist() == [1, 0, 1, 2]
    assert numbers.dtype == np.intp


def test_no_images_have_no_clusters():
    assert cluster_numbers([]).tolist() == []
    assert cluster_numbers(np.array([], dtype=int)).tolist() == []


def test_independent_images_count_in_full():
    assert effective_sample_size([1, 0, 1, 1], ["a", "b", "c", "d"]) == 4
    assert effective_sample_size([1], ["a"]) == 1
    assert effective_sample_size([], []) == 0


def test_a_single_cluster_is_one_independent_image():
    assert effective_sample_size([0] * 9, ["a"] * 9) == 1
    assert effective_sample_size([0, 1, 1], ["a"] * 3) == 1
    assert effective_sample_size([0, 1], ["a"] * 2) == 1


def quantile_ratio(n, degrees_of_freedom, level=0.95):
    tail = 1 - (1 - level) / 2
    return (t.ppf(tail, n - 1) / t.ppf(tail, degrees_of_freedom)) ** 2


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_equal_values_have_the_greatest_design_effect(level):
    # Three clusters of 1, 2 and 3 images: (1 + 4 + 9) / 6 images count as one.
    expected = 6 / (14 / 6) * quantile_ratio(6, 2, level)
    clusters = ["a", "b", "b", "c", "c", "c"]
    assert effective_sample_size([0] * 6, clusters, level=level) == pytest.approx(expected)


def test_the_design_effect_is_counted_by_hand():
    # Four clusters of two; the second image of c and both of d are wrong: mean 3/8.
    # Independent images: variance (3/8 · 5/8) / 7. Clusters: totals minus 2 · 3/8 are -3/4, -3/4,
    # 1/4 and 5/4, whose squares sum to 11/4; times 4/3, divided by 8².
    values, clusters = [0, 0, 0, 0, 0, 1, 1, 1], list("aabbccdd")
    linearised = (4 / 3 * 11 / 4 / 64) / (15 / 64 / 7)
    # Analysis of variance: means 0, 0, 1/2, 1; between 2 · 44/64 / 3, within 1/2 / 4.
    between, within = 2 * 44 / 64 / 3, 1 / 2 / 4
    kish = 1 + (between - within) / (between + within)
    assert 1 < kish < linearised < 2
    design_effect = 0.75 * kish + 0.25 * linearised
    # Two clusters hold a rare value: 3 degrees of freedom for each are more than 4 - 1.
    expected = 8 / design_effect * quantile_ratio(8, 3)
    assert effective_sample_size(values, clusters) == pytest.approx(expected)


def test_the_design_effect_is_at_most_the_greatest_possible():
    # Clusters that agree within and differ between: 2 images count as one.
    values, clusters = [0, 0, 0, 0, 1, 1, 1, 1], list("aabbccdd")
    expected = 8 / 2 * quantile_ratio(8, 3)
    assert effective_sample_size(values, clusters) == pytest.approx(expected)


def test_the_design_effect_is_at_least_one():
    # Each cluster has one of each value, so the totals do not differ at all.
    values, clusters = [0, 1] * 4, list("aabbccdd")
    assert effective_sample_size(values, clusters) == pytest.approx(8 * quantile_ratio(8, 3))


def test_one_rare_cluster_counts_as_three_degrees_of_freedom():
    # Twenty pairs, one image wrong: mean 1/40, totals minus 1/20 are 19/20 once and -1/20.
    values = [1] + [0] * 39
    clusters = [str(number // 2) for number in range(40)]
    between = 20 / 19 * (19**2 + 19) / 400 / 1600
    design_effect = between / (39 / 1600 / 39)
    assert design_effect == pytest.approx(1)
    expected = 40 * quantile_ratio(40, 3)
    assert effective_sample_size(values, clusters) == pytest.approx(expected)


def test_the_rare_value_may_be_any_of_three():
    # Of differences -1, 0 and 1, 0 is the commonest; two clusters hold another.
    values = [0] * 36 + [1, 0, -1, 0]
    clusters = [str(number // 2) for number in range(40)]
    linearised = (20 / 19 * 2 / 1600) / (2 / 40 / 39)
    kish = 1 + (1 / 19 - 1 / 20) / (1 / 19 + 1 / 20)
    design_effect = 0.75 * kish + 0.25 * linearised
    expected = 40 / design_effect * quantile_ratio(40, 6)
    assert effective_sample_size(values, clusters) == pytest.approx(expected)


def test_five_copies_of_each_image_tell_little_more_than_one():
    once = [0, 1, 0, 0, 1, 0, 0, 0, 0, 1] * 4
    copies = [value for value in once for _ in range(5)]
    clusters = [str(number // 5) for number in range(len(copies))]
    assert effective_sample_size(copies, clusters) == pytest.approx(40, rel=0.06)


def test_cluster_members_that_differ_like_strangers_count_almost_in_full():
    random = np.random.default_rng(1)
    values = random.integers(0, 2, 1000)
    clusters = [str(number // 5) for number in range(1000)]
    assert 800 < effective_sample_size(values, clusters) <= 1000


def test_where_nothing_went_wrong_clusters_count_once():
    clusters = [str(n // 5) for n in range(100)]
    assert effective_sample_size([0] * 100, clusters) == pytest.approx(18, abs=1)


def test_clustered_intervals_are_wider_and_the_rate_is_the_same():
    events = [n < 20 for n in range(100)]
    clusters = [str(n // 5) for n in range(100)]
    (alone,) = rates_by_group(events=events, values=["x"] * 100).values()
    (together,) = rates_by_group(events=events, values=["x"] * 100, clusters=clusters).values()
    assert alone["rate"] == together["rate"]
    assert (alone["clusters"], together["clusters"]) == (100, 20)
    assert together["low"] < alone["low"] < alone["high"] < together["high"]


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_a_clustered_rate_scales_its_counts_to_the_effective_sample_size(level):
    events, clusters = [0, 0, 0, 0, 0, 1, 1, 1], list("aabbccdd")
    effective = effective_sample_size(events, clusters, level=level)
    expected = rate(count=3, n=8, level=level, clusters=4, effective=effective)
    assert clustered_rate(events, clusters, level=level) == expected
    by_group = rates_by_group(events=events, values=["x"] * 8, clusters=clusters, level=level)
    assert by_group == {"x": expected}
    assert clustered_rate([], []) == NO_DATA


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_the_interval_of_a_mean_is_the_usual_one_without_clusters(level):
    values = [0.1, 0.4, 0.2, 0.9, 0.3]
    low, high = mean_interval(values, list("abcde"), level=level)
    margin = t.ppf(1 - (1 - level) / 2, 4) * np.std(values, ddof=1) / math.sqrt(5)
    assert (low, high) == pytest.approx((np.mean(values) - margin, np.mean(values) + margin))


def test_the_interval_of_a_clustered_mean_is_the_sandwich_of_statsmodels():
    values, clusters = [0.1, 0.4, 0.2, 0.9, 0.3, 0.5], [0, 0, 1, 1, 1, 2]
    # statsmodels scales by k / (k - 1) · (n - 1) / (n - p), which is k / (k - 1) for a mean.
    fit = OLS(values, np.ones(6)).fit(cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True)
    expected = fit.conf_int()[0]
    assert mean_interval(values, list(map(str, clusters))) == pytest.approx(tuple(expected))


def test_the_mean_of_one_cluster_has_no_interval():
    assert mean_interval([0.1, 0.9], ["a", "a"]) is None
    assert mean_interval([], []) is None
    assert mean_interval([0.1, 0.9], ["a", "b"]) is not None


@given(
    st.lists(
        st.tuples(st.sampled_from([-1, 0, 0, 0, 1]), st.integers(0, 9)), min_size=3, max_size=60
    )
)
@settings(max_examples=60, deadline=None)
def test_a_design_effect_from_changed_images_alone_is_that_of_all_images(images):
    values = np.array([value for value, _ in images], dtype=float)
    members = cluster_numbers([cluster for _, cluster in images])
    n, sizes = len(values), np.bincount(members).astype(float)
    k = len(sizes)
    if k in (1, n) or (values == values[0]).all():
        return
    totals = np.bincount(members, weights=values)
    mean, greatest = values.mean(), (sizes**2).sum() / n
    variance = values.var(ddof=1) / n
    linearised = k / (k - 1) * ((totals - sizes * mean) ** 2).sum() / n**2 / variance
    between = (sizes * (totals / sizes - mean) ** 2).sum() / (k - 1)
    within = ((values - (totals / sizes)[members]) ** 2).sum() / (n - k)
    spread = between + ((n - greatest) / (k - 1) - 1) * within
    correlation = min(max((between - within) / spread, 0), 1) if spread > 0 else 0
    kish = 1 + correlation * (greatest - 1)
    expected = min(max(0.75 * kish + 0.25 * max(kish, linearised), 1), greatest)
    rare = values != max((-1.0, 0.0, 1.0), key=lambda kind: (values == kind).sum())
    touched = len(set(members[rare]))
    student = t.ppf(0.975, n - 1) / t.ppf(0.975, min(k - 1, 3 * touched))
    size = Clusters.of(members).effective_sample_size(values)
    assert size == pytest.approx(n / expected * student**2, rel=1e-6)
    narrow = Clusters.of(members).effective_sample_size(values.astype(np.int8))
    assert narrow == pytest.approx(size)


def test_clusters_are_counted_with_their_sizes():
    clusters = Clusters.of(["b", "a", "b", "b"])
    assert clusters.count == 2
    assert clusters.members.tolist() == [1, 0, 1, 1]
    assert clusters.sizes.tolist() == [1, 3]
    for names in (["a", "c", "b", "c"], [3, 7, 5, 7]):
        assert Clusters.of(names).members.tolist() == [0, 2, 1, 2]


def test_one_cluster_is_one_image():
    assert Clusters.of(["a"] * 30).effective_sample_size([0, 1] * 15) == 1


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from([-1, 0, 0, 0, 1])), min_size=1))
def test_the_effective_sample_size_of_changes_is_that_of_all_values(images):
    clusters = Clusters.of([cluster for cluster, _ in images])
    values = np.array([value for _, value in images], dtype=np.int8)
    changed = np.flatnonzero(values)
    size = effective_sample_size_of_changes(
        clusters.sizes, clusters.members[changed], values[changed], level=0.9
    )
    assert size == pytest.approx(clusters.effective_sample_size(values, level=0.9))


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - `cluster_numbers`: the conditions choose between a fast and a slow way to the same numbers.
# - dtype=None: numpy chooses a type that holds the same values.
# - tail = 1 - (1 + level) / 2: the other tail of a symmetric distribution, squared.
# - angle <= pi: the angle would have to be pi to the last bit.
# - argsort without "stable": the order within a group does not change its counts.
# - zip without `strict`: one part for each name.
