"""Which cells are compared, and what is counted in each."""

import numpy as np
import pytest

from modeltrain.audit import columns
from modeltrain.audit.fairness import effective_sample_size
from modeltrain.gate.cells import compare_cells, outcomes_of
from modeltrain.gate.paired import Pairs, difference_interval
from modeltrain.gate.policy import Policy
from modeltrain.labels import LABELS
from tests.modeltrain.gate.images import DRAWINGS, NEUTRAL, PORN, images


def compared(before, now, **settings):
    policy = Policy(**{"version": 1, "margin": 0.05, "minimum": 30, "level": 0.95} | settings)
    old, new = columns.from_predicted(before), columns.from_predicted(now)
    return compare_cells(old, outcomes_of(old, new, policy.rules), policy)


def comparison_of(comparisons, axis, value, measure, rule="highest score"):
    return next(
        comparison
        for comparison in comparisons
        if (comparison.axis, comparison.value, comparison.measure, comparison.rule)
        == (axis, value, measure, rule)
    )


def mixed(wrong_drawings=(), wrong_porn=()):
    """20 drawings, of which some are false alarms, and 10 porn images, of which some are missed."""
    drawings = images(20, wrong=wrong_drawings, answer=PORN, expected=DRAWINGS, medium="drawn")
    return drawings + images(10, wrong=wrong_porn, answer=NEUTRAL, expected=PORN, start=100)


def test_each_kind_of_mistake_is_counted_where_it_can_happen():
    comparisons = compared(mixed([0, 1]), mixed([1, 2, 3], [0]))
    alarms = comparison_of(comparisons, "overall", "all", "false_alarm")
    assert alarms.pairs == Pairs(both=1, only_candidate=2, only_champion=1, neither=16)
    misses = comparison_of(comparisons, "overall", "all", "miss")
    assert misses.pairs == Pairs(both=0, only_candidate=1, only_champion=0, neither=9)
    assert comparison_of(comparisons, "overall", "all", "confusion").pairs == Pairs(0, 0, 0, 30)


def test_mistakes_that_cannot_happen_have_no_cell():
    comparisons = compared(mixed(), mixed())
    measures = {
        value: [cell.measure for cell in comparisons if (cell.axis, cell.value) == ("class", value)]
        for value in (DRAWINGS, PORN)
    }
    assert measures == {DRAWINGS: ["false_alarm", "confusion"], PORN: ["miss", "confusion"]}


def test_a_cell_without_images_is_told_once():
    comparisons = compared(mixed(), mixed(), thresholds=[0.3, 0.5])
    (empty,) = [cell for cell in comparisons if cell.value == NEUTRAL]
    assert (empty.measure, empty.rule) == ("false_alarm", "highest score")
    assert empty.pairs.n == 0
    assert empty.interval is None
    assert empty.p_value == 1


def test_a_cell_that_the_policy_requires_is_told_if_it_has_no_images():
    required = ["overall", "class=porn", "medium", "medium=drawn"]
    missing = ["hair", "tone=dark", "medium=photograph"]
    comparisons = compared(mixed(), mixed(), required=required + missing)
    empty = [(cell.axis, cell.value) for cell in comparisons if not cell.pairs.n]
    assert empty == [
        *[("class", label) for label in LABELS if label not in (DRAWINGS, PORN)],
        ("hair", "any hair"),
        ("tone", "dark"),
        ("medium", "photograph"),
    ]


def test_combinations_of_two_axes_are_cells_if_both_exist_and_they_have_images():
    answers = [
        answer
        for start, (tone, medium, count) in enumerate(
            [("dark", "drawn", 3), ("dark", "photograph", 2), ("light", "drawn", 4)]
        )
        for answer in images(count, start=10 * start, tone=tone, medium=medium)
    ]
    answers += images(2, start=40, tone="light") + images(2, start=50, medium="drawn")
    pairs = [["tone", "medium"], ["tone", "hair"], ["hair", "tone"]]
    comparisons = compared(answers, answers, pairs=pairs)
    counts = {(cell.axis, cell.value): cell.pairs.n for cell in comparisons if " and " in cell.axis}
    assert counts == {
        ("tone and medium", "dark and drawn"): 3,
        ("tone and medium", "dark and photograph"): 2,
        ("tone and medium", "light and drawn"): 4,
    }


def test_each_threshold_has_cells_of_its_own():
    def scored(score):
        return images(10, nsfw_score=score)

    comparisons = compared(scored(0.2), scored(0.4), thresholds=[0.3, 0.5])
    newly_flagged = {
        cell.rule: cell.pairs.only_candidate
        for cell in comparisons
        if (cell.axis, cell.measure) == ("overall", "false_alarm")
    }
    assert newly_flagged == {"highest score": 0, "NSFW score ≥ 0.3": 10, "NSFW score ≥ 0.5": 0}
    assert {cell.rule for cell in comparisons if cell.measure == "confusion"} == {"highest score"}


def test_cells_with_the_same_images_name_the_first():
    comparisons = compared(mixed(), mixed())
    assert (
        comparison_of(comparisons, "medium", "drawn", "false_alarm").same_images_as
        == "class=drawings"
    )
    assert comparison_of(comparisons, "class", DRAWINGS, "false_alarm").same_images_as == ""
    alone = compared(images(5, tone="dark"), images(5, tone="dark"))
    same = {cell.axis: cell.same_images_as for cell in alone if cell.pairs.n}
    assert same == {"overall": "", "class": "overall=all", "tone": "overall=all"}


def test_effective_sample_size_and_interval_are_those_of_the_differences():
    def clustered(wrong):
        return images(60, wrong=wrong, answer=PORN, cluster_of=lambda number: str(number // 4))

    comparisons = compared(clustered([0]), clustered([4, 5, 6, 40]), level=0.8)
    cell = comparison_of(comparisons, "overall", "all", "false_alarm")
    differences = np.zeros(60, dtype=np.int8)
    differences[[4, 5, 6, 40]] = 1
    differences[0] = -1
    assert cell.clusters == 15
    expected = effective_sample_size(
        differences, [str(number // 4) for number in range(60)], level=0.8
    )
    assert cell.effective == pytest.approx(expected)
    assert cell.interval == difference_interval(cell.pairs, level=0.8, effective=cell.effective)


def test_p_values_are_corrected_for_all_cells():
    """Six newly flagged images of one group: 1 in 64 alone, more among cells with other changes."""

    def groups(first_wrong, others_wrong):
        return [
            answer
            for group in range(6)
            for answer in images(
                30,
                wrong=others_wrong if group else first_wrong,
                answer=PORN,
                start=group * 100,
                tone=f"{group}",
            )
        ]

    comparisons = compared(groups((), range(6)), groups(range(6), ()))
    corrected = comparison_of(comparisons, "tone", "0", "false_alarm").p_value
    assert corrected == pytest.approx((1 - (1 - 1 / 64) ** 6) / 2, abs=0.02)
    alone = compared(groups((), ()), groups(range(6), ()))
    uncorrected = comparison_of(alone, "tone", "0", "false_alarm").p_value
    assert uncorrected == pytest.approx(1 / 128, abs=0.005)


def test_no_images_have_one_cell_for_each_class_and_for_all():
    comparisons = compared([], [])
    assert [(cell.axis, cell.value) for cell in comparisons] == [
        ("overall", "all"),
        *[("class", label) for label in LABELS],
    ]
    assert {cell.pairs.n for cell in comparisons} == {0}


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - zip(…, strict=True) without it: both sides have the same length.
# - astype(None): counts as floating-point numbers, which hold them exactly.
# - break instead of continue: later outcomes of the same mistake have the same images.
