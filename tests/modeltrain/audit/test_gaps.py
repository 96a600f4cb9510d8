"""Gaps between groups: counted on fingers, against fairlearn, and against brute force."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, mean_prediction
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.proportion import confint_proportions_2indep
from statsmodels.tools import add_constant

from modeltrain.audit.gaps import gaps, opened_gaps
from modeltrain.audit.grouping import Grouping


def axis_of(groups, *, strata=None, clusters=None):
    values = sorted(set(groups))
    n = len(groups)
    return Grouping(
        values=values,
        groups=np.array([values.index(group) for group in groups], dtype=int),
        strata=np.zeros(n, dtype=int) if strata is None else np.array(strata),
        clusters=np.arange(n) if clusters is None else np.array(clusters),
    )


def gap_of(all_gaps, value):
    return next(gap for gap in all_gaps if gap.value == value)


def tones(wrong_by_tone, *, drawings=61):
    """Drawings in several tones each, and how many of each tone are wrong (the first ones)."""
    names = "abcdefgh"[: len(wrong_by_tone)]
    groups = [tone for _ in range(drawings) for tone in names]
    clusters = [drawing for drawing in range(drawings) for _ in names]
    wrong = np.array([drawing < count for drawing in range(drawings) for count in wrong_by_tone])
    return axis_of(groups, clusters=clusters), wrong


def test_a_group_is_compared_with_all_others():
    (dark, light) = gaps(axis_of("ddddllllll"), np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0]))
    assert (dark.value, dark.n, dark.rest) == ("d", 4, 6)
    assert (dark.rate, dark.rest_rate) == pytest.approx((3 / 4, 1 / 6))
    assert dark.difference == pytest.approx(3 / 4 - 1 / 6)
    assert dark.ratio == pytest.approx(4.5)
    assert light.difference == pytest.approx(-dark.difference)
    assert dark.low < dark.difference < dark.high


def test_there_is_no_ratio_to_a_rate_of_zero():
    a, b = gaps(axis_of("aabb"), np.array([1, 0, 0, 0]))
    assert (a.ratio, a.ratio_high) == (None, None)
    assert a.ratio_low > 0
    assert (b.ratio, b.ratio_low) == (0, 0)
    assert b.ratio_high > 0


@pytest.mark.parametrize(("wrong", "rest_wrong"), [(40, 10), (15, 30), (30, 60), (90, 20)])
def test_the_interval_of_a_ratio_is_that_of_statsmodels(wrong, rest_wrong):
    """To 3%: the variance there is of one half event more."""
    happened = np.r_[np.arange(100) < wrong, np.arange(200) < rest_wrong]
    gap = gap_of(gaps(axis_of("a" * 100 + "b" * 200), happened, level=0.95**2), "a")
    expected = confint_proportions_2indep(
        wrong, 100, rest_wrong, 200, compare="ratio", method="log-adjusted", alpha=0.05
    )
    assert (gap.ratio_low, gap.ratio_high) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(("rate", "rest_rate"), [(0.3, 0.1), (0.1, 0.02)])
def test_the_interval_of_a_ratio_contains_the_truth_in_clusters(rate, rest_rate):
    random = np.random.default_rng(2)
    contained = 0
    for _ in range(400):
        shared = np.repeat(random.random(200), 5)
        chance = np.where(random.random(1000) < 0.5**0.5, shared, random.random(1000))
        happened = chance < np.where(np.arange(1000) < 250, rate, rest_rate)
        axis = axis_of("a" * 250 + "b" * 750, clusters=np.arange(1000) // 5)
        gap = gap_of(gaps(axis, happened, level=0.95**2), "a")
        contained += gap.ratio_low <= rate / rest_rate <= (gap.ratio_high or np.inf)
    assert 0.92 <= contained / 400 <= 0.99


def test_composition_does_not_speak_for_a_group():
    """Photographs are wrong half of the time, whoever is on them; most of group a are such."""
    groups = "a" * 10 + "b" * 10
    strata = [1] * 8 + [0] * 2 + [1] * 2 + [0] * 8
    wrong = np.array([1, 0] * 4 + [0] * 2 + [1, 0] + [0] * 8)
    crude = gap_of(gaps(axis_of(groups), wrong), "a")
    standardised = gap_of(gaps(axis_of(groups, strata=strata), wrong), "a")
    assert crude.difference == pytest.approx(0.3)
    assert standardised.rate == pytest.approx(0.4)
    assert standardised.rest_rate == pytest.approx(0.8 * 0.5)
    assert standardised.difference == pytest.approx(0)


def test_strata_without_both_sides_are_left_out():
    gap = gap_of(gaps(axis_of("aaabb", strata=[0, 0, 1, 0, 0]), np.array([1, 0, 1, 0, 0])), "a")
    assert (gap.n, gap.rest, gap.rate) == (2, 2, 0.5)
    assert gaps(axis_of("aab", strata=[0, 0, 1]), np.array([1, 0, 1])) == []
    (right, wrong) = gaps(axis_of("ab"), np.array([0, 1]))
    assert (right.n, right.rest, right.rate, right.rest_rate) == (1, 1, 0, 1)
    assert (wrong.difference, wrong.value) == (1, "b")


def test_an_axis_with_one_value_has_no_gap():
    assert gaps(axis_of("aaa"), np.array([1, 0, 1])) == []
    assert opened_gaps(axis_of("aaa"), {"x": (np.zeros(3, bool), np.ones(3, bool))}) == {"x": []}
    assert gaps(axis_of(""), np.array([])) == []


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("ab")), min_size=2, max_size=60))
@settings(max_examples=30, deadline=None)
def test_with_one_stratum_the_difference_is_fairlearns(images):
    events, groups = np.array([event for event, _ in images]), [group for _, group in images]
    all_gaps = gaps(axis_of(groups), events)
    frame = MetricFrame(
        metrics=mean_prediction, y_true=events, y_pred=events, sensitive_features=groups
    )
    for gap in all_gaps:
        assert abs(gap.difference) == pytest.approx(frame.difference())
        assert gap.rate == pytest.approx(frame.by_group[gap.value])


def sidak(groups, level=0.95):
    return norm.ppf(1 - (1 - level ** (1 / groups)) / 2)


def test_the_interval_is_that_of_statsmodels_between_clusters():
    random = np.random.default_rng(11)
    axis = axis_of(list("aabc") * 30, clusters=np.arange(120) // 5)
    wrong = random.random(120) < 0.4
    for place, gap in enumerate(gaps(axis, wrong, level=0.9)):
        fit = OLS(wrong.astype(float), add_constant((axis.groups == place).astype(float))).fit(
            cov_type="cluster", cov_kwds={"groups": axis.clusters, "use_correction": False}
        )
        assert gap.difference == pytest.approx(fit.params[1])
        reach = sidak(3, 0.9) * fit.bse[1] * np.sqrt(24 / 23)
        assert (gap.low, gap.high) == pytest.approx(
            (gap.difference - reach, gap.difference + reach)
        )


def test_a_standardised_interval_adds_up_what_each_cluster_lies_from_its_stratum():
    groups, strata = list("aab" * 10) + list("abb" * 10), [0] * 30 + [1] * 30
    axis = axis_of([*groups, "a"], strata=[*strata, 2], clusters=np.r_[np.arange(60) // 2, 30])
    wrong = np.array([n % 3 == 0 or n % 7 == 0 for n in range(61)])
    totals = dict.fromkeys(range(30), 0.0)
    shares = {0: 20 / 30, 1: 10 / 30}  # of group a's images
    for n in range(60):
        same = [m for m in range(60) if (groups[m], strata[m]) == (groups[n], strata[n])]
        away = wrong[n] - np.mean(wrong[same])
        sign = 1 if groups[n] == "a" else -1
        totals[n // 2] += sign * shares[strata[n]] * away / len(same)
    error = np.sqrt(30 / 29 * sum(total**2 for total in totals.values()))
    gap = gap_of(gaps(axis, wrong), "a")
    assert (gap.n, gap.rest) == (30, 30)
    assert gap.high - gap.difference == pytest.approx(sidak(2) * error)
    assert gap.difference - gap.low == pytest.approx(sidak(2) * error)


@pytest.mark.parametrize(
    ("events", "sizes", "adds"),
    [
        (0, [1] * 30, True),
        (30, [1] * 30, True),
        (1, [1] * 30, False),
        (1, [2] * 15, True),
        (1, [2, 2] + [1] * 26, False),  # 1 in 30 is as far from 0 as 1 in 28 + 2
    ],
)
def test_a_rate_near_0_or_1_adds_a_pseudo_count_of_its_clusters(events, sizes, adds):
    """30 images in clusters, beside 300 of which half are wrong; one more is comparable to none."""
    n, k = len(sizes), len(sizes) + 300
    clusters = np.r_[np.repeat(np.arange(n), sizes), np.arange(301) + n]
    wrong = np.r_[np.arange(30) < events, np.arange(301) < 150]
    groups, strata = "a" * 30 + "b" * 300 + "a", [0] * 330 + [1]
    gap = gap_of(gaps(axis_of(groups, clusters=clusters, strata=strata), wrong), "a")
    rate = events / 30
    totals = np.bincount(clusters[:30], weights=wrong[:30] - rate)
    variance = k / (k - 1) * ((totals**2).sum() / 30**2 + 0.25 / 300)
    if adds:
        nearest = min(rate, 1 - rate) + 1 / (n + 2)
        variance += nearest * (1 + 1 / (n + 2)) / (n + 2)
    assert gap.high == pytest.approx(gap.difference + sidak(2) * np.sqrt(variance))


def test_images_of_unequal_weight_count_as_fewer():
    """18 images in one stratum and 2 in another weigh as much as their groups there."""
    axis = axis_of("a" * 18 + "b" * 2 + "a" * 2 + "b" * 18, strata=[0] * 20 + [1] * 20)
    gap = gap_of(gaps(axis, np.zeros(40)), "a")
    weights = np.r_[np.full(2, 0.9 / 2), np.full(18, 0.1 / 18)]
    rest = 1 / (weights**2).sum()
    variance = sum((1 + 1 / (n + 2)) / (n + 2) ** 2 for n in (20, rest))
    assert gap.high == pytest.approx(sidak(2) * np.sqrt(variance))


def test_an_interval_ends_at_the_largest_possible_difference():
    axis = axis_of("aabb", clusters=[0, 0, 0, 0])
    events, changes = gaps(axis, np.array([1, 0, 1, 0])), gaps(axis, np.array([1, -1, 0, 0]))
    assert {(gap.low, gap.high) for gap in events} == {(-1, 1)}
    assert {(gap.low, gap.high) for gap in changes} == {(-2, 2)}
    two_clusters = gap_of(gaps(axis_of("aabb", clusters=[0, 0, 1, 1]), np.array([1, 0, 0, 0])), "a")
    assert two_clusters.low == pytest.approx(0.5 - sidak(2) * np.sqrt(1 / 3 * 4 / 3 / 3))


def test_without_any_event_there_is_still_doubt():
    gap = gap_of(gaps(axis_of("a" * 30 + "b" * 300), np.zeros(330)), "a")
    assert gap.difference == 0
    assert gap.low < -0.02
    assert gap.high > 0.02


def test_where_every_image_is_wrong_there_is_still_doubt():
    wrong = np.array([1] * 29 + [0] * 1000)
    clusters = [0] * 29 + list(range(1, 1001))
    gap = gap_of(gaps(axis_of("a" * 29 + "b" * 1000, clusters=clusters), wrong), "a")
    assert gap.difference == pytest.approx(1)
    assert gap.low < 0.2  # one cluster tells hardly anything
    assert gap.high == 1


def test_intervals_near_certainty_cover_the_truth():
    random = np.random.default_rng(6)
    axis = axis_of("a" * 31 + "b" * 500)
    truth = np.where(axis.groups == 0, 0.97, 0.9)
    covered = [
        gap.low <= 0.97 - 0.9 <= gap.high
        for _ in range(300)
        for gap in [gap_of(gaps(axis, random.random(531) < truth), "a")]
    ]
    assert np.mean(covered) >= 0.92  # 0.79 if the variance of 31 right answers were taken to be 0


def test_a_group_inside_one_cluster_has_an_interval():
    groups = "a" * 10 + "b" * 10
    all_gaps = gaps(axis_of(groups, clusters=[0] * 10 + list(range(1, 11))), np.array([1, 0] * 10))
    assert all(gap.low <= gap.difference <= gap.high for gap in all_gaps)
    one_cluster = gaps(axis_of(groups, clusters=[0] * 20), np.array([1, 0] * 10))
    assert all(gap.high - gap.low >= 2 for gap in one_cluster)  # nothing is known


def test_intervals_cover_the_true_gap_of_every_group_at_once():
    random = np.random.default_rng(2)
    groups, held, runs = list("abcd") * 150, 0, 200
    axis = axis_of(groups)
    rates = np.array([0.2, 0.1, 0.1, 0.1])
    rest = (rates.sum() - rates) / 3
    for _ in range(runs):
        all_gaps = gaps(axis, random.random(600) < rates[axis.groups])
        held += all(
            gap.low <= truth <= gap.high for gap, truth in zip(all_gaps, rates - rest, strict=True)
        )
    assert held >= 0.91 * runs


def test_a_gap_that_opened_for_dark_skin_is_found():
    """After a retrain: wrong on 7 of 61 drawings of dark skin, on 5 of 244 of the other tones."""
    axis, before = tones([60, 59, 60, 61, 60])
    _, now = tones([7, 1, 2, 1, 1])
    opened = opened_gaps(axis, {"error": (before, now)})["error"]
    widest = opened[0]
    assert (widest.now.rate, widest.now.rest_rate) == pytest.approx((7 / 61, 5 / 244))
    assert widest.before.difference == pytest.approx(60 / 61 - 240 / 244)
    assert widest.p_value < 0.01
    assert all(gap.p_value > 0.05 for gap in opened[1:])


@pytest.mark.parametrize("wrong", [61, 55, 49])
def test_whether_a_gap_opened_depends_on_where_the_champion_was_wrong(wrong):
    """It was wrong equally often in each tone: on the same drawings, or on others in each."""
    axis, same_drawings = tones([wrong] * 5)
    _, now = tones([7, 1, 2, 1, 1])
    random = np.random.default_rng(0)
    order = [random.permutation(61) * 5 + tone for tone in range(5)]
    scattered = np.zeros(305, dtype=bool)
    scattered[np.concatenate([drawings[:wrong] for drawings in order])] = True

    def p_value(before):
        return opened_gaps(axis, {"error": (before, now)})["error"][0].p_value

    assert p_value(same_drawings) < 0.01
    assert p_value(np.zeros(305, dtype=bool)) < 0.01  # the gap that is there now, by itself
    assert (p_value(scattered) < 0.05) == (wrong == 61)


def test_only_gaps_beyond_margin_risk_and_lowest_are_returned():
    axis, before = tones([30, 20, 10, 25])
    _, now = tones([31, 24, 13, 23])
    axis = replace(axis, strata=axis.clusters % 2)
    outcomes = {"miss": (now, before), "error": (before, now)}

    def opened(**limits):
        return opened_gaps(axis, outcomes, permutations=200, level=0.9, **limits)["error"]

    everything = opened()
    assert [gap.now.value for gap in everything] == list("abcd")
    p_values = [gap.p_value for gap in everything]
    assert len(set(p_values)) > 2
    for gap in everything:
        assert opened(risk=gap.p_value) == [
            other for other in everything if other.p_value <= gap.p_value
        ]
        for margin in (gap.change.difference + 1e-9, gap.now.difference + 1e-9):
            assert opened(margin=margin) == [
                other
                for other in everything
                if min(other.change.difference, other.now.difference) > margin
            ]
        assert gap not in opened(lowest=own_low(gap.change) + 1e-9)
        assert gap in opened(lowest=own_low(gap.change) - 1e-9)


def own_low(gap):
    """Of an interval for all of four groups, the lower end for this group alone."""
    return gap.difference - (gap.high - gap.difference) * norm.ppf(0.95) / sidak(4, 0.9)


def test_a_mistake_is_compared_in_the_strata_in_which_it_can_happen():
    axis = axis_of("aabb" * 3, strata=[0] * 4 + [1] * 8)
    outcomes = {kind: (np.zeros(12, bool), np.arange(12) % 4 == 0) for kind in "xyz"}
    possible = {
        "x": np.array([True, False]),
        "y": np.array([True, True]),
        "z": np.array([False, False]),
    }
    opened = opened_gaps(axis, outcomes, strata=possible, permutations=50)
    assert {kind: [gap.now.n for gap in gaps] for kind, gaps in opened.items()} == {
        "x": [2, 2],
        "y": [6, 6],
        "z": [],
    }


def test_what_changes_for_all_groups_alike_opens_no_gap():
    axis, before = tones([40] * 5)
    _, now = tones([3] * 5)
    assert [gap.p_value for gap in opened_gaps(axis, {"error": (before, now)})["error"]] == [1] * 5


def test_nothing_that_changed_is_no_gap():
    axis, before = tones([30, 20, 10])
    opened = opened_gaps(axis, {"error": (before, before)})["error"]
    assert [gap.p_value for gap in opened] == [1, 1, 1]
    assert [gap.change.difference for gap in opened] == [0, 0, 0]


def test_of_exchangeable_groups_few_seem_to_fall_behind():
    random = np.random.default_rng(4)
    axis = axis_of(list("abcdef") * 40)
    runs, false_findings = 150, 0
    for _ in range(runs):
        before, now = random.random(240) < 0.1, random.random(240) < 0.1
        opened = opened_gaps(axis, {"error": (before, now)}, permutations=300)["error"]
        false_findings += any(gap.p_value <= 0.05 for gap in opened)
    assert false_findings <= 17  # 7.5 expected


def test_two_groups_have_the_permutation_test_of_their_difference():
    """3 of 8 images change, all in group a: a chance of C(4, 3) / C(8, 3), and the same for b.

    The two groups mirror each other, so that the smallest p-value is twice as often as small.
    """
    before, now = np.zeros(8, bool), np.array([1, 1, 1, 0, 0, 0, 0, 0], bool)
    opened = opened_gaps(axis_of("aaaabbbb"), {"x": (before, now)}, permutations=20_000)["x"]
    assert opened[0].change.difference == pytest.approx(3 / 4)
    deals = list(combinations(range(8), 4))
    chance = np.mean([now[list(group_a)].sum() >= 3 for group_a in deals])
    assert opened[0].p_value == pytest.approx(2 * chance, abs=0.01)
    assert opened[1].p_value > 0.9


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - dtype=None, astype(None): numpy chooses a type that holds the same numbers.
# - weights >= 0 for the stratum means: images of weight 0 do not count in any stratum.
# - <= and >= at a limit: the two would have to be equal to the last bit.
# - a default risk of 2: no p-value is above 1.
