"""What a mistake does, at each decision rule."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeltrain.audit import evaluate
from modeltrain.audit.harm import (
    CONFUSION,
    FALSE_ALARM,
    MEASURES,
    MISS,
    DecisionRule,
    can_happen,
    hundredths,
    nsfw_score,
    possible,
)
from modeltrain.labels import LABELS, NSFW, error_kind

DRAWINGS, HENTAI, NEUTRAL, PORN, SEXY = range(5)


def scores_of(*rows):
    return np.array(rows, dtype=np.float32)


@pytest.mark.parametrize("hundredth", range(101))
def test_a_score_reaches_as_many_hundredths_as_are_written(hundredth):
    """0.29 · 100 is 28.999999999999996."""
    for score in (float(f"{hundredth / 100:.2f}"), np.float32(hundredth / 100)):
        assert hundredths([score]).tolist() == [hundredth]


def test_a_score_between_two_hundredths_reaches_the_lower():
    assert hundredths([0.2899, 0.2999, 0.9999, 0.0099, 1.02]).tolist() == [28, 29, 99, 0, 100]
    assert hundredths([]).tolist() == []


def test_the_nsfw_score_is_a_sum_of_three_capped_at_one():
    scores = scores_of([0.5, 0.1, 0.2, 0.15, 0.05], [0, 0.5, 0, 0.5001, 0.0])
    assert nsfw_score(scores) == pytest.approx([0.3, 1.0])


@given(st.lists(st.integers(0, 40).map(lambda score: score / 100), min_size=5, max_size=5))
@settings(max_examples=50, deadline=None)
def test_the_nsfw_score_is_that_of_audits(values):
    by_label = dict(zip(LABELS, values, strict=True))
    expected = evaluate.nsfw_score(by_label)
    assert nsfw_score(scores_of(values))[0] == pytest.approx(expected, abs=1e-6)


@given(st.lists(st.integers(0, 333), min_size=3, max_size=3))
def test_written_scores_are_binned_alike_by_audits_and_gate(thousandths):
    """0.001 and 0.299 are 0.3, in float32 and in JSON."""
    written = dict.fromkeys(LABELS, 0.0) | dict(
        zip(sorted(NSFW), [n / 1000 for n in thousandths], strict=True)
    )
    in_columns = nsfw_score(np.array([list(written.values())], dtype=np.float32))
    whole = sum(thousandths) // 10
    assert hundredths(in_columns).tolist() == [whole]
    assert hundredths([evaluate.nsfw_score(written)]).tolist() == [whole]


@pytest.mark.parametrize("expected", range(5))
@pytest.mark.parametrize("predicted", range(5))
def test_mistakes_by_the_highest_score_are_the_kinds_of_error(expected, predicted):
    scores = scores_of(np.eye(5)[predicted])
    mistakes = DecisionRule().mistakes(expected=np.array([expected], dtype=np.uint8), scores=scores)
    kind = error_kind(expected=LABELS[expected], predicted=LABELS[predicted])
    names = [name for name, happened in mistakes.items() if happened[0]]
    assert names == ([] if kind == "correct" else [kind.value])


def test_a_threshold_flags_images_and_confuses_none():
    rule = DecisionRule(0.3)
    scores = scores_of([0.7, 0, 0, 0.3, 0], [0.71, 0, 0, 0.29, 0], [0, 0.1, 0.7, 0.1, 0.1])
    assert rule.flagged(scores).tolist() == [True, False, True]
    assert rule.measures == (FALSE_ALARM, MISS)
    mistakes = rule.mistakes(expected=np.array([DRAWINGS, PORN, SEXY], np.uint8), scores=scores)
    assert {name: happened.tolist() for name, happened in mistakes.items()} == {
        FALSE_ALARM: [True, False, False],
        MISS: [False, True, False],
    }


def test_three_scores_that_add_up_to_the_threshold_reach_it():
    """Added as float32, 0.12, 0.14 and 0.04 make 0.29999998."""
    assert DecisionRule(0.3).flagged(scores_of([0.7, 0.12, 0, 0.14, 0.04])).tolist() == [True]


def test_the_highest_score_may_be_safe_where_the_nsfw_score_is_higher():
    scores = scores_of([0.4, 0.2, 0.0, 0.2, 0.2])
    expected = np.array([HENTAI], np.uint8)
    assert DecisionRule().mistakes(expected=expected, scores=scores)[MISS].tolist() == [True]
    assert DecisionRule(0.5).mistakes(expected=expected, scores=scores)[MISS].tolist() == [False]


def test_rules_have_names():
    assert DecisionRule().name == "highest score"
    assert DecisionRule(0.3).name == "NSFW score ≥ 0.3"
    assert DecisionRule().measures == MEASURES


def test_false_alarms_happen_to_safe_images_and_misses_to_others():
    for label in LABELS:
        assert can_happen(FALSE_ALARM, label) == (label not in NSFW)
        assert can_happen(MISS, label) == (label in NSFW)
        assert can_happen(CONFUSION, label)
    expected = np.array([NEUTRAL, PORN, DRAWINGS], dtype=np.uint8)
    assert possible(FALSE_ALARM, expected).tolist() == [True, False, True]
    assert possible(MISS, expected).tolist() == [False, True, False]
    assert possible(CONFUSION, expected).tolist() == [True, True, True]


@pytest.mark.parametrize("rule", [DecisionRule(), DecisionRule(0.3), DecisionRule(0.55)])
def test_a_rule_is_found_by_its_name(rule):
    assert DecisionRule.named(rule.name) == rule


def test_no_rule_has_another_name():
    with pytest.raises(ValueError, match="lowest"):
        DecisionRule.named("lowest score")


# A mutant that survives (docs/mutation.md), and why it changes nothing:
# - reshape(-2, …): numpy takes any negative number as "the rest".
