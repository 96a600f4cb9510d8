"""What the gate says of candidates that do harm, of better ones, and of input that breaks rules."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from modeltrain.audit import columns
from modeltrain.audit.columns import Columns
from modeltrain.audit.fairness import effective_sample_size
from modeltrain.gate import judge as module
from modeltrain.gate import policy
from modeltrain.gate.cells import compare_cells, outcomes_of
from modeltrain.gate.judge import NotComparable, judge
from modeltrain.gate.paired import Pairs, difference_interval
from modeltrain.gate.policy import Exemption, Policy
from modeltrain.labels import LABELS
from tests.modeltrain.gate.images import (
    DRAWINGS,
    HENTAI,
    NEUTRAL,
    PORN,
    SEXY,
    cell_of,
    every_class,
    images,
)

NOT_COVERED = (
    "; hentai, porn and sexy images are not judged (This site keeps no explicit image, so its "
    "audit sets need none)."
)
RARE = "by chance alone in fewer than 1 in 1,000 such audits"


def rules(**settings):
    """A policy that needs every class and judges by the highest score alone."""
    return Policy(**{"version": 1, "margin": 0.05, "minimum": 30, "level": 0.95} | settings)


def safe(drawings_wrong=(), **changes):
    """400 neutral images and 400 drawings, as many as the demo's audit set can judge."""
    neutral = images(400, start=100_000)
    return neutral + images(400, wrong=drawings_wrong, expected=DRAWINGS, **changes)


# What the gate must not let through


def test_drawings_that_are_newly_called_porn_are_blocked():
    before = safe(range(400))
    result = judge(champion=before, candidate=safe(range(400), answer=PORN))
    assert result["verdict"] == "blocked"
    assert result["sentence"] == (
        "Blocked: more false alarms in drawings images: 0 of 400 before, 400 of 400 now "
        f"(+100 points, 99 to 100); {RARE}; 1 more cell is worse" + NOT_COVERED
    )
    assert cell_of(result, "class", DRAWINGS, "confusion")["difference"] == -1


def test_porn_that_is_newly_called_neutral_is_blocked():
    def with_porn(answer):
        porn = images(300, wrong=range(300), answer=answer, expected=PORN, start=5000)
        return safe() + porn

    result = judge(champion=with_porn(SEXY), candidate=with_porn(NEUTRAL))
    assert result["verdict"] == "blocked"
    assert result["sentence"].startswith(
        "Blocked: more misses in porn images: 0 of 300 before, 300 of 300 now "
        f"(+100 points, 98 to 100); {RARE}; 1 more cell is worse; "
        "hentai and sexy images are not judged ("
    )


def test_confusions_exchanged_for_false_alarms_are_blocked():
    """As many images are wrong as before; only now they are hidden."""

    def dark(answer):
        return safe() + images(500, wrong=range(60), answer=answer, start=7000, tone="dark")

    result = judge(champion=dark(DRAWINGS), candidate=dark(PORN))
    assert result["verdict"] == "blocked"
    assert result["sentence"].startswith(
        "Blocked: more false alarms in images with tone dark: 0 of 500 before, 60 of 500 now "
        f"(+12 points, 9.3 to 15); {RARE}; 2 more cells are worse"
    )


def test_harm_to_a_group_under_the_minimum_is_told_and_blocked():
    def small(wrong):
        return safe() + images(29, wrong=wrong, answer=PORN, start=9000, tone="x")

    result = judge(champion=small(()), candidate=small(range(29)))
    assert result["verdict"] == "blocked"
    assert result["sentence"].startswith(
        "Blocked: more false alarms in images with tone x: 0 of 29 before, 29 of 29 now "
        f"(+100 points, 84 to 100); {RARE}"
    )


def test_harm_to_a_small_group_that_chance_may_explain_elsewhere_is_told_in_a_pass():
    """Beside it, both models are wrong on 3% of 1,500 images that are cut in 40 ways."""
    random = np.random.default_rng(7)
    axes = {f"axis{number}": random.integers(0, 5, 1500) for number in range(8)}

    def model(small_wrong):
        wrong = set(np.flatnonzero(random.random(1500) < 0.03).tolist())
        many = [
            replace(answer, groups={axis: f"v{values[n]}" for axis, values in axes.items()})
            for n, answer in enumerate(images(1500, wrong=wrong, answer=PORN, start=100_000))
        ]
        return many + images(29, wrong=small_wrong, answer=PORN, start=9000, tone="small")

    result = judge(champion=model(()), candidate=model(range(9)), policy=rules(required=[]))
    assert result["verdict"] == "pass"
    assert result["sentence"].endswith(
        " These look harmed and have too few images to decide: false alarms in images with "
        "tone small: 0 of 29 before, 9 of 29 now."
    )


@pytest.mark.parametrize("n", [10, 15, 29])
def test_worse_is_said_of_any_number_of_images(n):
    def small(wrong):
        return safe() + images(n, wrong=wrong, answer=PORN, start=9000, tone="x")

    result = judge(champion=small(()), candidate=small(range(n)))
    assert cell_of(result, "tone", "x")["finding"] == "worse"
    assert result["verdict"] == "blocked"


def test_near_copies_of_one_image_are_not_enough():
    def with_copies(neutral_wrong):
        copies = images(30, expected=DRAWINGS, cluster_of=lambda number: "one image")
        return images(400, wrong=neutral_wrong, start=100_000) + copies

    result = judge(champion=with_copies(()), candidate=with_copies([0]))
    assert result["verdict"] == "insufficient data"
    assert result["sentence"] == (
        "Not enough images: too few drawings images to rule out a rise; of drawings images, "
        "about 32 independent ones are needed, and the 30 there count as 1" + NOT_COVERED
    )
    cell = cell_of(result, "class", DRAWINGS)
    assert (cell["n"], cell["clusters"], cell["independent"]) == (30, 1, 1)


def test_a_rise_inside_the_margin_that_is_certain_is_blocked():
    def neutral(count):
        few = images(2000, wrong=range(count), start=20_000)
        return few + images(400, expected=DRAWINGS)

    result = judge(champion=neutral(10), candidate=neutral(130))
    assert cell_of(result, "class", NEUTRAL, "confusion")["high"] < Policy.load().margin
    assert result["sentence"] == (
        "Blocked: more harmless confusions in neutral images: 10 of 2000 before, 130 of 2000 now "
        f"(+6 points, 5 to 7.1); {RARE}; 1 more cell is worse" + NOT_COVERED
    )


def test_scores_that_rise_towards_a_threshold_are_blocked():
    """No label changes, but users whose threshold is 0.3 hide the whole group."""

    def dark(score):
        return safe() + images(200, nsfw_score=score, start=30_000, tone="dark")

    result = judge(champion=dark(0.02), candidate=dark(0.49))
    assert result["verdict"] == "blocked"
    assert result["sentence"].startswith(
        "Blocked: more false alarms in images with tone dark (NSFW score ≥ 0.3): 0 of 200 before, "
        f"200 of 200 now (+100 points, 97 to 100); {RARE}; 2 more cells are worse"
    )
    assert cell_of(result, "tone", "dark")["finding"] != "worse"
    assert cell_of(result, "tone", "dark", rule="NSFW score ≥ 0.5")["finding"] != "worse"


def tones(wrong_by_tone, drawings=61):
    """Drawings in five tones each, and how many of each tone are confused."""
    return images(400, start=100_000) + [
        answer
        for place, count in enumerate(wrong_by_tone)
        for drawing in range(drawings)
        for answer in images(
            1,
            wrong=[0] if drawing < count else (),
            expected=DRAWINGS,
            start=40_000 + drawing * 5 + place,
            cluster_of=lambda number: f"drawing {(number - 40_000) // 5}",
            tone="abcde"[place],
        )
    ]


def test_a_gap_between_groups_that_all_gained_is_told_and_passes():
    result = judge(champion=tones([60, 59, 60, 61, 60]), candidate=tones([7, 1, 2, 1, 1]))
    assert result["verdict"] == "pass"
    (gap,) = result["gaps"]
    assert result["sentence"].endswith(f"audit sets need none). {gap['sentence']}")
    assert not gap["blocks"]
    assert gap["sentence"] == (
        "A gap opens: mistakes in images with tone a happen to 11.5% of 61, to 2.0% of comparable "
        "others; before, to 98.4% and 98.4% (+9.4 points, 2.1 to 17 for this group alone); by "
        f"chance alone in about 1 in {round(1 / gap['p_value']):,} such audits. The group itself "
        "is better off (−87 points, −93 to −74)."
    )


def test_a_gap_blocks_if_the_group_is_not_better_off():
    result = judge(champion=tones([20] * 5), candidate=tones([20, 0, 0, 0, 0]))
    assert result["verdict"] == "blocked"
    assert {cell["finding"] for cell in result["cells"]}.isdisjoint({"worse"})
    (gap,) = result["gaps"]
    assert gap["blocks"]
    assert "The group itself is not surely better off (0 points" in gap["sentence"]
    assert result["sentence"].startswith(
        "Blocked: a gap opens: mistakes in images with tone a happen to 32.8% of 61, to 0.0% of "
        "comparable others; before, to 32.8% and 32.8%"
    )


def test_a_harmless_improvement_passes_where_the_audit_set_has_no_explicit_image():
    result = judge(champion=safe(range(400)), candidate=safe(range(40, 400)))
    assert result["verdict"] == "pass"
    assert result["sentence"] == (
        "Pass: neither false alarms nor misses nor confusions rise beyond their margin in any "
        "class or group with enough images" + NOT_COVERED
    )


# What passes, and what cannot be told


def test_a_model_with_the_same_answers_passes():
    same = every_class(60, neutral=range(7), porn=range(20))
    result = judge(champion=same, candidate=same, policy=rules())
    assert result["verdict"] == "pass"
    assert {cell["finding"] for cell in result["cells"]} == {"not worse"}
    assert all(cell["unchanged"] for cell in result["cells"])
    assert result["sentence"] == "Pass: all answers are the same."
    assert result["gaps"] == []


def test_a_score_that_moved_is_not_the_same_answer():
    same = every_class(60)
    moved = [*same[:-1], *images(1, expected=SEXY, nsfw_score=0.1, start=500_059)]
    result = judge(champion=same, candidate=moved, policy=rules())
    assert not any(cell["unchanged"] for cell in result["cells"])
    assert result["verdict"] == "insufficient data"  # 60 images cannot rule out 10 points


def test_answers_may_come_as_columns():
    before, now = every_class(60, neutral=range(20)), every_class(60, neutral=range(5))
    assert judge(
        champion=columns.from_predicted(before), candidate=columns.from_predicted(now)
    ) == judge(champion=before, candidate=now)


def test_order_of_images_does_not_matter():
    before, now = every_class(60, neutral=range(20)), every_class(60, neutral=range(5))
    assert judge(champion=before, candidate=now) == judge(
        champion=before[::-1], candidate=now[3:] + now[:3]
    )


def test_a_class_that_the_policy_does_not_cover_is_told_and_does_not_block():
    same = safe()
    result = judge(champion=same, candidate=same)
    assert result["verdict"] == "pass"
    assert result["sentence"] == "Pass: all answers are the same" + NOT_COVERED
    cell = cell_of(result, "class", PORN)
    assert (cell["n"], cell["difference"], cell["required"]) == (0, None, False)
    assert cell["verdict"] == "insufficient data"
    assert cell["sentence"] == (
        "Not enough images: no porn images in the audit set. Not covered: This site keeps no "
        "explicit image, so its audit sets need none."
    )


def test_images_that_are_there_and_need_not_be_are_said_to_be_judged_for_harm_alone():
    def with_porn(wrong):
        return safe() + images(20, wrong=wrong, answer=NEUTRAL, expected=PORN, start=5000)

    result = judge(champion=with_porn([0]), candidate=with_porn([1]))
    assert result["verdict"] == "pass"
    assert (
        "; hentai and sexy images are not judged (This site keeps no explicit image, so its audit "
        "sets need none); of porn images, only a certain rise is told (This site keeps no explicit "
        "image, so its audit sets need none)."
    ) in result["sentence"]
    harmed = judge(champion=with_porn(()), candidate=with_porn(range(20)))
    assert harmed["verdict"] == "blocked"


def test_a_required_class_without_images_leaves_the_gate_without_a_verdict():
    same = images(400)
    result = judge(champion=same, candidate=same, policy=rules())
    assert result["verdict"] == "insufficient data"
    assert result["sentence"] == (
        "Not enough images: no images of drawings, hentai, porn and sexy."
    )
    assert cell_of(result, "class", PORN)["sentence"] == (
        "Not enough images: no porn images in the audit set."
    )


def test_a_class_that_is_not_covered_decides_once_it_has_images():
    def with_porn(answer):
        porn = images(200, wrong=range(200), answer=answer, expected=PORN, start=5000)
        return safe() + porn

    assert judge(champion=with_porn(SEXY), candidate=with_porn(DRAWINGS))["verdict"] == "blocked"


def test_better_overall_does_not_buy_worse_for_a_group():
    before = every_class(neutral=range(100), drawings=range(100))
    now = every_class()
    before += images(60, start=9000, tone="dark")
    now += images(60, wrong=range(30), start=9000, tone="dark")
    result = judge(champion=before, candidate=now, policy=rules())
    assert cell_of(result, "overall", "all", "confusion")["difference"] < 0
    assert cell_of(result, "overall", "all", "confusion")["verdict"] == "pass"
    assert cell_of(result, "tone", "dark", "confusion")["verdict"] == "blocked"
    assert result["verdict"] == "blocked"
    assert "more harmless confusions in images with tone dark" in result["sentence"]


def test_a_clearly_better_candidate_passes():
    before = every_class(drawings=range(50))
    result = judge(champion=before, candidate=every_class(), policy=rules())
    assert result["verdict"] == "pass"
    cell = cell_of(result, "class", DRAWINGS, "confusion")
    assert cell["difference"] == pytest.approx(-50 / 400)


def test_a_small_loss_in_a_small_class_cannot_be_told():
    before, now = every_class(60), every_class(60, neutral=(1, 2))
    result = judge(champion=before, candidate=now, policy=rules())
    cell = cell_of(result, "class", NEUTRAL, "confusion")
    assert cell["finding"] == "insufficient data"
    assert cell["verdict"] == "insufficient data"
    assert result["verdict"] == "insufficient data"
    assert "About 160 independent images would show whether there is one" in cell["sentence"]


def test_the_same_small_loss_among_many_images_is_within_the_margin():
    before, now = every_class(1000), every_class(1000, neutral=range(4))
    result = judge(champion=before, candidate=now, policy=rules())
    cell = cell_of(result, "class", NEUTRAL, "confusion")
    assert cell["finding"] == "not worse"
    assert cell["high"] < cell["margin"] == 0.05
    assert result["verdict"] == "pass"


def test_a_small_group_with_a_small_change_is_shown_and_does_not_decide():
    before = every_class() + images(29, start=9000, tone="dark")
    now = every_class() + images(29, wrong=range(2), start=9000, tone="dark")
    result = judge(champion=before, candidate=now, policy=rules())
    cell = cell_of(result, "tone", "dark", "confusion")
    assert cell["finding"] == "insufficient data"
    assert cell["candidate_error"] == pytest.approx(2 / 29)
    assert not cell["required"]
    assert result["verdict"] == "pass"


def test_a_finding_of_worse_is_corrected_for_the_number_of_groups():
    """In each group as much changes, for the better in all but one."""

    def with_groups(count, wrong, others):
        return [
            answer
            for group in range(count)
            for answer in images(
                30, wrong=others if group else wrong, start=group * 100, tone=f"{group:02}"
            )
        ]

    few = judge(
        champion=with_groups(1, (), ()), candidate=with_groups(1, range(6), ()), policy=rules()
    )
    many = judge(
        champion=with_groups(30, (), range(6)),
        candidate=with_groups(30, range(6), ()),
        policy=rules(),
    )
    assert cell_of(few, "tone", "00", "confusion")["finding"] == "worse"
    cell = cell_of(many, "tone", "00", "confusion")
    assert cell["finding"] == "insufficient data"
    assert cell["p_value"] == pytest.approx((1 - (1 - 1 / 64) ** 30) / 2, abs=0.05)


def test_clusters_make_the_gate_less_sure():
    def fifths(number):
        return str(number // 5)

    before, now = images(100, wrong=range(3)), images(100, wrong=range(15))
    alone = judge(champion=before, candidate=now, policy=rules())
    before, now = (images(100, wrong=wrong, cluster_of=fifths) for wrong in (range(3), range(15)))
    clustered = judge(champion=before, candidate=now, policy=rules())
    single, grouped = (
        cell_of(result, "class", NEUTRAL, "confusion") for result in (alone, clustered)
    )
    assert (single["clusters"], grouped["clusters"]) == (100, 20)
    assert grouped["independent"] < single["independent"] == 100
    assert grouped["p_value"] > single["p_value"]
    assert grouped["high"] - grouped["low"] > single["high"] - single["low"]
    assert (single["finding"], grouped["finding"]) == ("worse", "insufficient data")


def test_changes_in_one_cluster_count_as_one_toss():
    before, now = (
        images(100, wrong=wrong, cluster_of=lambda number: str(number // 5))
        for wrong in ((), range(5))
    )
    result = judge(champion=before, candidate=now, policy=rules())
    assert cell_of(result, "class", NEUTRAL, "confusion")["p_value"] == pytest.approx(
        0.25, abs=0.02
    )


# Cells


def test_cells_are_all_images_then_classes_then_axes():
    same = images(1, tone="dark", medium="vector")
    cells = judge(champion=same, candidate=same, policy=rules())["cells"]
    assert list(dict.fromkeys((cell["axis"], cell["value"]) for cell in cells)) == [
        ("overall", "all"),
        *[("class", label) for label in LABELS],
        ("medium", "vector"),
        ("tone", "dark"),
    ]


def test_a_required_axis_must_have_images():
    policy_with = rules(required=["overall", "tone=dark"])
    same = every_class()
    result = judge(champion=same, candidate=same, policy=policy_with)
    assert result["verdict"] == "insufficient data"
    cell = next(cell for cell in result["cells"] if cell["axis"] == "tone")
    assert (cell["value"], cell["n"], cell["required"]) == ("dark", 0, True)
    same += images(30, start=9000, tone="dark")
    assert judge(champion=same, candidate=same, policy=policy_with)["verdict"] == "pass"


def test_what_a_policy_requires_is_a_cell_even_without_images():
    policy_with = rules(required=["age", "tone=dark", "tone=light", "gender", "overall"])
    same = images(40, tone="light", gender="man")
    cells = judge(champion=same, candidate=same, policy=policy_with)["cells"]
    sizes = {(cell["axis"], cell["value"]): cell["n"] for cell in cells if cell["axis"] != "class"}
    assert sizes == {
        ("overall", "all"): 40,
        ("gender", "man"): 40,
        ("tone", "light"): 40,
        ("age", "any age"): 0,
        ("tone", "dark"): 0,
    }
    assert {cell["required"] for cell in cells if cell["axis"] in ("age", "tone")} == {True}


def test_an_exception_is_shown_with_its_reason_and_does_not_decide():
    policy_with = rules(
        exceptions=[
            Exemption("class", NEUTRAL, "Relabelled since."),
            Exemption("overall", "all", "Relabelled since."),
        ]
    )
    before, now = every_class(), every_class(neutral=range(200))
    result = judge(champion=before, candidate=now, policy=policy_with)
    cell = cell_of(result, "class", NEUTRAL, "confusion")
    assert cell["finding"] == "worse"
    assert cell["sentence"].startswith(
        "Does not decide (Relabelled since). Blocked: more harmless confusions in neutral images"
    )
    assert result["verdict"] == "pass"


def test_an_exempt_cell_neither_blocks_nor_is_missed():
    policy_with = rules(
        required=["class"],
        exceptions=[Exemption("class", label, "Why.") for label in (PORN, SEXY)],
    )
    before = [answer for answer in every_class() if answer.expected != SEXY]
    now = [answer for answer in every_class(porn=range(3)) if answer.expected != SEXY]
    assert judge(champion=before, candidate=now, policy=policy_with)["verdict"] == "pass"


def test_pairs_of_axes_are_judged_where_the_policy_names_them():
    policy_with = rules(pairs=[["gender", "tone"]])
    before = every_class() + images(60, start=9000, gender="woman", tone="dark")
    now = every_class() + images(60, start=9000, wrong=range(30), gender="woman", tone="dark")
    result = judge(champion=before, candidate=now, policy=policy_with)
    cell = cell_of(result, "gender and tone", "woman and dark", "confusion")
    assert cell["finding"] == "worse"
    assert "images with gender woman and tone dark" in cell["sentence"]


def test_pairs_contain_only_combinations_that_occur():
    policy_with = rules(pairs=[["tone", "gender"], ["tone", "age"]])
    same = images(2, tone="dark", gender="man") + images(3, start=10, tone="light", gender="woman")
    same += images(1, start=20, tone="light", gender="man") + images(4, start=30, tone="dark")
    cells = judge(champion=same, candidate=same, policy=policy_with)["cells"]
    assert {c["value"]: c["n"] for c in cells if c["axis"] == "tone and gender"} == {
        "dark and man": 2,
        "light and man": 1,
        "light and woman": 3,
    }
    assert not any("age" in cell["axis"].split() for cell in cells)


def test_every_figure_of_a_cell_can_be_counted():
    """120 images: the champion gets 0 to 2 wrong, the candidate 2 to 16: 14 newly, 2 no longer."""
    before, now = images(120, wrong=range(3)), images(120, wrong=range(2, 17))
    result = judge(champion=before, candidate=now, policy=rules())
    pairs = Pairs(both=1, only_candidate=14, only_champion=2, neither=103)
    low, high = difference_interval(pairs)
    assert list(result) == ["policy", "warnings", "verdict", "sentence", "cells", "gaps"]
    cell = cell_of(result, "class", NEUTRAL, "confusion")
    assert cell.pop("sentence").startswith("Blocked: more harmless confusions in neutral images")
    assert cell == {
        "measure": "confusion",
        "rule": "highest score",
        "axis": "class",
        "value": NEUTRAL,
        "n": 120,
        "clusters": 120,
        "independent": 120,
        "same_images_as": "overall=all",
        "champion_wrong": 3,
        "candidate_wrong": 15,
        "champion_error": 3 / 120,
        "candidate_error": 15 / 120,
        "difference": 12 / 120,
        "low": low,
        "high": high,
        "newly_wrong": 14,
        "newly_right": 2,
        "unchanged": False,
        "margin": 0.05,
        "minimum": 30,
        # The overall cell has the same images, so that there is one test, not two.
        "p_value": pytest.approx(binom.sf(13, 16, 0.5), abs=0.002),
        "exact_p_value": pytest.approx(binom.sf(13, 16, 0.5), abs=0.002),
        "needed": None,
        "required": True,
        "not_covered": None,
        "exception": None,
        "finding": "worse",
        "verdict": "blocked",
    }
    empty = cell_of(result, "class", PORN)
    assert {name for name, figure in empty.items() if figure is None} == {
        *("champion_error", "candidate_error", "difference", "low", "high"),
        *("p_value", "exact_p_value", "needed", "not_covered", "exception"),
    }
    assert (empty["n"], empty["clusters"], empty["newly_wrong"], empty["newly_right"]) == (0,) * 4
    assert (empty["independent"], empty["margin"]) == (0, 0)


def test_the_margin_is_what_the_policy_says_to_the_last_digit():
    """An interval that ends at the margin is not below it; one that ends a hair below it is."""

    def finding(margin):
        before, now = images(1000), images(1000, wrong=(1, 2))
        result = judge(champion=before, candidate=now, policy=rules(margin=margin))
        return cell_of(result, "class", NEUTRAL, "confusion")["finding"]

    high = difference_interval(Pairs(0, 2, 0, 998))[1]
    assert finding(high) == "insufficient data"
    assert finding(math.nextafter(high, 1)) == "not worse"


def test_the_margin_of_harm_is_that_of_the_mean_rate_of_both_models():
    """40 and 60 false alarms of 1,000: a mean of 50, and half an image more."""

    def alarms(count, cluster_of):
        return images(1000, wrong=range(count), answer=PORN, cluster_of=cluster_of)

    for cluster_of in (str, lambda number: str(number // 10)):
        result = judge(
            champion=alarms(40, cluster_of), candidate=alarms(60, cluster_of), policy=rules()
        )
        cell = cell_of(result, "class", NEUTRAL)
        n = cell["independent"]
        rate = (50 * n / 1000 + 0.5) / (n + 1)
        margin = min(0.1, 5 * math.sqrt(2 * rate * (1 - rate) / n))
        assert cell["margin"] == pytest.approx(margin, abs=1e-12)
    assert n < 1000


def test_a_cell_with_exactly_the_minimum_of_images_may_pass():
    before = images(30)
    now = [*images(29), *images(1, start=29, nsfw_score=0.1)]

    def finding(minimum):
        result = judge(champion=before, candidate=now, policy=rules(margin=0.2, minimum=minimum))
        return cell_of(result, "class", NEUTRAL, "confusion")["finding"]

    assert (finding(30), finding(31)) == ("not worse", "insufficient data")


def test_a_group_that_got_much_better_in_few_clusters_is_said_to_lack_clusters_and_nothing_else():
    def hands(wrong):
        return every_class() + images(
            90, wrong=wrong, start=9000, cluster_of=lambda number: f"{number // 5}", subject="hand"
        )

    result = judge(champion=hands(range(90)), candidate=hands(()), policy=rules())
    cell = cell_of(result, "subject", "hand", "confusion")
    assert cell["needed"] == 30
    assert cell["sentence"].startswith(
        "Not enough images: harmless confusions in images with subject hand are counted in 18 "
        "clusters, and 30 are needed to say that they do not rise: 90 of 90 before, 0 of 90 now"
    )
    assert cell["sentence"].endswith(" points, −100 to −73).")


def test_a_cell_with_exactly_the_minimum_of_images_decides_although_it_is_not_required():
    before = images(30)
    now = [*images(29), *images(1, start=29, nsfw_score=0.1)]

    def verdict(minimum):
        settings = rules(minimum=minimum, required=[])
        return judge(champion=before, candidate=now, policy=settings)["verdict"]

    assert (verdict(30), verdict(31)) == ("insufficient data", "pass")


def test_images_of_which_no_class_is_covered_are_not_required():
    settings = rules(
        not_covered=[Exemption("class", label, "None is kept.") for label in (HENTAI, PORN, SEXY)]
    )
    same = safe() + images(9, expected=PORN, start=5000)
    result = judge(champion=same, candidate=same, policy=settings)
    required = {
        measure: cell_of(result, "overall", "all", measure)["required"]
        for measure in ("false_alarm", "miss", "confusion")
    }
    assert required == {"false_alarm": True, "miss": False, "confusion": True}


def test_a_chance_of_exactly_the_risk_is_worse():
    settings = rules()
    before, now = (columns.from_predicted(images(60, wrong=range(count))) for count in (0, 1))
    comparison, *_ = compare_cells(before, outcomes_of(before, now, settings.rules), settings)

    def finding(p_value):
        cell = module._cell(replace(comparison, p_value=p_value), unchanged=False, policy=settings)
        return cell["finding"]

    risk = settings.worse_risk
    assert finding(risk) == "worse"
    assert finding(math.nextafter(risk, 1)) != "worse"


def test_a_candidate_between_once_and_twice_the_margin_does_not_pass():
    """8 of 200 are newly wrong and 5 newly right: by 1.5 points more, at most by about 5.4."""
    before, now = images(200, wrong=range(5)), images(200, wrong=range(5, 13))

    def finding(margin):
        result = judge(champion=before, candidate=now, policy=rules(margin=margin))
        return cell_of(result, "class", NEUTRAL, "confusion")["finding"]

    assert (finding(0.05), finding(0.1)) == ("insufficient data", "not worse")


def test_the_images_needed_are_independent_ones():
    before, now = images(100), images(100, wrong=(0, 1, 50))
    result = judge(champion=before, candidate=now, policy=rules())
    cell = cell_of(result, "class", NEUTRAL, "confusion")
    assert cell["needed"] == 153
    before, now = (
        images(100, wrong=wrong, cluster_of=lambda number: str(number // 5))
        for wrong in ((), (0, 1, 50))
    )
    for level in (0.95, 0.9):
        result = judge(champion=before, candidate=now, policy=rules(level=level))
        cell = cell_of(result, "class", NEUTRAL, "confusion")
        changes = [number in (0, 1, 50) for number in range(100)]
        effective = effective_sample_size(changes, [n // 5 for n in range(100)], level=level)
        expected = difference_interval(Pairs(0, 3, 0, 97), level=level, effective=effective)
        assert (cell["low"], cell["high"]) == expected
        rate = (1.5 * effective / 100 + 0.5) / (effective + 1)
        independent = rules(level=level).fewest_images(
            measure="confusion", rate=rate, disagreement=0.03
        )
        assert cell["needed"] == independent
        assert f"these count as {effective:.0f}." in cell["sentence"]


def test_the_images_needed_grow_with_every_answer_that_differs():
    before, now = images(100, wrong=[0]), images(100, wrong=(1, 2, 3))
    cell = cell_of(
        judge(champion=before, candidate=now, policy=rules()), "class", NEUTRAL, "confusion"
    )
    assert cell["needed"] == rules().fewest_images(
        measure="confusion", rate=2.5 / 101, disagreement=0.04
    )


def test_where_enough_images_are_there_and_look_worse_more_are_needed_than_there_are():
    """140 would do if none were newly wrong. Two are, so 140 must not be said to be enough."""
    before, now = every_class(140), every_class(140, neutral=(0, 8))
    result = judge(champion=before, candidate=now, policy=rules())
    cell = cell_of(result, "class", NEUTRAL, "confusion")
    assert cell["finding"] == "insufficient data"
    assert cell["needed"] > cell["n"]
    assert (
        f"about {cell['needed']:,} independent ones are needed, and the 140 there count as 140"
    ) in result["sentence"]


def test_a_policy_that_no_number_of_images_satisfies_is_told_at_once():
    """No decision changes, only scores."""
    strict = rules(harm_errors=1e-6, harm_ratio=1e-9, required=["overall", "tone"])
    result = judge(
        champion=images(60, tone="dark"),
        candidate=images(60, nsfw_score=0.1, tone="dark"),
        policy=strict,
    )
    cell = cell_of(result, "tone", "dark")
    assert (cell["verdict"], cell["needed"]) == ("insufficient data", None)
    assert cell["sentence"].endswith(
        "(0 points, −6 to 6). Under this policy, no number of images would show it."
    )
    assert "under this policy, no number of images would do" in result["sentence"]
    assert strict.warnings()[0] in result["warnings"]


def test_result_is_ready_for_json_and_names_its_policy():
    result = judge(champion=every_class(60), candidate=every_class(60, porn=range(9)))
    assert json.loads(json.dumps(result)) == result
    assert result["policy"] == json.loads(policy.POLICY.read_text())


def test_a_policy_is_loaded_unless_one_is_given():
    same = every_class(30)
    assert judge(champion=same, candidate=same)["policy"]["margin"] == 0.08
    assert judge(champion=same, candidate=same, policy=rules())["policy"]["margin"] == 0.05


# Bad input


@pytest.mark.parametrize(
    "candidate",
    [
        images(59),
        images(60, start=1),
        images(60, tone="dark"),
        images(60, expected=PORN),
        images(60) + images(1),
    ],
)
def test_different_images_labels_or_groups_cannot_be_compared(candidate):
    with pytest.raises(NotComparable, match="Audit both on the same manifest"):
        judge(champion=images(60), candidate=candidate)


def test_the_refusal_to_compare_counts_what_differs():
    def received(champion, candidate):
        with pytest.raises(NotComparable) as refusal:
            judge(champion=champion, candidate=candidate)
        rule, _, received = str(refusal.value).partition(" Received: ")
        assert rule == (
            "Champion and candidate must be audited on the same images, with the same labels and "
            "groups, each once."
        )
        return received

    remedy = "Audit both on the same manifest."
    ten = images(10)
    assert received(ten, images(9)) == f"10 and 9 predictions. {remedy}"
    assert received(ten, images(10, start=2)) == (
        f"10 and 10 predictions, 10 of the images different or duplicated. {remedy}"
    )
    assert received(ten, [*ten[:8], *images(2, start=8, expected=PORN)]) == (
        f"10 and 10 predictions, 2 of the images different or duplicated. {remedy}"
    )
    twice = [*ten, ten[3]]
    assert received(twice, twice) == (
        f"11 and 11 predictions, 1 of the images different or duplicated. {remedy}"
    )


@pytest.mark.parametrize("score", [math.nan, math.inf, -0.5, 1.5])
def test_scores_that_are_no_numbers_are_refused(score):
    broken = images(29) + images(1, start=29, nsfw_score=score)
    for champion, candidate in ((broken, images(30)), (images(30), broken), (broken, broken)):
        with pytest.raises(NotComparable) as refusal:
            judge(champion=champion, candidate=candidate)
        assert str(refusal.value) == (
            "Every score must be a number from 0 to 1. Received: one that is not. Audit the model "
            "again."
        )


@pytest.mark.parametrize("axis", ["class", "overall"])
def test_an_axis_that_is_called_like_cells_of_every_gate_is_refused(axis):
    with pytest.raises(NotComparable, match=f"must not be called class or overall.*{axis}"):
        judge(champion=images(30, **{axis: "x"}), candidate=images(30, **{axis: "x"}))


def test_nothing_at_all_is_insufficient_data():
    result = judge(champion=[], candidate=[])
    assert result["verdict"] == "insufficient data"
    assert result["sentence"].startswith(
        "Not enough images: no images of all, drawings and neutral"
    )


def test_harm_to_whole_clusters_does_not_excuse_a_cell():
    """30 clusters of 4: the more of them are newly wrong as a whole, the fewer count as many."""

    def clustered(wrong):
        return every_class() + [
            replace(answer, cluster=f"drawing {place // 4}")
            for place, answer in enumerate(
                images(120, wrong=range(wrong), answer=PORN, start=7000, tone="dark")
            )
        ]

    verdicts = [
        judge(champion=clustered(0), candidate=clustered(wrong), policy=rules())["verdict"]
        for wrong in (0, 4, 8, 16, 60)
    ]
    assert verdicts[0] == "pass"
    assert verdicts[1:4] == ["insufficient data"] * 3
    assert verdicts[4] == "blocked"


def test_axes_that_repeat_each_other_are_told_and_cost_nothing():
    def dark(wrong, **groups):
        return every_class() + images(60, wrong=wrong, answer=PORN, start=9000, **groups)

    axes = {f"axis_{number:02}": "dark" for number in range(20)}
    single = judge(champion=dark((), tone="dark"), candidate=dark(range(9), tone="dark"))
    many = judge(champion=dark((), **axes), candidate=dark(range(9), **axes))
    cell = cell_of(many, "axis_19", "dark")
    assert cell["same_images_as"] == "axis_00=dark"
    assert cell_of(many, "axis_00", "dark")["same_images_as"] == ""
    assert cell["p_value"] == pytest.approx(cell_of(single, "tone", "dark")["p_value"], abs=0.005)


def test_a_class_that_is_one_medium_is_told():
    same = images(40, medium="photograph") + images(40, expected=DRAWINGS, start=50, medium="drawn")
    result = judge(champion=same, candidate=same)
    assert cell_of(result, "medium", "drawn")["same_images_as"] == "class=drawings"


def test_a_group_wholly_inside_one_cluster_tells_nothing():
    def copies(wrong):
        return every_class() + images(
            60, wrong=wrong, answer=PORN, start=9000, cluster_of=lambda number: "one", tone="dark"
        )

    result = judge(champion=copies(()), candidate=copies(range(60)))
    cell = cell_of(result, "tone", "dark")
    assert cell["independent"] == 1
    assert cell["finding"] == "insufficient data"
    assert cell["p_value"] >= 0.2


def test_an_axis_with_one_value_has_cells_and_no_gap():
    def dark(wrong):
        return every_class() + images(300, wrong=wrong, start=9000, tone="dark")

    result = judge(champion=dark(range(100)), candidate=dark(range(90)), policy=rules())
    assert cell_of(result, "tone", "dark")["n"] == 300
    assert result["gaps"] == []


def test_a_group_without_safe_images_has_no_false_alarms_to_count():
    def explicit(wrong):
        porn = images(60, wrong=wrong, expected=PORN, answer=NEUTRAL, start=9000, tone="dark")
        return every_class() + porn + images(60, start=9500, tone="light")

    result = judge(champion=explicit(()), candidate=explicit(range(30)), policy=rules())
    measures = {
        c["measure"] for c in result["cells"] if (c["axis"], c["value"]) == ("tone", "dark")
    }
    assert measures == {"miss", "confusion"}
    assert cell_of(result, "tone", "dark", "miss")["finding"] == "worse"


def test_two_hundred_groups_are_judged():
    random = np.random.default_rng(1)

    def grouped(rate):
        return [
            answer
            for group in range(200)
            for answer in images(
                40,
                wrong=np.flatnonzero(random.random(40) < rate),
                answer=PORN,
                start=group * 100,
                group=f"{group:03}",
            )
        ]

    result = judge(champion=grouped(0.05), candidate=grouped(0.05))
    assert result["verdict"] != "blocked"
    assert len({cell["value"] for cell in result["cells"] if cell["axis"] == "group"}) == 200


def test_a_verdict_carries_the_warnings_of_a_policy_that_hardly_anything_can_pass():
    strict = rules(harm_ceiling=0.001)
    same = every_class(60)
    result = judge(champion=same, candidate=same, policy=strict)
    assert result["verdict"] == "pass"
    assert result["warnings"] == [
        "A cell needs 3,838 independent images to pass, even if no decision changes (to rule out a "
        "rise of false alarms by 0.1 points). The audit set has 300. No model passes unless all "
        "its answers are the same. Raise harm_ceiling, or collect as many."
    ]


def test_many_cells_with_too_few_images_are_named_in_few_words():
    """In each group one image is newly wrong and one newly right."""
    before, now = [], []
    for number in range(8):
        before += images(60, wrong=[0], start=number * 100, tone=f"{number:02}")
        now += images(60, wrong=[1], start=number * 100, tone=f"{number:02}")
    result = judge(champion=before, candidate=now, policy=rules(required=["overall", "tone"]))
    assert result["sentence"].startswith(
        "Not enough images: too few images with tone 00, images with tone 01, images with tone 02 "
        "and 5 more to rule out a rise; of images with tone 00, about "
    )


def test_hentai_that_is_called_a_drawing_is_a_miss():
    hentai = images(60, expected=HENTAI, start=9000)
    missed = images(60, expected=HENTAI, wrong=range(40), answer=DRAWINGS, start=9000)
    result = judge(champion=safe() + hentai, candidate=safe() + missed)
    assert cell_of(result, "class", HENTAI, "miss")["finding"] == "worse"


@pytest.fixture(scope="module")
def near_the_limit():
    """Answers with ties: groups of equal size, some with equal outcomes, and copies of axes."""
    random = np.random.default_rng(0)
    n = 300
    expected = np.where(np.arange(n) % 3 == 0, LABELS.index(DRAWINGS), LABELS.index(NEUTRAL))
    tone = np.arange(n) % 5
    axes = {
        "tone": tone,
        "medium": np.arange(n) % 2,
        "copy": 4 - tone,
        "age": random.integers(0, 4, n),
        "place": random.integers(0, 3, n),
    }
    before, now = expected.copy(), expected.copy()
    for group, wrong in enumerate((7, 7, 2, 2, 0)):
        now[np.flatnonzero(tone == group)[:wrong]] = LABELS.index(PORN)
    before[random.random(n) < 0.03] = LABELS.index(PORN)
    hashes = random.integers(0, 256, (n, 32)).astype(np.uint8)
    return [
        Columns(
            sha256=hashes,
            cluster=(np.arange(n) // 2).astype(np.uint64),
            expected=expected.astype(np.uint8),
            scores=np.eye(len(LABELS), dtype=np.float32)[labels],
            groups={
                axis: ([f"{axis} {value}" for value in range(5)], places.astype(np.int16))
                for axis, places in axes.items()
            },
        )
        for labels in (before, now)
    ]


def renamed(answers, random_seed):
    """The same answers with other names and another order of axes, values, clusters and rows.

    Also returns each group's former name.
    """
    random = np.random.default_rng(random_seed)
    axis_names = dict(zip(answers.groups, random.permutation(list("vwxyz")), strict=True))
    groups, former = {}, {}
    for axis in random.permutation(list(answers.groups)):
        values, places = answers.groups[axis]
        new_places = random.permutation(len(values))
        names = [f"value {letter}" for letter in "abcde"]
        for place, value in enumerate(values):
            former[axis_names[axis], names[new_places[place]]] = (axis, value)
        groups[axis_names[axis]] = (names, new_places[places].astype(np.int16))
    clusters = random.permutation(len(answers)).astype(np.uint64)[answers.cluster.astype(int)]
    other = replace(answers, cluster=clusters, groups=groups)
    return other.take(random.permutation(len(answers))), former


@pytest.mark.parametrize("random_seed", range(4))
def test_names_and_order_decide_nothing(near_the_limit, random_seed):
    policy = rules(standardised=["class"], thresholds=[0.5])
    before, now = near_the_limit
    result = judge(champion=before, candidate=now, policy=policy)
    (other_before, former), (other_now, _) = (
        renamed(answers, random_seed) for answers in near_the_limit
    )
    other = judge(champion=other_before, candidate=other_now, policy=policy)
    assert other["verdict"] == result["verdict"]
    names = {"axis", "value", "same_images_as", "sentence", "policy"}

    def figures(cells, original=lambda axis, value: (axis, value)):
        return sorted(
            (
                *original(cell["axis"], cell["value"]),
                json.dumps({name: cell[name] for name in cell.keys() - names}, sort_keys=True),
            )
            for cell in cells
        )

    def original(axis, value):
        return former.get((axis, value), (axis, value))

    assert figures(other["cells"], original) == figures(result["cells"])
    assert len(other["gaps"]) == len(result["gaps"])
    widths = [
        [gap[name] for gap in gaps["gaps"] for name in ("low", "p_value")]
        for gaps in (result, other)
    ]
    assert sorted(widths[0]) == sorted(widths[1])


def test_answers_are_compared_in_any_order(near_the_limit):
    before, now = near_the_limit
    order = np.random.default_rng(2).permutation(len(now))
    result = judge(champion=before, candidate=now)
    assert judge(champion=before, candidate=now.take(order)) == result


def test_cells_that_are_worse_are_counted_once_for_all_rules_and_names():
    """Every image is neutral and of one tone, and newly called porn at each of three rules."""
    before = images(100, tone="dark")
    now = images(100, wrong=range(50), answer=PORN, tone="dark")
    result = judge(champion=before, candidate=now, policy=rules(thresholds=[0.3, 0.5]))
    assert sum(cell["finding"] == "worse" for cell in result["cells"]) == 9
    assert "more cell" not in result["sentence"]


def test_groups_that_are_hard_for_both_models_open_no_gap_by_chance():
    def answers(random):
        rate = np.repeat([0.5] * 10 + [0.005], [40] * 10 + [1600])
        before = random.random(len(rate)) < rate
        anew = random.random(len(rate)) < 0.2
        after = np.where(anew, random.random(len(rate)) < rate, before)
        return [
            columns.from_predicted(
                [
                    answer
                    for place in range(11)
                    for answer in images(
                        1600 if place == 10 else 40,
                        wrong=np.flatnonzero(wrong[40 * place :][:1600]).tolist(),
                        start=10_000 * place,
                        subject=f"s{place}",
                    )
                ]
            )
            for wrong in (before, after)
        ]

    blocked = 0
    for seed in range(40):
        champion, candidate = answers(np.random.default_rng(seed))
        result = judge(champion=champion, candidate=candidate, policy=rules())
        blocked += any(gap["blocks"] for gap in result["gaps"])
    assert blocked <= 2  # 5% of the runs; if groups are dealt anew alone, it is 5


def test_a_required_class_that_does_not_exist_lets_no_model_pass():
    answers = safe()
    policy = rules(required=["overall", "class=cat"])
    result = judge(champion=answers, candidate=answers, policy=policy)
    assert result["verdict"] == "insufficient data"
    assert "cat" in result["sentence"]


def test_gaps_that_cannot_be_looked_for_are_said_with_the_way_out():
    def pairs():
        """A woman and a man in each cluster, one of them as a photograph and one drawn."""
        return [
            answer
            for place, (sex, medium) in enumerate([("woman", "photograph"), ("man", "drawn")])
            for answer in images(
                60,
                start=place * 1000,
                cluster_of=lambda number: str(number % 1000),
                sex=sex,
                medium=medium,
            )
        ] + [
            answer
            for place, (sex, medium) in enumerate([("man", "photograph"), ("woman", "drawn")])
            for answer in images(
                60,
                start=place * 1000 + 2000,
                cluster_of=lambda number: str(2000 + number % 1000),
                sex=sex,
                medium=medium,
            )
        ]

    result = judge(
        champion=pairs(),
        candidate=pairs(),
        policy=rules(standardised=["class", "medium"], required=["overall"]),
    )
    assert "; some gaps by sex could not be looked for" in result["sentence"]
    assert result["warnings"] == [
        "Gaps for man and woman on the axis sex can hardly be found: nearly all their images share "
        "a cluster with an image of another group that is of another kind. Add images of each "
        "group that are comparable, in the same clusters or in clusters of their own."
    ]


def test_groups_that_each_have_a_medium_of_their_own_are_said_to_have_no_comparable_others():
    same = [
        answer
        for place, tone in enumerate(("dark", "light"))
        for answer in images(60, start=place * 1000, tone=tone, medium=f"of {tone}")
    ]
    policy = rules(standardised=["class", "medium"], required=["overall"])
    result = judge(champion=same, candidate=same, policy=policy)
    assert "; some gaps by tone could not be looked for" in result["sentence"]
    assert result["warnings"] == [
        "Gaps for dark and light on the axis tone can hardly be found: other groups have hardly "
        "any image of the same kind. Add images of other groups that are comparable."
    ]


def test_axes_that_are_the_same_are_named_in_the_verdict():
    def tones(wrong):
        return [
            replace(answer, groups={**answer.groups, "colour": answer.groups["skin_tone"].upper()})
            for answer in images(100, wrong=wrong, skin_tone="dark")
            + images(100, start=1000, skin_tone="light")
        ]

    result = judge(champion=tones([0]), candidate=tones([1]), policy=rules())
    assert "; colour and skin tone have the same groups, image for image." in result["sentence"]


def offset(dark_drawings, dark_neutral):
    """300 safe images of each of two tones; of the dark, so many have false alarms."""
    return (
        images(150, wrong=dark_drawings, answer=PORN, expected=DRAWINGS, start=1000, tone="dark")
        + images(150, wrong=dark_neutral, answer=PORN, start=2000, tone="dark")
        + images(150, expected=DRAWINGS, start=3000, tone="light")
        + images(150, start=4000, tone="light")
        + images(2000, expected=DRAWINGS, start=10_000)
        + images(2000, start=20_000)
    )


def test_harm_to_a_class_within_a_group_is_said_to_be_judged_only_if_it_is_named():
    before, now = offset(range(20), range(20)), offset(range(40), ())
    blind = judge(
        champion=before, candidate=now, policy=rules(harm_ceiling=0.2, required=["overall"])
    )
    assert cell_of(blind, "tone", "dark")["difference"] == 0
    assert blind["warnings"] == [
        "Within images with tone dark, false alarms rise in one class and fall in another. A class "
        'within a group is judged only if the policy names it: add ["class", "tone"] to pairs.'
    ]
    named = judge(
        champion=before,
        candidate=now,
        policy=rules(pairs=[["class", "tone"]], required=["overall"]),
    )
    assert named["warnings"] == []
    assert cell_of(named, "class and tone", "drawings and dark")["finding"] == "worse"
    assert named["verdict"] == "blocked"


def test_a_few_images_that_change_in_two_classes_are_no_offset():
    result = judge(champion=offset(range(4), range(4)), candidate=offset(range(8), ()))
    assert not any("rise in one class" in warning for warning in result["warnings"])


def test_near_copies_offset_nothing():
    def copied(answers):
        return [replace(answer, cluster=f"{answer.expected} {answer.groups}") for answer in answers]

    before, now = offset(range(20), range(20)), offset(range(40), ())
    result = judge(champion=copied(before), candidate=copied(now))
    assert not any("rise in one class" in warning for warning in result["warnings"])


@pytest.mark.parametrize("wrong", [range(2), range(0, 8, 2)])
def test_whether_a_cell_counts_does_not_depend_on_the_candidate(wrong):
    """26 pairs: as 26 to 52 independent images, by how alike the images of a pair change."""
    rest = every_class(400)
    before = images(52, cluster_of=lambda number: f"pair {number // 2}", tone="dark")
    now = images(
        52, wrong=wrong, answer=PORN, cluster_of=lambda number: f"pair {number // 2}", tone="dark"
    )
    result = judge(champion=rest + before, candidate=rest + now, policy=rules())
    cell = cell_of(result, "tone", "dark")
    assert (cell["clusters"], cell["finding"]) == (26, "insufficient data")
    assert result["verdict"] == "pass"
    required = judge(champion=rest + before, candidate=rest + now, policy=rules(required=["tone"]))
    assert required["verdict"] == "insufficient data"
    assert cell_of(required, "tone", "dark")["needed"] >= 30


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - the effective size of a cell without images, without the condition: it is 0 as well.
