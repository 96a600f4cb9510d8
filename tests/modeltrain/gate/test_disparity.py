"""Which gaps a candidate opens, and whether they block."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from modeltrain.audit import columns
from modeltrain.audit.fairness import cluster_numbers, effective_sample_size
from modeltrain.audit.gaps import opened_gaps
from modeltrain.audit.grouping import Grouping
from modeltrain.gate.cells import outcomes_of
from modeltrain.gate.disparity import (
    by_group,
    compared_axes,
    compared_groups,
    opened_disparities,
    untested_groups,
)
from modeltrain.gate.paired import count_pairs, difference_interval
from modeltrain.gate.policy import Policy
from tests.modeltrain.gate.images import DRAWINGS, NEUTRAL, PORN, images


def policy_with(**settings):
    return Policy(**{"version": 1, "margin": 0.05, "minimum": 30, "level": 0.95} | settings)


def disparities(before, now, **settings):
    policy = policy_with(**settings)
    old, new = columns.from_predicted(before), columns.from_predicted(now)
    outcomes = outcomes_of(old, new, policy.rules)
    return opened_disparities(old, new, outcomes, policy, compared_axes(old, policy))


def untested(answers, policy):
    return untested_groups(compared_axes(answers, policy), policy.minimum)


def gaps_of(before, now, **settings):
    """As the gate's result has them: one entry for each group."""
    return by_group(
        disparities(before, now, **settings),
        columns.from_predicted(before),
        policy_with(**settings),
    )


def two_tones(dark, light, n=100, answer=PORN, **groups):
    """`n` images of each tone, of which the first `dark` and `light` are wrong."""
    return images(n, wrong=range(dark), answer=answer, tone="dark", **groups) + images(
        n, wrong=range(light), answer=answer, start=1000, tone="light", **groups
    )


def test_a_group_that_falls_behind_is_found_with_before_and_now():
    alarms, errors = disparities(two_tones(5, 5), two_tones(40, 5))
    assert {alarms.measure, errors.measure} == {"false_alarm", "error"}
    (gap,) = gaps_of(two_tones(5, 5), two_tones(40, 5))
    assert (gap["axis"], gap["value"], gap["rule"]) == ("tone", "dark", "highest score")
    assert (gap["n"], gap["rest"]) == (100, 100)
    assert gap["before"] == {"rate": pytest.approx(0.05), "rest_rate": pytest.approx(0.05)}
    figures = {name: gap["now"][name] for name in ("rate", "rest_rate", "ratio")}
    assert figures == pytest.approx({"rate": 0.4, "rest_rate": 0.05, "ratio": 8})
    assert 2 < gap["now"]["ratio_low"] < 8 < gap["now"]["ratio_high"] < 25
    assert gap["reference"] is None
    assert gap["difference"] == pytest.approx(0.35)
    assert gap["low"] < gap["alone_low"] < 0.35 < gap["alone_high"] < gap["high"]
    assert gap["own_change"] == pytest.approx(0.35)
    assert 0.2 < gap["own_low"] < 0.35 < gap["own_high"] < 0.5
    assert (gap["blocks"], gap["tolerated"], gap["clusters"]) == (True, None, pytest.approx(100))
    (also,) = gap["also"]
    assert (gap["measure"], also["measure"]) == ("false_alarm", "error")
    assert also["now"] == gap["now"]


def test_a_group_that_gains_less_than_others_does_not_block():
    for gap in disparities(two_tones(90, 90), two_tones(50, 5)):
        assert gap.value == "dark"
        assert gap.better_off
        assert gap.tolerated(policy_with()) == "better off"


def test_a_group_that_stays_where_others_gain_blocks():
    gaps = disparities(two_tones(50, 50), two_tones(50, 5))
    assert {gap.value for gap in gaps} == {"dark"}
    assert not any(gap.better_off for gap in gaps)


def test_kinds_of_images_are_no_groups():
    """On an axis that groups are standardised by, gaining less than others is no gap."""
    before, now = two_tones(90, 90), two_tones(50, 5)
    assert disparities(before, now, standardised=["class", "tone"]) == []


def test_a_gap_that_was_there_before_is_not_opened():
    assert disparities(two_tones(50, 5), two_tones(50, 5)) == []


def test_a_group_that_only_loses_its_lead_does_not_fall_behind():
    """Dark catches up; light is as good as before, and still no worse than dark."""
    assert disparities(two_tones(50, 5), two_tones(10, 5)) == []
    assert disparities(two_tones(50, 5), two_tones(5, 5)) == []
    assert {gap.value for gap in disparities(two_tones(50, 5), two_tones(5, 30))} == {"light"}


def test_a_gap_inside_the_margin_is_not_told():
    before, now = two_tones(5, 5, n=2000), two_tones(60, 5, n=2000)
    assert disparities(before, now, gap_margin=0.03) == []
    assert disparities(before, now, gap_margin=0.02)


def test_the_widest_gap_comes_first():
    before = two_tones(5, 5) + images(100, start=5000, tone="mid")
    now = two_tones(30, 5) + images(100, wrong=range(60), answer=PORN, start=5000, tone="mid")
    gaps = disparities(before, now)
    assert gaps[0].value == "mid"
    widths = [gap.gap.change.difference for gap in gaps]
    assert widths == sorted(widths, reverse=True)


def test_confusions_open_a_gap_in_errors_alone():
    before, now = two_tones(5, 5, answer=DRAWINGS), two_tones(40, 5, answer=DRAWINGS)
    assert [disparity.measure for disparity in disparities(before, now)] == ["error"]


def test_misses_and_false_alarms_are_compared_among_the_images_they_can_befall():
    def answers(missed, alarms):
        """Of each tone 100 safe images and 100 explicit ones: `missed` dark, `alarms` light."""
        return [
            answer
            for place, (label, wrong_label, tone, wrong) in enumerate(
                [
                    (PORN, NEUTRAL, "dark", missed),
                    (PORN, NEUTRAL, "light", 5),
                    (NEUTRAL, PORN, "dark", 5),
                    (NEUTRAL, PORN, "light", alarms),
                ]
            )
            for answer in images(
                100,
                wrong=range(wrong),
                expected=label,
                answer=wrong_label,
                start=1000 * place,
                tone=tone,
            )
        ]

    gaps = disparities(answers(5, 5), answers(60, 50), standardised=[])
    by_measure = {gap.measure: (gap.value, gap.gap.now.n, gap.gap.now.rate) for gap in gaps}
    assert by_measure["miss"] == ("dark", 100, pytest.approx(0.6))
    assert by_measure["false_alarm"] == ("light", 100, pytest.approx(0.5))


def test_an_axis_is_not_standardised_by_itself_but_the_label_always_is():
    answers = columns.from_predicted(
        images(2, medium="photograph", **{"class": "a"})
        + images(2, start=10, medium="drawn", **{"class": "b"})
        + images(2, start=20, expected=DRAWINGS, medium="drawn", **{"class": "b"})
    )
    policy = Policy(1, 0.05, 30, 0.95, standardised=["class", "medium"])

    def strata(axis):
        clusters = cluster_numbers(answers.cluster)
        return compared_groups(answers, axis, np.arange(6), clusters, policy).strata.tolist()

    assert strata("medium") == [0, 0, 0, 0, 1, 1]
    assert strata("class") == [0, 0, 1, 1, 2, 2]


def test_a_gap_at_a_threshold_names_its_rule():
    def scored(dark):
        return images(100, nsfw_score=dark, tone="dark") + images(
            100, nsfw_score=0.1, start=1000, tone="light"
        )

    (gap,) = disparities(scored(0.1), scored(0.4), thresholds=[0.3, 0.5])
    assert (gap.measure, gap.rule) == ("false_alarm", "NSFW score ≥ 0.3")


def test_composition_opens_no_gap():
    """All photographs get worse; that most images of one tone are photographs is no gap."""

    def media(photographs_wrong):
        return [
            answer
            for place, (tone, medium, count) in enumerate(
                [
                    ("dark", "photograph", 80),
                    ("dark", "drawn", 20),
                    ("light", "photograph", 20),
                    ("light", "drawn", 80),
                ]
            )
            for answer in images(
                count,
                wrong=range(count * photographs_wrong // 100) if medium == "photograph" else (),
                answer=PORN,
                start=place * 1000,
                tone=tone,
                medium=medium,
            )
        ]

    tones = [gap for gap in disparities(media(0), media(50)) if gap.axis == "tone"]
    assert tones
    standardised = disparities(media(0), media(50), standardised=["class", "medium"])
    assert [gap for gap in standardised if gap.axis == "tone"] == []


def test_an_axis_with_one_value_or_none_has_no_gap():
    assert disparities(images(60, tone="dark"), images(60, wrong=range(30), tone="dark")) == []
    assert disparities(images(60), images(60, wrong=range(30))) == []
    assert disparities([], []) == []


def test_images_without_a_value_are_not_part_of_the_rest():
    without = images(500, start=50_000)
    worse_without = images(500, wrong=range(500), answer=PORN, start=50_000)
    before, now = two_tones(5, 5) + without, two_tones(5, 5) + worse_without
    assert disparities(before, now) == []


def test_a_group_that_changes_more_because_it_is_wrong_more_often_opens_no_gap():
    """An unchanged model: wrong on 30% of a small group, on 1% of others; a fifth is drawn anew."""
    random = np.random.default_rng(3)
    runs_with_a_gap = 0
    for _ in range(60):
        before, now = [], []
        for tone, n, rate, start in (("dark", 60, 0.3, 0), ("light", 2000, 0.01, 10_000)):
            drawn = random.random(n)
            redrawn = np.where(random.random(n) < 0.2, random.random(n), drawn)
            for answers, numbers in ((before, drawn), (now, redrawn)):
                wrong = np.flatnonzero(numbers < rate)
                answers += images(n, wrong=wrong, answer=PORN, tone=tone, start=start)
        runs_with_a_gap += bool(disparities(before, now, level=0.95, gap_share=0.4))
    assert runs_with_a_gap <= 6  # 13 without the interval


def in_two_media(cluster_of):
    """40 women and 40 men; in half of the pairs she is the photograph, in the other half he is."""
    return [
        answer
        for place, (sex, medium) in enumerate(
            [("woman", "photograph"), ("man", "drawn"), ("woman", "drawn"), ("man", "photograph")]
        )
        for answer in images(
            40,
            start=place * 1000,
            cluster_of=lambda number: cluster_of(number // 2000, number % 1000),
            sex=sex,
            medium=medium,
        )
    ]


def test_groups_that_cannot_be_dealt_anew_are_named():
    policy = Policy(1, 0.05, 30, 0.95, standardised=["class", "medium"])
    mixed = columns.from_predicted(in_two_media(lambda pair, number: f"{pair} {number}"))
    assert untested(mixed, policy) == [
        ("sex", "man", "not dealt"),
        ("sex", "woman", "not dealt"),
    ]
    single = columns.from_predicted(in_two_media(lambda pair, number: f"{pair} {number % 20}"))
    assert untested(single, policy) == [
        ("sex", "man", "not dealt"),
        ("sex", "woman", "not dealt"),
    ]
    unstandardised = replace(policy, standardised=["class"])
    assert untested(mixed, unstandardised) == []
    apart = [replace(answer, cluster=answer.sha256) for answer in in_two_media(lambda *_: "")]
    assert untested(columns.from_predicted(apart), policy) == []
    assert untested(columns.from_predicted([]), policy) == []


def test_groups_with_too_few_images_to_be_tested_anyway_are_not_named():
    few = [
        replace(answer, cluster=f"0 {number}", groups={**answer.groups, "sex": "unknown"})
        for number, answer in enumerate(images(10, start=9000, medium="photograph"))
    ]
    answers = columns.from_predicted(in_two_media(lambda pair, number: f"{pair} {number}") + few)
    policy = Policy(1, 0.05, 30, 0.95, standardised=["class", "medium"])
    assert untested(answers, policy) == [
        ("sex", "man", "not dealt"),
        ("sex", "woman", "not dealt"),
    ]


def test_axes_that_repeat_each_other_are_tested_once():
    before = two_tones(5, 5)
    now = two_tones(40, 5)
    copied = [
        [
            replace(answer, groups={**answer.groups, "zz": answer.groups["tone"][::-1]})
            for answer in answers
        ]
        for answers in (before, now)
    ]
    assert disparities(*copied) == disparities(before, now)


def test_with_very_many_axes_a_gap_can_still_be_found():
    random = np.random.default_rng(4)
    before, now, by_chance = two_tones(5, 5), two_tones(60, 5), two_tones(15, 5)
    assert {gap.value for gap in disparities(before, by_chance)} == {"dark"}
    sides = {f"axis {number}": random.integers(0, 2, 400) for number in range(45)}
    answers = [
        [
            replace(
                answer,
                groups={
                    **answer.groups,
                    **{axis: str(side[place]) for axis, side in sides.items()},
                },
            )
            for place, answer in enumerate(model)
        ]
        for model in (before, now, by_chance)
    ]
    gaps = disparities(*answers[:2])
    assert {gap.value for gap in gaps if gap.axis == "tone"} == {"dark"}
    assert all(gap.tolerated(policy_with()) is None for gap in gaps if gap.axis == "tone")
    assert disparities(answers[0], answers[2]) == []


def test_the_interval_in_the_sentence_never_contains_0_though_that_of_all_groups_at_once_may():
    """Of 41 groups, 7 of 60 images of one are newly wrong."""
    others = [
        answer
        for group in range(40)
        for answer in images(60, start=1000 * group + 1000, tone=f"tone {group}")
    ]
    before = images(60, tone="dark") + others
    now = images(60, wrong=range(7), answer=PORN, tone="dark") + others
    (gap,) = gaps_of(before, now)
    assert gap["blocks"]
    assert gap["low"] < 0 < gap["alone_low"] < gap["difference"] < gap["alone_high"]


# Against the reference group that the policy names


def three_tones(dark, light, mid):
    return two_tones(dark, light) + images(
        100, wrong=range(mid), answer=PORN, start=5000, tone="mid"
    )


def against(gaps):
    return [(gap.value, gap.against) for gap in gaps if gap.measure == "false_alarm"]


def test_a_group_that_falls_behind_the_rest_is_compared_with_the_reference_group_as_well():
    before, now = three_tones(5, 5, 5), three_tones(40, 5, 5)
    (gap,) = gaps_of(before, now, references={"tone": "light"})
    assert gap["against"] is None
    reference = gap["reference"]
    assert (reference["value"], reference["rate"]) == ("light", pytest.approx(0.4))
    assert (reference["rest_rate"], reference["ratio"]) == (pytest.approx(0.05), pytest.approx(8))
    # Two groups are compared with the reference: each interval has a level of √95%.
    error = np.sqrt((0.4 * 0.6 + 0.05 * 0.95) / 100 * 200 / 199)
    reach = norm.ppf((1 + np.sqrt(0.95)) / 2) * error
    assert (reference["low"], reference["high"]) == pytest.approx((0.35 - reach, 0.35 + reach))
    assert reference["ratio_low"] < 8 < reference["ratio_high"]
    kinds = [(kind["against"], kind["measure"], kind["reference"] is None) for kind in gap["also"]]
    assert kinds == [
        (None, "error", False),
        ("light", "false_alarm", True),
        ("light", "error", True),
    ]


def test_a_gap_to_the_reference_group_that_the_rest_hides_blocks():
    """Mid falls behind light. Dark falls as far, so that nobody falls behind the rest."""
    before, now = three_tones(5, 5, 5), three_tones(25, 5, 25)
    assert not any(gap.tolerated(policy_with()) is None for gap in disparities(before, now))
    gaps = disparities(before, now, references={"tone": "light"})
    blocking = [gap for gap in gaps if gap.tolerated(policy_with()) is None]
    assert sorted(against(blocking)) == [("dark", "light"), ("mid", "light")]
    for gap in blocking:
        assert (gap.gap.now.n, gap.gap.now.rest) == (100, 100)
        assert (gap.gap.now.rate, gap.gap.now.rest_rate) == pytest.approx((0.25, 0.05))
        assert gap.gap.change.difference == pytest.approx(0.2)
    assert {gap["value"] for gap in gaps_of(before, now, references={"tone": "light"})} == {
        "dark",
        "mid",
    }


def test_the_chance_is_corrected_for_all_groups_that_are_compared_with_a_reference():
    """Two families, to the rest and to light, and two groups beside light: four times the chance
    of the two tones alone."""
    before, now = three_tones(5, 5, 5), three_tones(25, 5, 25)
    kwargs = {"references": {"tone": "light"}, "level": 0.96}
    gap = next(gap for gap in disparities(before, now, **kwargs) if gap.against)
    axis = Grouping(
        values=["dark", "light"],
        groups=np.repeat([0, 1], 100),
        strata=np.zeros(200, dtype=int),
        clusters=np.arange(200),
    )
    places = np.arange(200)
    wrong = [(places < few) | ((places >= 100) & (places < 105)) for few in (5, 25)]
    alone = opened_gaps(
        axis,
        {"false_alarm": tuple(wrong), "error": tuple(wrong)},
        groups=["dark"],
        intervals=2,
        level=0.96,
        margin=0.02,
        risk=0.01,
        lowest=0.0,
        permutations=2000,
    )["false_alarm"]
    assert gap.p_value == pytest.approx(4 * alone[0].p_value)
    change = alone[0].change
    assert (gap.gap.change.low, gap.gap.change.high) == pytest.approx((change.low, change.high))


def test_a_reference_group_costs_as_much_as_one_more_axis():
    before, now = two_tones(5, 5), two_tones(20, 5)
    plain, named = (
        next(gap for gap in disparities(before, now, **settings) if gap.against is None)
        for settings in ({}, {"references": {"tone": "light"}})
    )
    assert named.p_value == pytest.approx(2 * plain.p_value, rel=0.1)


@pytest.mark.parametrize("references", [{"tone": "pale"}, {"sex": "woman"}])
def test_a_reference_that_the_set_lacks_changes_nothing(references):
    before, now = three_tones(5, 5, 5), three_tones(40, 5, 15)
    assert gaps_of(before, now, references=references) == gaps_of(before, now)


def test_the_reference_group_is_compared_with_the_rest_alone():
    before, now = three_tones(5, 5, 5), three_tones(5, 40, 5)
    assert against(disparities(before, now, references={"tone": "light"})) == [("light", None)]
    (gap,) = gaps_of(before, now, references={"tone": "light"})
    assert gap["reference"] is None


def test_a_reference_group_of_three_images_blocks_nobody():
    """Whatever these three do, harm to so few happens by chance too often."""
    few = {"tone": "light", "start": 9000}
    others = two_tones(30, 30, n=200)
    others = [
        replace(answer, groups={"tone": {"dark": "dark", "light": "mid"}[answer.groups["tone"]]})
        for answer in others
    ]
    before = images(3, wrong=range(3), answer=PORN, **few) + others
    gaps = disparities(before, images(3, **few) + others, references={"tone": "light"})
    assert all(gap.tolerated(policy_with()) for gap in gaps)
    policy = policy_with(references={"tone": "light"}, required=["overall"])
    assert policy.warnings(columns.from_predicted(before))[-1].startswith("A reference group needs")


def test_groups_without_images_like_those_of_the_reference_are_not_compared_with_it():
    """Light has photographs, and dark has drawings alone."""
    before = images(100, tone="light") + images(100, expected=DRAWINGS, start=1000, tone="dark")
    now = images(100, tone="light") + images(
        100, wrong=range(50), expected=DRAWINGS, answer=PORN, start=1000, tone="dark"
    )
    assert disparities(before, now, references={"tone": "light"}) == []


def test_of_axes_that_repeat_each_other_the_one_with_a_reference_group_is_tested():
    def renamed(answers):
        names = {"dark": "d", "light": "l", "mid": "m"}
        return [
            replace(answer, groups=answer.groups | {"shade": names[answer.groups["tone"]]})
            for answer in answers
        ]

    before, now = renamed(three_tones(5, 5, 5)), renamed(three_tones(25, 5, 25))
    assert {gap.axis for gap in disparities(before, now)} <= {"shade"}
    gaps = disparities(before, now, references={"tone": "light"})
    assert {gap.axis for gap in gaps} == {"tone"}
    assert ("dark", "light") in against(gaps)


def test_an_unchanged_model_opens_no_gap_to_an_easy_reference_group():
    """Ten groups are wrong on half of 40 images, the reference on 0.5% of 400."""
    random, audits_with_a_gap, runs = np.random.default_rng(5), 0, 40
    groups = np.repeat(np.arange(11), [400, *[40] * 10])
    rate = np.where(groups == 0, 0.005, 0.5)
    for _ in range(runs):
        first = random.random(800)
        second = np.where(random.random(800) < 0.2, random.random(800), first)
        before, now = (
            [
                answer
                for group in range(11)
                for wrong in [np.flatnonzero((chance < rate)[groups == group]).tolist()]
                for answer in images(
                    int((groups == group).sum()),
                    wrong=wrong,
                    answer=PORN,
                    start=1000 * group,
                    tone=f"tone {group}",
                )
            ]
            for chance in (first, second)
        )
        gaps = disparities(before, now, references={"tone": "tone 0"})
        audits_with_a_gap += any(gap.against for gap in gaps)
    assert audits_with_a_gap <= 2


# What is told and does not block


@pytest.mark.parametrize("few", [2, 4])
def test_a_gap_that_rests_on_too_few_images_is_told_and_does_not_block(few):
    """All of a few images are newly wrong, and no other: rarer than the risk, and no pattern."""
    many = images(400, start=1000, tone="light")
    before = images(few, tone="dark") + many
    now = images(few, wrong=range(few), answer=PORN, tone="dark") + many
    (gap,) = gaps_of(before, now)
    assert (gap["value"], gap["n"], gap["clusters"]) == ("dark", few, few)
    assert gap["p_value"] <= 0.02
    assert (gap["blocks"], gap["tolerated"]) == (False, "few images")


def test_five_images_are_the_fewest_of_which_harm_to_each_is_rarer_than_the_risk():
    many = images(400, start=1000, tone="light")
    before = images(5, tone="dark") + many
    (gap,) = gaps_of(before, images(5, wrong=range(5), answer=PORN, tone="dark") + many)
    assert gap["blocks"]
    assert policy_with().fewest_clusters == 5  # 1 in 2**5 is under 5%, 1 in 2**4 is not
    assert [policy_with(level=level).fewest_clusters for level in (0.9375, 0.9, 0.99)] == [4, 4, 7]


def test_near_copies_are_not_many_images():
    """Of the group, 100 of 104 images are copies of one, which alone is newly wrong."""
    copies = {"cluster_of": lambda number: "one image", "tone": "dark"}
    others = images(4, start=200, tone="dark") + images(400, start=1000, tone="light")
    before = images(100, **copies) + others
    now = images(100, wrong=range(100), answer=PORN, **copies) + others
    (gap,) = gaps_of(before, now)
    assert gap["clusters"] == pytest.approx(104**2 / (100**2 + 4))
    assert gap["tolerated"] == "few images"


def test_a_groups_own_change_has_an_interval_of_the_policys_level_that_counts_near_copies_once():
    def tens(number):
        return f"ten {number // 10}"

    others = images(400, start=1000, tone="light")
    before = images(200, tone="dark", cluster_of=tens) + others
    wrong = [number for number in range(200) if number // 10 % 3 == 0 and number % 10 < 7]
    now = images(200, wrong=wrong, answer=PORN, tone="dark", cluster_of=tens) + others
    (gap,) = gaps_of(before, now, level=0.9)
    change = np.isin(np.arange(200), wrong).astype(float)
    effective = effective_sample_size(change, np.arange(200) // 10, level=0.9)
    pairs = count_pairs(champion=np.zeros(200, bool), candidate=change > 0)
    low, high = difference_interval(pairs, level=0.9, effective=effective)
    assert effective < 60
    assert (gap["own_change"], gap["own_low"], gap["own_high"]) == pytest.approx(
        (len(wrong) / 200, low, high)
    )


def test_one_image_of_the_rest_does_not_make_a_group_fall_behind():
    """The only image of another group is newly right."""
    many = images(400, wrong=range(20), answer=PORN, start=1000, tone="dark")
    before = images(1, wrong=[0], answer=PORN, tone="light") + many
    (gap,) = gaps_of(before, images(1, tone="light") + many)
    assert (gap["value"], gap["clusters"]) == ("dark", pytest.approx(1))
    assert gap["tolerated"] == "few images"


@pytest.mark.parametrize("layout", range(5))
def test_a_gap_that_chance_explains_too_often_to_block_is_told(layout):
    """61 drawings of each of five tones, nearly all wrong before. After a retrain 7 dark ones are
    wrong and 5 of the other 244, Fisher's p = 0.003: in any layout of independent images."""
    random = np.random.default_rng(layout)
    others = random.choice(244, 5, replace=False)
    before, now = [], []
    for place, tone in enumerate(("dark", "b", "c", "d", "light")):
        wrong = others[others // 61 == place - 1] % 61 if place else random.choice(61, 7, False)
        right_before = random.integers(61)
        still_wrong = [number for number in range(61) if number != right_before or number in wrong]
        for answers, mistakes in ((before, still_wrong), (now, set(wrong.tolist()))):
            answers += images(61, wrong=mistakes, expected=DRAWINGS, start=1000 * place, tone=tone)
    (gap,) = gaps_of(before, now)
    assert (gap["value"], gap["n"], gap["rest"]) == ("dark", 61, 244)
    assert 0.01 < gap["p_value"] <= 0.05
    assert gap["tolerated"] == "better off"


def test_only_a_chance_within_the_risk_of_gaps_blocks():
    before, now = two_tones(0, 0), two_tones(6, 0)
    (gap,) = gaps_of(before, now)
    assert (gap["blocks"], gap["tolerated"]) == (False, "chance")
    assert 0.02 < gap["p_value"] <= 0.05
    (certain,) = gaps_of(before, now, gap_share=0.95)
    assert (certain["blocks"], certain["p_value"]) == (True, gap["p_value"])


# One entry for each group


def test_a_gap_is_listed_once_for_all_kinds_rules_and_names():
    """Dark drawings are those of hands, and no other drawing is of a hand."""

    def tones(dark):
        return [
            replace(
                answer,
                groups=answer.groups
                | {"subject": {"dark": "hand", "mid": "face"}.get(answer.groups["tone"], "tree")},
            )
            for answer in two_tones(dark, 5)
            + images(100, start=3000, tone="mid")
            + images(100, start=4000, tone="pale")
        ]

    (gap,) = gaps_of(tones(5), tones(40), thresholds=[0.5])
    assert (gap["axis"], gap["value"], gap["measure"]) == ("subject", "hand", "false_alarm")
    assert [(kind["axis"], kind["measure"], kind["rule"]) for kind in gap["also"]] == [
        ("subject", "false_alarm", "NSFW score ≥ 0.5"),
        ("tone", "false_alarm", "highest score"),
        ("tone", "false_alarm", "NSFW score ≥ 0.5"),
        ("subject", "error", "highest score"),
        ("tone", "error", "highest score"),
    ]


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - one more entry in _several: it is not read.
# - dtype=None for the strata of all mistakes: 1.0 counts like True.
