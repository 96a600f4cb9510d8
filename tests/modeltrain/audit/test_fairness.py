"""Answers that can be counted on fingers, then agreement with the libraries that define them."""

import json

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, mean_prediction
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_confint, proportion_effectsize

from modeltrain.audit.fairness import (
    effective_sample_size,
    minimum_detectable_change,
    rate,
    rates_by_group,
    values_by_axis,
    wilson_interval,
)


def test_two_of_four_is_a_half():
    assert rate(count=2, n=4)["rate"] == 0.5


def test_no_images_is_no_data_and_not_zero():
    assert wilson_interval(count=0, n=0) is None
    nothing = rate(count=0, n=0)
    assert (nothing["n"], nothing["clusters"], nothing["rate"], nothing["low"]) == (
        0,
        0,
        None,
        None,
    )


def test_wilson_gives_the_published_interval():
    # Newcombe (1998), Statistics in Medicine 17, 857–872, table I: 81 of 263 and 15 of 148.
    assert wilson_interval(count=81, n=263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(count=15, n=148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


def test_none_wrong_still_has_an_upper_bound():
    low, high = wilson_interval(count=0, n=20)
    assert low == 0
    assert high == pytest.approx(0.1611, abs=5e-5)  # the same table: 0 of 20


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_statsmodels_and_holds_the_rate(case):
    count, n = case
    interval = wilson_interval(count=count, n=n, level=0.9)
    assert interval == pytest.approx(proportion_confint(count, n, 0.1, "wilson"), abs=1e-12)
    assert interval[0] - 1e-12 <= count / n <= interval[1] + 1e-12


@pytest.mark.parametrize(("count", "n"), [(-1, 3), (4, 3)])
def test_a_count_beyond_its_images_is_refused(count, n):
    with pytest.raises(ValueError, match="within 0 and n"):
        wilson_interval(count=count, n=n)


def test_groups_are_counted_apart():
    rates = rates_by_group(
        events=[True, False, False, True, True], values=["dark", "dark", "light", "light", None]
    )
    assert list(rates) == ["dark", "light"]
    assert [(r["count"], r["n"], r["rate"]) for r in rates.values()] == [(1, 2, 0.5), (1, 2, 0.5)]


def test_one_group_has_the_same_shape_as_many():
    one = rates_by_group(events=[True], values=["dark"])
    assert list(one) == ["dark"]
    assert set(one["dark"]) == {"count", "n", "clusters", "rate", "low", "high"}


def test_no_images_and_no_values_are_no_groups():
    assert rates_by_group(events=[], values=[]) == {}
    assert rates_by_group(events=[True], values=[None]) == {}


def test_events_and_values_must_match():
    with pytest.raises(ValueError, match="same length"):
        rates_by_group(events=[True], values=[])


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc")), min_size=1, max_size=40))
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


def test_axes_are_what_the_images_say():
    groups = [{"tone": "light"}, {}, {"tone": "dark", "medium": "vector"}]
    assert values_by_axis(groups) == {"medium": ["vector"], "tone": ["dark", "light"]}


def test_images_that_are_alone_count_as_what_they_are():
    assert effective_sample_size([1, 0, 1, 1], ["a", "b", "c", "d"]) == 4


def test_five_copies_of_each_image_tell_little_more_than_one():
    once = [0, 1, 0, 0, 1, 0, 0, 0, 0, 1] * 4
    copies = [value for value in once for _ in range(5)]
    clusters = [str(number // 5) for number in range(len(copies))]
    assert effective_sample_size(copies, clusters) == pytest.approx(40, rel=0.06)


def test_images_of_a_cluster_that_differ_as_others_do_count_almost_in_full():
    random = np.random.default_rng(1)
    values = random.integers(0, 2, 1000)
    clusters = [str(number // 5) for number in range(1000)]
    assert 800 < effective_sample_size(values, clusters) <= 1000


def test_where_nothing_went_wrong_clusters_count_once():
    assert effective_sample_size([0] * 100, [str(n // 5) for n in range(100)]) == pytest.approx(
        18, abs=1
    )
    assert effective_sample_size([0] * 9, ["a"] * 9) == 1


def test_clustered_intervals_are_wider_and_the_rate_is_the_same():
    events = [n < 20 for n in range(100)]
    clusters = [str(n // 5) for n in range(100)]
    (alone,) = rates_by_group(events=events, values=["x"] * 100).values()
    (together,) = rates_by_group(events=events, values=["x"] * 100, clusters=clusters).values()
    assert alone["rate"] == together["rate"]
    assert (alone["clusters"], together["clusters"]) == (100, 20)
    assert together["low"] < alone["low"] < alone["high"] < together["high"]


@given(st.integers(1, 2000), st.floats(0, 1))
def test_the_smallest_change_is_what_statsmodels_gives_80_percent_to(n, error_rate):
    change = minimum_detectable_change(error_rate=error_rate, n=n)
    if change is not None:
        effect = proportion_effectsize(error_rate + change, error_rate)
        power = NormalIndPower().power(effect, n, 0.05, ratio=1, alternative="larger")
        one_sided = NormalIndPower().power(effect, n, 0.025, ratio=1, alternative="larger")
        assert one_sided == pytest.approx(0.8, abs=1e-6)
        assert power > one_sided


def test_a_few_images_show_no_change_at_all():
    assert minimum_detectable_change(error_rate=0.9, n=5) is None
    assert minimum_detectable_change(error_rate=0.1, n=0) is None
