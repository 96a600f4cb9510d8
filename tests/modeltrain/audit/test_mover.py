"""Intervals of differences and ratios: against statsmodels, and where rates are 0."""

import math

import pytest
from statsmodels.stats.proportion import confint_proportions_2indep

from modeltrain.audit.fairness import rate
from modeltrain.audit.mover import IntervalEstimate, difference_interval, ratio_interval


def estimate(count, n):
    figures = rate(count=count, n=n)
    return IntervalEstimate(figures["rate"], figures["low"], figures["high"])


@pytest.mark.parametrize(
    ("count", "n", "rest_count", "rest_n"),
    [(40, 100, 10, 200), (3, 60, 5, 300), (0, 50, 4, 80), (30, 30, 20, 40), (0, 20, 0, 30)],
)
def test_an_independent_difference_has_newcombes_interval(count, n, rest_count, rest_n):
    interval = difference_interval(estimate(count, n), estimate(rest_count, rest_n))
    expected = confint_proportions_2indep(
        count, n, rest_count, rest_n, compare="diff", method="newcomb"
    )
    assert interval == pytest.approx(expected)


@pytest.mark.parametrize(("count", "rest_count"), [(40, 20), (15, 30), (8, 9)])
def test_a_ratio_has_nearly_the_interval_of_statsmodels_score_test(count, rest_count):
    interval = ratio_interval(estimate(count, 100), estimate(rest_count, 200))
    expected = confint_proportions_2indep(
        count, 100, rest_count, 200, compare="ratio", method="score"
    )
    assert interval == pytest.approx(expected, rel=0.04)


def test_the_limits_of_a_ratio_solve_its_equation():
    """At each limit θ, the interval of first - θ second ends at 0."""
    first, second = estimate(12, 80), estimate(30, 90)
    for correlation in (0.0, 0.4, 0.9):
        for limit, end in zip(
            ratio_interval(first, second, correlation=correlation), (0, 1), strict=True
        ):
            scaled = IntervalEstimate(*(limit * value for value in second))
            difference = difference_interval(first, scaled, correlation=correlation)
            assert difference[end] == pytest.approx(0, abs=1e-9)


def test_what_is_alike_on_both_sides_makes_intervals_narrower():
    first, second = estimate(30, 100), estimate(20, 100)
    for interval in (difference_interval, ratio_interval):
        widths = [
            high - low
            for correlation in (0.0, 0.5, 0.95)
            for low, high in [interval(first, second, correlation=correlation)]
        ]
        assert widths == sorted(widths, reverse=True)
        assert widths[-1] < widths[0] / 2


def test_a_ratio_to_a_rate_of_zero_has_no_upper_end():
    never, sometimes = estimate(0, 100), estimate(20, 100)
    low, high = ratio_interval(sometimes, never)
    assert low > 1
    assert high == math.inf
    low, high = ratio_interval(never, sometimes)
    assert low == 0
    assert high < 1
    assert ratio_interval(never, never) == (0, math.inf)
    nothing = IntervalEstimate(0, 0, 0)
    assert ratio_interval(sometimes, nothing) == (math.inf, math.inf)
