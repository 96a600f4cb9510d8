"""Promises against statsmodels' exact limits, and against what happens."""

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from modeltrain.audit.risk_control import promise


def group(*counts):
    """Independent images by how many hundredths they reach: pairs of reached and count."""
    reached = np.repeat([at for at, _ in counts], [count for _, count in counts])
    return reached, np.arange(len(reached))


def test_149_images_without_a_false_alarm_promise_two_percent():
    result = promise({"a": group((30, 149))}, limit=0.02)
    assert result.threshold == 31
    assert (result.groups["a"].independent, result.groups["a"].flagged) == (149, 0)
    assert result.groups["a"].more == 0


def test_148_images_promise_nothing_and_one_more_is_needed():
    result = promise({"a": group((30, 148)), "b": group((10, 400))}, limit=0.02)
    assert result.threshold is None
    assert (result.groups["a"].more, result.groups["b"].more) == (1, 0)
    assert result.groups["b"].own_threshold == 11
    assert result.groups["a"].own_threshold is None


@pytest.mark.parametrize("flagged", [1, 3, 10])
def test_false_alarms_need_as_many_more_images_as_the_exact_limit_says(flagged):
    (risk,) = promise({"a": group((100, flagged), (5, 150))}, limit=0.1).groups.values()
    needed = 150 + flagged + risk.more
    for n, enough in ((needed, True), (needed - 1, risk.more == 0)):
        _, high = proportion_confint(flagged, n, alpha=0.1, method="beta")
        assert (high <= 0.1) == enough


def test_the_threshold_is_the_last_before_the_exact_limit_is_passed():
    random = np.random.default_rng(0)
    reached = random.integers(0, 60, 1000)
    result = promise({"a": (reached, np.arange(1000))}, limit=0.05)
    highs = [
        proportion_confint((reached >= at).sum(), 1000, alpha=0.1, method="beta")[1]
        for at in range(101)
    ]
    assert result.threshold == min(at for at in range(101) if max(highs[at:]) <= 0.05)
    assert result.groups["a"].own_threshold == result.threshold
    assert result.groups["a"].flagged == (reached >= result.threshold).sum()
    assert promise({"a": group((99, 149))}, limit=0.02).threshold == 100


def test_the_group_with_the_most_false_alarms_decides():
    quiet, loud = group((20, 300)), group((20, 280), (80, 20))
    assert promise({"quiet": quiet}, limit=0.02).threshold == 21
    both = promise({"quiet": quiet, "loud": loud}, limit=0.02)
    assert both.threshold == 81
    assert (both.groups["quiet"].own_threshold, both.groups["loud"].own_threshold) == (21, 81)


def test_thresholds_of_their_own_share_the_risk():
    groups = {name: group((30, 150)) for name in "abcd"}
    result = promise(groups, limit=0.02)
    assert result.threshold == 31  # one promise: no correction
    assert {risk.own_threshold for risk in result.groups.values()} == {None}  # four promises


def test_near_copies_count_as_one_image():
    reached, clusters = np.full(745, 30), np.arange(745) // 5
    result = promise({"a": (reached, clusters)}, limit=0.02)
    assert (result.threshold, result.groups["a"].independent) == (31, 149)
    assert promise({"a": (reached, clusters // 2)}, limit=0.02).threshold is None
    mixed = {"a": (np.random.default_rng(0).integers(0, 101, 900), np.arange(900) // 3)}
    assert promise(mixed, limit=0.3) == promise(mixed, limit=0.3)


def test_no_number_of_images_helps_where_too_many_have_the_highest_score():
    result = promise({"a": group((100, 5), (10, 95))}, limit=0.02)
    assert result.threshold is None
    assert result.groups["a"].more is None
    (at_the_limit,) = promise({"a": group((100, 1), (10, 9))}, limit=0.1).groups.values()
    assert at_the_limit.more is None


def test_a_group_without_images_needs_all_of_them():
    result = promise({"a": group((0, 200)), "b": group()}, limit=0.02)
    assert result.threshold is None
    assert (result.groups["b"].independent, result.groups["b"].more) == (0, 149)
    assert promise({}, limit=0.02).threshold is None


def test_a_promise_is_broken_at_most_5_times_of_100():
    # A false-alarm rate of 1 - t/100 at threshold t, in three groups, in pairs of near copies.
    random, broken = np.random.default_rng(1), 0
    for _ in range(300):
        groups = {}
        for name in "abc":
            reached = np.repeat(random.integers(0, 100, 60), 2)
            groups[name] = (reached, np.arange(120) // 2)
        result = promise(groups, limit=0.2)
        broken += 1 - result.threshold / 100 > 0.2 if result.threshold is not None else 0
    assert broken <= 0.05 * 300


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("name", ["limit", "confidence"])
def test_a_limit_and_a_confidence_lie_between_0_and_1(name, value):
    with pytest.raises(ValueError, match=f"^The {name} must be above 0 and below 1. Received: "):
        promise({}, **{"limit": 0.02, name: value})


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - < risk: a binomial chance would have to be the risk to the last bit.
