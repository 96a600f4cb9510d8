import json
import math

import pytest
from scipy.stats import binom

from modeltrain.audit.evaluate import Predicted
from modeltrain.audit.fairness import effective_sample_size
from modeltrain.gate import policy
from modeltrain.gate.judge import NotComparable, judge
from modeltrain.gate.paired import Pairs, difference_interval, images_needed
from modeltrain.gate.policy import Policy
from modeltrain.labels import LABELS

DRAWINGS, HENTAI, NEUTRAL, PORN, SEXY = LABELS
POLICY = Policy(version=1, margin=0.05, minimum=30, level=0.95)


def images(count, *, wrong=(), expected=NEUTRAL, start=0, cluster_of=str, **groups):
    """Predictions for `count` images; `wrong` holds the numbers of those misclassified."""
    wrong_label = DRAWINGS if expected == NEUTRAL else NEUTRAL
    predicted = []
    for number in range(start, start + count):
        answer = wrong_label if number - start in wrong else expected
        scores = {label: float(label == answer) for label in LABELS}
        predicted.append(Predicted(f"{number:064x}", cluster_of(number), expected, groups, scores))
    return predicted


def every_class(count=60, **wrong):
    """`count` images of each class, so that no class is missing."""
    predicted = []
    for number, label in enumerate(LABELS):
        predicted += images(count, wrong=wrong.get(label, ()), expected=label, start=number * 1000)
    return predicted


def cell_of(result, axis, value):
    return next(c for c in result["cells"] if (c["axis"], c["value"]) == (axis, value))


def test_identical_predictions_pass():
    same = every_class(neutral=range(7), porn=range(20))
    result = judge(champion=same, candidate=same, policy=POLICY)
    assert result["verdict"] == "pass"
    assert {cell["finding"] for cell in result["cells"]} == {"not worse"}
    assert result["sentence"].startswith("Pass: ")


def test_order_of_images_does_not_matter():
    before, now = every_class(neutral=range(20)), every_class(neutral=range(5))
    assert judge(champion=before, candidate=now) == judge(
        champion=before[::-1], candidate=now[3:] + now[:3]
    )


def test_a_class_without_images_leaves_the_gate_without_a_verdict():
    same = images(60)
    result = judge(champion=same, candidate=same, policy=POLICY)
    assert result["verdict"] == "insufficient data"
    assert result["sentence"] == "Insufficient data: no images of drawings, hentai, porn and sexy."
    cell = cell_of(result, "class", PORN)
    assert cell["n"] == 0
    assert cell["difference"] is None
    assert cell["sentence"] == "Insufficient data: no porn images in the audit set."


def test_a_clearly_worse_class_blocks_in_plain_words():
    before, now = images(120, wrong=range(3)), images(120, wrong=range(17))
    result = judge(champion=before, candidate=now, policy=POLICY)
    assert result["verdict"] == "blocked"
    assert cell_of(result, "class", NEUTRAL)["finding"] == "worse"
    assert result["sentence"] == (
        "Blocked: neutral images are wrong more often: 3 of 120 before, 17 of 120 now "
        "(+12 points, 6 to 19); by chance alone in about 1 in 8,192 such audits; "
        "1 more cell is worse."
    )


def test_better_overall_does_not_buy_worse_for_a_group():
    before = every_class(200, neutral=range(100), drawings=range(100))
    now = every_class(200)
    before += images(60, start=9000, tone="dark")
    now += images(60, wrong=range(30), start=9000, tone="dark")
    result = judge(champion=before, candidate=now, policy=POLICY)
    assert cell_of(result, "overall", "all")["difference"] < 0
    assert cell_of(result, "overall", "all")["verdict"] == "pass"
    assert cell_of(result, "tone", "dark")["verdict"] == "blocked"
    assert result["verdict"] == "blocked"
    assert "images with tone dark are wrong more often" in result["sentence"]


def test_a_clearly_better_candidate_passes():
    result = judge(champion=every_class(drawings=range(50)), candidate=every_class(), policy=POLICY)
    assert result["verdict"] == "pass"
    assert cell_of(result, "class", DRAWINGS)["difference"] == pytest.approx(-50 / 60)


def test_a_small_loss_in_a_small_class_cannot_be_told():
    result = judge(champion=every_class(), candidate=every_class(neutral=(1, 2)), policy=POLICY)
    cell = cell_of(result, "class", NEUTRAL)
    assert cell["finding"] == "cannot tell"
    assert cell["verdict"] == "blocked"
    assert result["verdict"] == "blocked"
    assert result["sentence"] == (
        "Blocked: it cannot be told whether neutral images are wrong more often by 5 points or "
        "more."
    )
    assert "about 105 such images would show it" in cell["sentence"]


def test_the_same_small_loss_among_many_images_is_within_the_margin():
    result = judge(
        champion=every_class(1000), candidate=every_class(1000, neutral=range(20)), policy=POLICY
    )
    cell = cell_of(result, "class", NEUTRAL)
    assert cell["finding"] == "not worse"
    assert cell["high"] < POLICY.margin
    assert result["verdict"] == "pass"


def test_a_small_group_is_shown_and_does_not_decide():
    before = every_class() + images(29, start=9000, tone="dark")
    now = every_class() + images(29, wrong=range(3), start=9000, tone="dark")
    result = judge(champion=before, candidate=now, policy=POLICY)
    cell = cell_of(result, "tone", "dark")
    assert cell["finding"] == "insufficient data"
    assert cell["candidate_error"] == pytest.approx(3 / 29)
    assert cell["sentence"].endswith("there are 29 images with tone dark, and 30 are needed.")


def test_a_finding_of_worse_is_corrected_for_the_number_of_groups():
    def with_groups(count, wrong):
        predicted = []
        for group in range(count):
            wrong_images = range(wrong) if group == 0 else ()
            predicted += images(30, wrong=wrong_images, start=group * 100, tone=f"{group:02}")
        return predicted

    few = judge(champion=with_groups(1, 0), candidate=with_groups(1, 6), policy=POLICY)
    many = judge(champion=with_groups(20, 0), candidate=with_groups(20, 6), policy=POLICY)
    assert cell_of(few, "tone", "00")["finding"] == "worse"
    assert cell_of(many, "tone", "00")["finding"] == "cannot tell"


def test_cells_are_all_images_then_classes_then_axes():
    same = images(1, tone="dark", medium="vector")
    result = judge(champion=same, candidate=same)
    assert [(c["axis"], c["value"]) for c in result["cells"]] == [
        ("overall", "all"),
        *[("class", label) for label in LABELS],
        ("medium", "vector"),
        ("tone", "dark"),
    ]


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


def test_nothing_at_all_is_insufficient_data():
    result = judge(champion=[], candidate=[])
    assert result["verdict"] == "insufficient data"


def test_result_is_ready_for_json_and_names_its_policy():
    result = judge(champion=every_class(), candidate=every_class(porn=range(9)))
    assert json.loads(json.dumps(result)) == result
    assert result["policy"] == json.loads(policy.POLICY.read_text())


def test_clusters_make_the_gate_less_sure():
    def of_five(number):
        return str(number // 5)

    before, now = images(100, wrong=range(3)), images(100, wrong=range(15))
    alone = judge(champion=before, candidate=now, policy=POLICY)
    before, now = (images(100, wrong=wrong, cluster_of=of_five) for wrong in (range(3), range(15)))
    clustered = judge(champion=before, candidate=now, policy=POLICY)
    ones, fives = (cell_of(result, "class", NEUTRAL) for result in (alone, clustered))
    assert (ones["clusters"], fives["clusters"]) == (100, 20)
    assert fives["p_value"] > ones["p_value"]
    assert fives["high"] - fives["low"] > ones["high"] - ones["low"]
    assert (ones["finding"], fives["finding"]) == ("worse", "cannot tell")


def test_a_required_axis_must_have_images():
    policy_with = Policy(
        version=1, margin=0.05, minimum=30, level=0.95, required=["overall", "tone=dark"]
    )
    same = every_class()
    result = judge(champion=same, candidate=same, policy=policy_with)
    assert result["verdict"] == "insufficient data"
    assert cell_of(result, "tone", "dark")["n"] == 0
    same += images(30, start=9000, tone="dark")
    assert judge(champion=same, candidate=same, policy=policy_with)["verdict"] == "pass"


def test_an_exception_is_shown_with_its_reason_and_does_not_decide():
    exemption = policy.Exemption("class", NEUTRAL, "Relabelled since.")
    policy_with = Policy(version=1, margin=0.05, minimum=30, level=0.95, exceptions=[exemption])
    before, now = every_class(), every_class(neutral=range(30))
    result = judge(champion=before, candidate=now, policy=policy_with)
    cell = cell_of(result, "class", NEUTRAL)
    assert cell["finding"] == "worse"
    assert cell["sentence"].startswith("Does not decide (Relabelled since). Blocked: neutral")
    overall = cell_of(result, "overall", "all")
    assert result["verdict"] == overall["verdict"]


def test_pairs_of_axes_are_judged_where_the_policy_names_them():
    policy_with = Policy(version=1, margin=0.05, minimum=30, level=0.95, pairs=[["gender", "tone"]])
    before = every_class() + images(60, start=9000, gender="woman", tone="dark")
    now = every_class() + images(60, start=9000, wrong=range(30), gender="woman", tone="dark")
    result = judge(champion=before, candidate=now, policy=policy_with)
    cell = cell_of(result, "gender and tone", "woman and dark")
    assert cell["finding"] == "worse"
    assert "images with gender woman and tone dark" in cell["sentence"]


def test_a_verdict_carries_the_warnings_of_its_policy():
    strict = Policy(version=1, margin=0.001, minimum=30, level=0.95)
    result = judge(champion=every_class(), candidate=every_class(), policy=strict)
    assert result["verdict"] == "pass"
    (warning,) = result["warnings"]
    assert "passes only where no image is newly wrong" in warning


def test_many_open_cells_are_named_in_few_words():
    names = [f"{number:02}" for number in range(8)]
    before, now = [], []
    for number, tone in enumerate(names):
        before += images(60, start=number * 100, tone=tone)
        now += images(60, wrong=(0, 1), start=number * 100, tone=tone)
    sentence = judge(champion=before, candidate=now, policy=POLICY)["sentence"]
    assert "images with tone 01, images with tone 02 and 5 more" in sentence


CHAMPION_WRONG, CANDIDATE_WRONG = range(3), range(2, 17)


def test_every_figure_of_a_cell_can_be_counted():
    """120 images: the champion gets 0 to 2 wrong, the candidate 2 to 16: 14 newly, 2 no longer."""
    before = images(120, wrong=CHAMPION_WRONG)
    result = judge(champion=before, candidate=images(120, wrong=CANDIDATE_WRONG), policy=POLICY)
    pairs = Pairs(both=1, only_candidate=14, only_champion=2, neither=103)
    low, high = difference_interval(pairs)
    p_value = binom.sf(13, 16, 0.5)
    assert list(result) == ["policy", "warnings", "verdict", "sentence", "cells"]
    cell = cell_of(result, "class", NEUTRAL)
    assert cell.pop("sentence").startswith("Blocked: neutral images are wrong more often")
    assert cell == {
        "axis": "class",
        "value": NEUTRAL,
        "n": 120,
        "clusters": 120,
        "champion_wrong": 3,
        "candidate_wrong": 15,
        "champion_error": 3 / 120,
        "candidate_error": 15 / 120,
        "difference": 12 / 120,
        "low": low,
        "high": high,
        "newly_wrong": 14,
        "newly_right": 2,
        "p_value": pytest.approx(2 * p_value),  # Holm: two cells have enough images
        "needed": None,
        "required": True,
        "exception": None,
        "finding": "worse",
        "verdict": "blocked",
    }
    empty = cell_of(result, "class", PORN)
    assert {name for name, figure in empty.items() if figure is None} == {
        *("champion_error", "candidate_error", "difference", "low", "high"),
        *("p_value", "needed", "exception"),
    }
    assert (empty["n"], empty["clusters"], empty["newly_wrong"], empty["newly_right"]) == (0,) * 4


def newly_wrong(count, *, of=1000):
    """The neutral cell of a judgement in which `count` of `of` images are newly wrong."""

    def with_margin(margin, level=0.95):
        rules = Policy(version=1, margin=margin, minimum=30, level=level)
        before, now = images(of), images(of, wrong=range(count))
        return cell_of(judge(champion=before, candidate=now, policy=rules), "class", NEUTRAL)

    return with_margin


def test_the_margin_is_what_the_policy_says_to_the_last_digit():
    """An interval that ends at the margin is not below it; one that ends a hair below it is."""
    judged_with = newly_wrong(20)
    high = judged_with(0.05)["high"]
    assert high == difference_interval(Pairs(0, 20, 0, 980))[1]
    assert judged_with(high)["finding"] == "worse"
    assert judged_with(math.nextafter(high, 1))["finding"] == "not worse"
    assert judged_with(high - 0.0001)["finding"] == "worse"


def test_a_candidate_between_once_and_twice_the_margin_is_blocked():
    # 60 of 1000 newly wrong: 6 points, up to 7.6: above a margin of 5, below one of 10.
    judged_with = newly_wrong(60)
    assert judged_with(0.05)["verdict"] == "blocked"
    assert judged_with(0.10)["verdict"] == "pass"


def test_a_p_value_at_the_level_is_significant():
    # Five of five newly wrong: 1/32 by McNemar, times 2 cells by Holm: 1/16 is 1 - 15/16.
    judged_with = newly_wrong(5, of=60)
    assert judged_with(0.05)["p_value"] == 1 / 16
    assert judged_with(0.05, level=15 / 16)["finding"] == "worse"
    assert judged_with(0.05, level=math.nextafter(15 / 16, 1))["finding"] == "cannot tell"


def test_the_images_needed_grow_with_the_design_effect():
    before, now = images(100), images(100, wrong=(0, 1, 50))
    alone = cell_of(judge(champion=before, candidate=now, policy=POLICY), "class", NEUTRAL)
    assert alone["needed"] == images_needed(disagreement=0.03, margin=0.05)
    before, now = (
        images(100, wrong=wrong, cluster_of=lambda number: str(number // 5))
        for wrong in ((), (0, 1, 50))
    )
    for level in (0.95, 0.9):
        rules = Policy(version=1, margin=0.05, minimum=30, level=level)
        cell = cell_of(judge(champion=before, candidate=now, policy=rules), "class", NEUTRAL)
        changes = [number in (0, 1, 50) for number in range(100)]
        effective = effective_sample_size(changes, [n // 5 for n in range(100)], level=level)
        pairs = Pairs(0, 3, 0, 97)
        expected = difference_interval(pairs, level=level, effective=effective)
        assert (cell["low"], cell["high"]) == expected
        assert cell["needed"] == images_needed(
            disagreement=0.03 * 100 / effective, margin=0.05, level=level
        )


def test_changes_in_one_cluster_count_as_one_toss():
    before, now = (
        images(100, wrong=wrong, cluster_of=lambda number: str(number // 5))
        for wrong in ((), range(5))
    )
    cell = cell_of(judge(champion=before, candidate=now, policy=POLICY), "class", NEUTRAL)
    assert cell["p_value"] == 1.0  # 1/2, times 2 by Holm


@pytest.mark.parametrize(("count", "p_value"), [(29, None), (30, 1.0)])
def test_a_cell_is_tested_from_the_minimum_on(count, p_value):
    same = images(count)
    cell = cell_of(judge(champion=same, candidate=same, policy=POLICY), "class", NEUTRAL)
    assert cell["p_value"] == p_value
    assert cell["finding"] == ("insufficient data" if p_value is None else "not worse")


def test_a_policy_is_loaded_unless_one_is_given():
    same = every_class()
    assert judge(champion=same, candidate=same)["policy"]["margin"] == 0.08
    assert judge(champion=same, candidate=same, policy=POLICY)["policy"]["margin"] == 0.05


def test_the_refusal_to_compare_counts_what_differs():
    def received(champion, candidate):
        with pytest.raises(NotComparable) as refusal:
            judge(champion=champion, candidate=candidate)
        return str(refusal.value).partition(" Received: ")[2]

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


def test_what_a_policy_requires_is_a_cell_even_without_images():
    rules = Policy(
        version=1,
        margin=0.05,
        minimum=30,
        level=0.95,
        required=["age", "tone=dark", "tone=light", "gender", "overall"],
    )
    same = images(40, tone="light", gender="man")
    cells = judge(champion=same, candidate=same, policy=rules)["cells"]
    assert [(c["axis"], c["value"], c["n"]) for c in cells if c["axis"] != "class"] == [
        ("overall", "all", 40),
        ("gender", "man", 40),
        ("tone", "light", 40),
        ("age", "any", 0),
        ("tone", "dark", 0),
    ]
    assert [c["required"] for c in cells if c["axis"] in ("age", "tone")] == [True] * 3


def test_pairs_contain_only_combinations_that_occur():
    rules = Policy(
        version=1, margin=0.05, minimum=30, level=0.95, pairs=[["tone", "gender"], ["tone", "age"]]
    )
    same = images(2, tone="dark", gender="man") + images(3, start=10, tone="light", gender="woman")
    same += images(1, start=20, tone="light", gender="man") + images(4, start=30, tone="dark")
    cells = judge(champion=same, candidate=same, policy=rules)["cells"]
    assert {c["value"]: c["n"] for c in cells if c["axis"] == "tone and gender"} == {
        "dark and man": 2,
        "light and man": 1,
        "light and woman": 3,
    }
    assert not any("age" in c["axis"].split() for c in cells)


def test_an_exempt_cell_neither_blocks_nor_is_missed():
    exemptions = [policy.Exemption("class", label, "Why.") for label in (PORN, SEXY)]
    rules = Policy(
        version=1,
        margin=0.05,
        minimum=30,
        level=0.95,
        required=["class"],
        exceptions=exemptions,
    )
    before = [p for p in every_class() if p.expected != SEXY]  # too few sexy images
    now = [p for p in every_class(porn=range(30)) if p.expected != SEXY]
    before += images(900, start=9000, expected=DRAWINGS)  # so that all images together pass
    now += images(900, start=9000, expected=DRAWINGS)
    assert judge(champion=before, candidate=now, policy=rules)["verdict"] == "pass"
