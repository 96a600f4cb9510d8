"""How often the gate notices a rise: against simulated audits, and against the gate itself."""

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import binom, binomtest, norm

from modeltrain.audit.gaps import opened_gaps
from modeltrain.audit.grouping import Grouping
from modeltrain.gate.power import (
    GapTest,
    chance_of_notice,
    critical_p_value,
    images_to_notice,
    power_curve,
    smallest_rise,
)
from modeltrain.gate.sign_flips import sign_flips


def overlapping(random, images, axes, disagreement):
    """Which images are in each cell: all, and five groups on each axis; and which of them differ.

    Every image is a cluster of its own.
    """
    groups = random.integers(0, 5, (axes, images))
    members = [np.ones(images, bool)] + [axis == value for axis in groups for value in range(5)]
    return np.column_stack(members) * (random.random(images) < disagreement)[:, None]


@pytest.mark.parametrize(
    ("images", "rate", "rise", "p_value"),
    [(60, 0.05, 0.2, 0.001), (300, 0.1, 0.08, 0.003), (40, 0.0, 0.15, 0.01), (150, 0.4, 0.2, 0.02)],
)
def test_the_chance_is_that_of_simulated_mcnemar_tests(images, rate, rise, p_value):
    swapped = 0.2 * rate * (1 - rate)
    shares = [swapped + rise, swapped, 1 - rise - 2 * swapped]
    audits = np.random.default_rng(0).multinomial(images, shares, size=2_000).tolist()
    noticed = [
        wrong + right > 0
        and binomtest(wrong, wrong + right, 0.5, alternative="greater").pvalue
        - binom.pmf(wrong, wrong + right, 0.5) / 2
        < p_value
        for wrong, right, _ in audits
    ]
    chance = chance_of_notice(images=images, rate=rate, rise=rise, p_value=p_value)
    assert chance == pytest.approx(np.mean(noticed), abs=0.035)


@pytest.mark.parametrize(
    ("images", "rate", "rise", "p_value", "churn"),
    [(12, 0.4, 0.3, 0.05, 0.2), (30, 0.5, 0.2, 0.01, 1.0), (3_000, 0.3, 0.03, 0.001, 0.2)],
)
def test_the_chance_is_the_sum_over_all_counts_of_newly_right_images(
    images, rate, rise, p_value, churn
):
    swapped, chance = churn * rate * (1 - rate), 0.0
    every = np.arange(images + 1)
    for right in every[binom.pmf(every, images, swapped) > 1e-12]:
        wrong = np.arange(images - right + 1)
        share = (swapped + rise) / (1 - swapped)
        as_many = binom.pmf(wrong, wrong + right, 0.5)
        seen = binom.sf(wrong, wrong + right, 0.5) + as_many / 2 < p_value
        chances = binom.pmf(wrong, images - right, share)
        chance += binom.pmf(right, images, swapped) * chances[seen].sum()
    cell = {"images": images, "rate": rate, "p_value": p_value, "churn": churn}
    assert chance_of_notice(**cell, rise=rise) == pytest.approx(chance, abs=1e-3)
    if images < 100:  # no count is left out
        assert chance_of_notice(**cell, rise=rise) == pytest.approx(chance, rel=1e-9)


def test_the_chance_can_be_counted_on_fingers():
    """Of two images, both must be newly wrong to be seen at 1 in 5; nothing else changes."""
    assert chance_of_notice(images=2, rate=0, rise=0.3, p_value=0.2) == pytest.approx(0.09)
    assert chance_of_notice(images=2, rate=0, rise=0.3, p_value=1 / 8) == 0  # half of 1 in 4
    assert chance_of_notice(images=2.9, rate=0, rise=0.3, p_value=0.2) == pytest.approx(0.09)
    assert chance_of_notice(images=0, rate=0.1, rise=0.5, p_value=0.3) == 0


def test_figures_of_many_cells_are_those_of_each():
    images, rate = np.array([40.0, 400.0, 4_000.0]), np.array([0.01, 0.05, 0.3])
    together = smallest_rise(images=images, rate=rate, p_value=0.002)
    apart = [
        float(smallest_rise(images=count, rate=share, p_value=0.002))
        for count, share in zip(images, rate, strict=True)
    ]
    assert together == pytest.approx(apart)


@pytest.mark.parametrize("power", [0.5, 0.8])
def test_the_smallest_rise_is_noticed_with_that_chance_and_a_smaller_one_is_not(power):
    cell = {"images": np.array([50, 200, 5_000]), "rate": 0.05, "p_value": 0.001}
    rise = smallest_rise(**cell, power=power)
    assert (np.diff(rise) < 0).all()
    assert (chance_of_notice(**cell, rise=rise) >= power).all()
    assert (chance_of_notice(**cell, rise=rise - 0.001) < power).all()


def test_a_few_images_show_no_rise_at_all():
    """Eight newly wrong images are half of 1 in 256 by chance, nine half of 1 in 512."""
    assert np.isnan(smallest_rise(images=8, rate=0.01, p_value=0.001))
    assert smallest_rise(images=9, rate=0.0, p_value=0.001) == pytest.approx(
        0.8 ** (1 / 9), abs=1e-4
    )


def test_so_many_images_notice_a_rise():
    rise, rate = np.array([0.1, 0.05, 0.02, 0.9]), np.array([0.03, 0.03, 0.03, 0.5])
    needed = images_to_notice(rise=rise, rate=rate, p_value=0.0005)
    room = np.minimum(rise, 1 - rate)
    assert (chance_of_notice(images=needed, rate=rate, rise=room, p_value=0.0005) >= 0.8).all()
    fewer = chance_of_notice(images=needed - 1, rate=rate, rise=room, p_value=0.0005)
    assert (fewer < 0.8).all()
    assert (np.diff(needed[:3]) > 0).all()


def test_the_chance_of_a_gap_is_that_of_simulated_audits():
    """Ten points more mistakes in one of five groups, found by the gate's own test of gaps."""
    random, size, runs = np.random.default_rng(8), 150, 60
    test = GapTest(p_value=0.02 / 5, margin=0.02, level=0.95)
    groups = np.repeat(np.arange(5), size)
    axis = Grouping(list("abcde"), groups, np.zeros_like(groups), np.arange(len(groups)))
    for gap in (0.05, 0.1):
        named = 0
        for _ in range(runs):
            before = random.random(len(groups))
            redrawn = random.random(len(groups)) < 0.2
            after = np.where(redrawn, random.random(len(groups)), before) < 0.03
            after |= (groups == 0) & (random.random(len(groups)) < gap / 0.97)
            opened = opened_gaps(
                axis, {"error": (before < 0.03, after)}, margin=0.02, risk=0.02, lowest=0
            )
            named += "a" in {gap.now.value for gap in opened["error"]}
        chance = test.chance(images=size, rest=4 * size, rate=0.03, gap=gap)
        assert named / runs == pytest.approx(chance, abs=0.17)


def test_a_curve_is_the_smallest_rise_for_more_and_more_images():
    curve = power_curve(rate=0.05, p_value=0.0005, most=2_000)
    images = [step["images"] for step in curve]
    assert images == sorted(set(np.geomspace(10, 2_000, 40).round()))
    assert curve[0]["even"] is not None
    assert curve[0]["likely"] is None  # ten mistakes of ten are noticed, but seldom made
    rises = [(step["even"], step["likely"]) for step in curve if step["likely"]]
    assert all(even < likely for even, likely in rises)
    assert [likely for _, likely in rises] == sorted((r for _, r in rises), reverse=True)


@pytest.mark.parametrize(("images", "axes"), [(400, 2), (2_000, 8)])
def test_a_cell_is_worse_if_its_p_value_is_below_the_limit(images, axes):
    """The gate's own test decides of candidates that harm more and more images."""
    random = np.random.default_rng(3)
    differ = overlapping(random, images, axes, disagreement=0.05)
    limit = critical_p_value(sparse.csc_array(differ.astype(int)), risk=0.03)
    verdicts = []
    for share in np.linspace(0.5, 0.8, 25):
        signs = np.where(random.random(images) < share, 1, -1)
        tested = sign_flips(sparse.csc_array(differ * signs[:, None]), resamples=2_000)
        smallest = tested.p_values.min()
        if not 0.4 < smallest / limit < 2.5:  # near the limit, random signs decide
            verdicts.append((smallest < limit, tested.adjusted.min() <= 0.03))
    assert {worse for worse, _ in verdicts} == {True, False}
    assert all(expected == worse for expected, worse in verdicts)


def test_many_cells_lower_the_limit_and_aliases_do_not():
    differ = overlapping(np.random.default_rng(1), 1_000, 6, disagreement=0.2).astype(int)
    many = critical_p_value(sparse.csc_array(differ), risk=0.03)
    again = critical_p_value(sparse.csc_array(np.tile(differ, 3)), risk=0.03)
    assert many == again
    few = critical_p_value(sparse.csc_array(differ[:, :6]), risk=0.03)
    assert 0.03 / 62 < many < few < 0.03


def test_the_limit_of_cells_in_which_nothing_differs_is_the_risk():
    nothing = sparse.csc_array(np.zeros((50, 4), int))
    assert critical_p_value(nothing, risk=0.03) == pytest.approx(0.03)


def test_clusters_count_as_so_many_equal_ones():
    """Ten clusters of five newly wrong images each are ten differences, not fifty."""
    limit = critical_p_value(sparse.csc_array(np.full((10, 1), 5)), risk=0.03)
    assert limit == critical_p_value(sparse.csc_array(np.ones((10, 1), int)), risk=0.03)


def _change_of(rate, rise, churn):
    """The mean and the variance of one image's change, by every way it can go.

    Mistakes come on top of what is drawn anew, each with its own variance.
    """
    outcomes = [
        (churn * rate * (1 - rate), 1),  # right before, drawn anew, and wrong
        (churn * (1 - rate) * rate, -1),
    ]
    mean = sum(chance * change for chance, change in outcomes)
    square = sum(chance * change**2 for chance, change in outcomes)
    return mean + rise, square - mean**2 + rise * (1 - rise)


@pytest.mark.parametrize(
    ("images", "rest", "rate", "gap", "p_value", "level", "margin"),
    [
        (60, 240, 0.03, 0.1, 0.004, 0.95, 0.02),
        (60, 240, 0.3, 0.2, 0.2, 0.8, 0.02),  # the interval decides
        (200, 150, 0.2, 0.15, 0.001, 0.95, 0.02),  # the test decides
        (4000, 5000, 0.01, 0.03, 0.01, 0.95, 0.028),  # the margin decides
    ],
)
def test_the_chance_of_a_gap_is_that_of_a_normal_difference(
    images, rest, rate, gap, p_value, level, margin
):
    test = GapTest(p_value=p_value, margin=margin, level=level)
    mean, variance = _change_of(rate, gap, 0.2)
    rest_mean, rest_variance = _change_of(rate, 0, 0.2)
    spread = (variance / images + rest_variance / rest) ** 0.5
    # All images together: within the sides, and between them.
    everybody = images + rest
    grand_mean = (images * mean + rest * rest_mean) / everybody
    pooled = (
        images * (variance + (mean - grand_mean) ** 2)
        + rest * (rest_variance + (rest_mean - grand_mean) ** 2)
    ) / everybody
    alike = (pooled / images + pooled / rest) ** 0.5
    limit = max(norm.ppf(1 - p_value) * alike, norm.ppf(1 - (1 - level) / 2) * spread, margin)
    chance = test.chance(images=images, rest=rest, rate=rate, gap=gap, churn=0.2)
    assert chance == pytest.approx(norm.sf(limit, loc=mean, scale=spread), rel=1e-9)


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - `differences.astype(None)`: the same numbers, as floating-point numbers already.
# - `images_to_notice` starts or halves elsewhere: the search takes other steps to the same number.
