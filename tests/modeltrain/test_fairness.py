"""Answers that can be counted on fingers, then agreement with the libraries that define them."""

import json

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, mean_prediction
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from modeltrain.fairness import axes, rate, rates_by_group, wilson


def test_two_of_four_is_a_half():
    assert rate(count=2, n=4)["rate"] == 0.5


def test_no_images_is_no_data_and_not_zero():
    assert wilson(count=0, n=0) is None
    assert rate(count=0, n=0) == {"count": 0, "n": 0, "rate": None, "low": None, "high": None}


def test_wilson_gives_the_published_interval():
    # Newcombe (1998), Statistics in Medicine 17, 857–872, table I: 81 of 263 and 15 of 148.
    assert wilson(count=81, n=263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(count=15, n=148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


def test_none_wrong_still_has_an_upper_bound():
    low, high = wilson(count=0, n=20)
    assert low == 0
    assert high == pytest.approx(0.1611, abs=5e-5)  # the same table: 0 of 20


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_statsmodels_and_holds_the_rate(case):
    count, n = case
    interval = wilson(count=count, n=n, level=0.9)
    assert interval == pytest.approx(proportion_confint(count, n, 0.1, "wilson"), abs=1e-12)
    assert interval[0] - 1e-12 <= count / n <= interval[1] + 1e-12


@pytest.mark.parametrize(("count", "n"), [(-1, 3), (4, 3)])
def test_a_count_beyond_its_images_is_refused(count, n):
    with pytest.raises(ValueError, match="within 0 and n"):
        wilson(count=count, n=n)


def test_groups_are_counted_apart():
    rates = rates_by_group(
        events=[True, False, False, True, True], values=["dark", "dark", "light", "light", None]
    )
    assert list(rates) == ["dark", "light"]
    assert [(r["count"], r["n"], r["rate"]) for r in rates.values()] == [(1, 2, 0.5), (1, 2, 0.5)]


def test_one_group_has_the_same_shape_as_many():
    one = rates_by_group(events=[True], values=["dark"])
    assert list(one) == ["dark"]
    assert set(one["dark"]) == {"count", "n", "rate", "low", "high"}


def test_no_images_and_no_values_are_no_groups():
    assert rates_by_group(events=[], values=[]) == {}
    assert rates_by_group(events=[True], values=[None]) == {}


def test_events_and_values_must_match():
    with pytest.raises(ValueError, match="as many"):
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
    assert axes(groups) == {"medium": ["vector"], "tone": ["dark", "light"]}
