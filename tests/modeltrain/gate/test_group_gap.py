"""A gap under one model alone is what the gate finds of the same model."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from modeltrain.audit import columns
from modeltrain.audit.gaps import gaps
from modeltrain.audit.grouping import Grouping
from modeltrain.audit.harm import DecisionRule
from modeltrain.gate.group_gap import group_gap
from modeltrain.gate.judge import judge
from modeltrain.gate.policy import Policy
from tests.modeltrain.gate.images import DRAWINGS, PORN, images

POLICY = Policy(version=1, margin=0.05, minimum=30, level=0.95, standardised=["class", "medium"])


def gap_of(predicted, *, measure="error", threshold=None, policy=POLICY, **group):
    return group_gap(
        columns.from_predicted(predicted),
        **{"axis": "tone", "value": "dark"} | group,
        measure=measure,
        rule=DecisionRule(threshold),
        policy=policy,
    )


def two_tones(dark: int, light: int, **groups: str):
    """100 neutral images of each tone, of which the first so many are called porn."""
    return images(100, wrong=range(dark), answer=PORN, tone="dark", **groups) + images(
        100, wrong=range(light), answer=PORN, start=1000, tone="light", **groups
    )


def test_a_group_is_compared_with_the_rest_of_its_axis():
    gap = gap_of(two_tones(30, 10))
    assert (gap.n, gap.rest, gap.rate, gap.rest_rate) == pytest.approx((100, 100, 0.3, 0.1))
    assert gap.difference == pytest.approx(0.2)
    assert gap.low < 0.2 < gap.high


def test_images_without_a_value_on_the_axis_do_not_count():
    gap = gap_of([*two_tones(30, 10), *images(50, wrong=range(50), answer=PORN, start=5000)])
    assert (gap.rest, gap.rest_rate) == (100, pytest.approx(0.1))


def test_only_images_that_can_be_harmed_count():
    porn = images(40, wrong=range(40), expected=PORN, answer=DRAWINGS, start=7000, tone="dark")
    alarm = gap_of([*two_tones(30, 10), *porn], measure="false_alarm")
    assert (alarm.n, alarm.rate) == (100, pytest.approx(0.3))
    assert gap_of([*two_tones(30, 10), *porn], measure="miss") is None  # no other tone has any


def test_a_threshold_decides_where_the_rule_is_one():
    unsure = images(100, nsfw_score=0.4, tone="dark")
    sure = images(100, nsfw_score=0.1, start=1000, tone="light")
    at = {
        threshold: gap_of([*unsure, *sure], measure="false_alarm", threshold=threshold).difference
        for threshold in (None, 0.3, 0.5)
    }
    assert at == pytest.approx({None: 0.0, 0.3: 1.0, 0.5: 0.0})


def test_images_are_compared_within_a_class_and_a_medium():
    easy, hard = (
        two_tones(0, 0, medium="photo"),
        images(300, wrong=range(150), answer=PORN, start=4000, tone="dark", medium="sketch"),
    )
    assert gap_of([*easy, *hard]).difference == 0
    blind = Policy(version=1, margin=0.05, minimum=30, level=0.95, standardised=[])
    assert gap_of([*easy, *hard], policy=blind).difference == pytest.approx(150 / 400)


def test_a_group_is_compared_with_the_reference_group_alone():
    mid = images(100, wrong=range(50), answer=PORN, start=5000, tone="mid")
    gap = gap_of([*two_tones(30, 10), *mid], against="light")
    assert (gap.value, gap.rest, gap.rest_rate) == ("dark", 100, pytest.approx(0.1))
    alone = gap_of(two_tones(30, 10))
    assert (gap.difference, gap.low) == pytest.approx((alone.difference, alone.low))
    four = [*two_tones(30, 10), *mid, *images(9, start=8000, tone="pale")]
    assert gap_of(four, against="light").low < gap.low  # of three groups at once, and not of two
    assert gap_of(four, against="blue") is None


@pytest.mark.parametrize(("axis", "value"), [("gender", "woman"), ("tone", "medium")])
def test_a_group_that_the_set_does_not_have_has_no_gap(axis, value):
    assert gap_of(two_tones(30, 10), axis=axis, value=value) is None


def test_it_is_the_gap_of_its_axis_at_the_policys_level():
    answers = images(
        40, wrong=[0, 2, 3, 9], answer=PORN, tone="dark", cluster_of=lambda n: str(n // 2)
    ) + images(60, wrong=[5], answer=PORN, tone="light", start=1000)
    axis = Grouping(
        values=["dark", "light"],
        groups=np.repeat([0, 1], [40, 60]),
        strata=np.zeros(100, dtype=int),
        clusters=np.r_[np.arange(40) // 2, np.arange(60) + 20],
    )
    wrong = np.isin(np.arange(100), [0, 2, 3, 9, 45])
    policy = replace(POLICY, level=0.8)
    dark, light = gaps(axis, wrong, level=0.8)
    for measure in ("false_alarm", "error"):
        for expected in (dark, light):
            gap = gap_of(answers, measure=measure, policy=policy, value=expected.value)
            assert asdict(gap) == pytest.approx(asdict(expected))


@pytest.mark.parametrize("measure", ["false_alarm", "error"])
def test_it_is_what_the_gate_finds(measure):
    before, now = two_tones(5, 5, medium="photo"), two_tones(40, 6, medium="photo")
    result = judge(champion=before, candidate=now, policy=POLICY)
    gaps = [kind for gap in result["gaps"] for kind in (gap, *gap["also"])]
    gate_gap = next(gap for gap in gaps if gap["measure"] == measure)
    for answers, expected in ((before, gate_gap["before"]), (now, gate_gap["now"])):
        gap = gap_of(answers, measure=measure)
        figures = expected["rate"], expected["rest_rate"]
        assert (gap.rate, gap.rest_rate) == pytest.approx(figures)
