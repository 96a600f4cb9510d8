"""Gaps between groups: counted on fingers, against fairlearn, and against brute force."""

from itertools import combinations

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, mean_prediction
from hypothesis import given, settings
from hypothesis import strategies as st

from modeltrain.audit.gaps import Grouping, gaps, opened_gaps, step_down


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
    assert gap_of(gaps(axis_of("aabb"), np.array([1, 0, 0, 0])), "a").ratio is None


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


def test_step_down_is_min_p_by_hand():
    """Two statistics in four resamples, worked out line by line."""
    drawn = np.array([[0.0, 1.0, 2.0, 3.0], [0.0, 5.0, 1.0, 2.0]])
    observed = np.array([3.0, 1.0])
    p_values = [1 / 4, 3 / 4]
    ranks = np.array([[4, 3, 2, 1], [4, 1, 3, 2]]) / 4
    smallest = ranks.min(axis=0)  # 1, 1/4, 1/2, 1/4
    first = ((smallest <= p_values[0]).sum() + 1) / 5
    second = ((ranks[1] <= p_values[1]).sum() + 1) / 5
    assert (first, second) == (3 / 5, 4 / 5)
    assert step_down(observed, drawn) == pytest.approx([first, second])


def test_equal_statistics_of_tests_that_are_dealt_alike_have_equal_p_values():
    drawn = np.random.default_rng(3).normal(size=(3, 200))
    observed = np.array([1.5, 1.5, 1.0])
    p_values = step_down(observed, drawn, np.array([0, 0, 1]))
    assert p_values[0] == p_values[1]
    exchanged = step_down(observed, drawn[[1, 0, 2]], np.array([0, 0, 1]))
    assert exchanged == pytest.approx(p_values)
    apart = step_down(observed, drawn)
    assert apart[:2] != pytest.approx(p_values[:2])


def test_step_down_agrees_with_a_brute_force():
    random = np.random.default_rng(9)
    drawn = random.normal(size=(6, 400))
    observed = np.array([3.2, 0.1, 2.4, -1.0, 1.9, 2.4])
    adjusted = step_down(observed, drawn)
    resamples = drawn.shape[1]
    p_values = [
        ((row >= seen).sum() + 1) / (resamples + 1)
        for row, seen in zip(drawn, observed, strict=True)
    ]
    order, largest = np.argsort(p_values, kind="stable"), 0.0
    for step, test in enumerate(order):
        as_extreme = 0
        for resample in range(resamples):
            chances = [(drawn[other] >= drawn[other, resample]).mean() for other in order[step:]]
            as_extreme += min(chances) <= p_values[test]
        largest = max(largest, (as_extreme + 1) / (resamples + 1))
        assert adjusted[test] == pytest.approx(max(largest, p_values[test]))
