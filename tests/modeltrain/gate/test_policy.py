import json
import math
from functools import partial

import numpy as np
import pytest
from scipy.stats import norm

from modeltrain.audit import columns
from modeltrain.gate import policy
from modeltrain.gate.paired import Pairs, difference_interval
from modeltrain.gate.policy import Exemption, Policy, PolicyRefused
from modeltrain.labels import NSFW
from tests.modeltrain.gate.images import images


def policy_with(**settings):
    return Policy(**{"version": 1, "margin": 0.08, "minimum": 30, "level": 0.95} | settings)


def write(path, **changes):
    path.write_text(json.dumps(json.loads(policy.POLICY.read_text()) | changes))
    return path


def test_the_shipped_policy_comes_back_as_it_is_published():
    assert Policy.load().as_dict() == json.loads(policy.POLICY.read_text())


def test_a_policy_comes_back_as_it_was_written(tmp_path):
    changes = {
        "required": ["tone"],
        "thresholds": [0.25, 1.0],
        "pairs": [["tone", "gender"]],
        "not_covered": [{"axis": "class", "value": "sexy", "reason": "None is kept."}],
        "exceptions": [{"axis": "class", "value": "porn", "reason": "é"}],
    }
    loaded = Policy.load(write(tmp_path / "gate.json", **changes))
    assert loaded.exceptions == [Exemption("class", "porn", "é")]
    assert loaded.not_covered == [Exemption("class", "sexy", "None is kept.")]
    shipped = json.loads(policy.POLICY.read_text())
    assert loaded.as_dict() == shipped | changes
    given = Policy(
        **shipped
        | {
            "required": ("tone",),
            "thresholds": (0.25, 1.0),
            "standardised": ("class", "medium"),
            "pairs": (("tone", "gender"),),
            "not_covered": [Exemption("class", "sexy", "None is kept.")],
            "exceptions": [Exemption("class", "porn", "é")],
        }
    )
    assert given.as_dict() == loaded.as_dict()


def test_lists_may_be_left_out(tmp_path):
    (tmp_path / "gate.json").write_text(
        '{"version": 1, "margin": 0.1, "minimum": 30, "level": 0.95}'
    )
    loaded = Policy.load(tmp_path / "gate.json")
    assert loaded.as_dict()["required"] == ["overall", "class"]
    assert (list(loaded.pairs), list(loaded.exceptions), list(loaded.not_covered)) == ([], [], [])
    assert [rule.name for rule in loaded.rules] == ["highest score"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"margin": 0}, "margin must be above 0 and under 1: no interval ends below 0"),
        ({"margin": 1}, "margin must be above 0"),
        ({"margin": 1.5}, "margin must be above 0"),
        ({"harm_margin": 0}, "harm_margin must be above 0"),
        ({"harm_ceiling": 1}, "harm_ceiling must be above 0 and under 1"),
        ({"harm_ratio": 0}, "harm_ratio must be above 0: a rate cannot fall below 0"),
        ({"harm_errors": -1}, "harm_errors must be above 0"),
        ({"gap_margin": 0}, "gap_margin must be above 0"),
        ({"margin": True}, "margin must be above 0 and under 1"),
        ({"margin": "0.1"}, "margin must be above 0 and under 1"),
        ({"margin": math.nan}, "margin must be above 0 and under 1"),
        ({"harm_ratio": math.inf}, "harm_ratio must be above 0"),
        (
            {"gap_share": 1},
            "gap_share must be at least 0.002 at a level of 0.95, and under 1: rarer chances are "
            "not computed. Received: 1",
        ),
        ({"gap_share": 1e-7}, "gap_share must be at least 0.002 at a level of 0.95"),
        ({"level": 0.9995, "gap_share": 0.19}, "gap_share must be at least 0.2 at a level of 0.99"),
        (
            {"thresholds": [0.5, 0]},
            "thresholds must be a list of different NSFW scores, above 0 and at most 1",
        ),
        ({"thresholds": [1.1]}, "thresholds must be a list of different NSFW scores"),
        ({"thresholds": [0.3, 0.30]}, "thresholds must be a list of different NSFW scores"),
        ({"thresholds": [True]}, "thresholds must be a list of different NSFW scores"),
        ({"thresholds": 0.3}, "thresholds must be a list of different NSFW scores"),
        ({"version": "three"}, "version must be a whole number, 1 or more. Received: 'three'"),
        ({"version": True}, "version must be a whole number"),
        (
            {"not_covered": [{"axis": "a", "value": "b", "reason": ""}]},
            "not_covered must be cells, each with an axis, a value and a reason. Received",
        ),
        ({"not_covered": [{"axis": "", "value": "b", "reason": "c"}]}, "not_covered must be cells"),
        ({"exceptions": [{"axis": "a", "value": 3, "reason": "c"}]}, "exceptions must be cells"),
        ({"minimum": 1}, "minimum must be a whole number of images, 2 or more. Received: 1"),
        ({"minimum": 30.5}, "minimum must be a whole number of images"),
        ({"minimum": math.inf}, "minimum must be a whole number of images"),
        (
            {"level": 1},
            "level must be at least 0.5 and at most 0.9995: rarer chances are not computed. "
            "Received: 1",
        ),
        ({"level": 0.9999999}, "level must be at least 0.5 and at most 0.9995"),
        ({"level": "0.95"}, "level must be at least 0.5"),
        ({"level": 0.49}, "level must be at least 0.5"),
        ({"required": ["class", ""]}, "required must be a list of names of axes. Received"),
        ({"required": "overall"}, "required must be a list of names of axes. Received: 'overall'"),
        ({"required": ["tone="]}, "required must be a list of names of axes"),
        ({"standardised": "class"}, "standardised must be a list of names of axes"),
        ({"standardised": [3]}, "standardised must be a list of names of axes"),
        (
            {"pairs": [["tone"]]},
            "pairs must be a list of pairs of two different axes. Received: [['tone']]",
        ),
        ({"pairs": ["ab"]}, "pairs must be a list of pairs of two different axes"),
        ({"pairs": [["tone", "tone"]]}, "pairs must be a list of pairs of two different axes"),
        ({"pairs": [["tone", "overall"]]}, "pairs must be a list of pairs of two different axes"),
        ({"references": {"tone": ""}}, "references must be axes with one group each"),
        ({"references": ["tone"]}, "references must be axes with one group each"),
        (
            {"exceptions": [{"axis": "a", "value": "b", "reason": " "}]},
            "exceptions must be cells, each with an axis, a value and a reason. Received",
        ),
    ],
)
def test_a_setting_that_breaks_its_rule_is_named(tmp_path, changes, message):
    with pytest.raises(PolicyRefused) as refusal:
        Policy.load(write(tmp_path / "gate.json", **changes))
    assert str(refusal.value).startswith(message)
    assert str(refusal.value).endswith(". Correct the policy's file.")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[" * 100_000,
        "[]",
        '"text"',
        '{"version": 1}',
        '{"exceptions": [{"axis": "a"}]}',
        '{"wanted": 3}',
    ],
)
def test_a_file_that_is_no_policy_is_refused(tmp_path, text):
    path = tmp_path / "gate.json"
    path.write_text(text)
    with pytest.raises(PolicyRefused) as refusal:
        Policy.load(path)
    assert str(refusal.value).startswith(
        "A policy must be JSON with the settings version, margin, minimum, level, harm_margin, "
        "harm_ratio, harm_ceiling, harm_errors, gap_margin, gap_share, thresholds, standardised, "
        "required, pairs, references, not_covered, exceptions. Received: gate.json, "
    )
    assert str(refusal.value).endswith(". Correct it.")


def test_the_limits_of_each_setting_are_allowed():
    at_the_limits = policy_with(margin=0.999, minimum=2, level=0.5, thresholds=[1, 0.001])
    assert at_the_limits.minimum == 2
    assert [rule.name for rule in at_the_limits.rules] == [
        "highest score",
        "NSFW score ≥ 1",
        "NSFW score ≥ 0.001",
    ]


def test_the_risk_is_shared_by_cells_and_gaps():
    shared = policy_with(level=0.95, gap_share=0.4)
    assert (shared.worse_risk, shared.gap_risk) == pytest.approx((0.03, 0.02))


def test_a_cell_is_required_by_its_axis_or_by_itself():
    required = policy_with(required=["class", "tone=dark"])
    assert required.requires("class", "porn")
    assert required.requires("tone", "dark")
    assert not required.requires("tone", "light")
    assert not required.requires("overall", "all")


def test_a_cell_that_is_not_covered_is_not_required():
    partial = policy_with(not_covered=[Exemption("class", "porn", "None is kept.")])
    assert not partial.requires("class", "porn")
    assert partial.requires("class", "drawings")
    assert partial.why_not_covered("class", "porn") == "None is kept."
    assert partial.why_not_covered("class", "drawings") is None


def test_an_exemption_is_for_one_cell():
    exempt = policy_with(
        exceptions=[Exemption("class", "porn", "First."), Exemption("tone", "dark", "Second.")]
    )
    assert exempt.exemption_reason("class", "porn") == "First."
    assert exempt.exemption_reason("tone", "dark") == "Second."
    assert exempt.exemption_reason("tone", "porn") is None
    assert exempt.exemption_reason("class", "dark") is None


def test_the_margin_of_confusion_is_fixed():
    for rate, effective in ((0.0, 30), (0.5, 30), (0.5, 1e6)):
        margin = policy_with().margin_for(measure="confusion", rate=rate, effective=effective)
        assert margin == 0.08


@pytest.mark.parametrize("measure", ["false_alarm", "miss"])
@pytest.mark.parametrize(
    ("rate", "effective", "expected"),
    [
        (0.03, 150, 0.0985),  # 5 · √(2 · 0.03 · 0.97 / 150)
        (0.5, 30, 0.1),  # never more than the ceiling
        (0.5, 1e9, 0.02),  # never less than 2 points
        (0.005, 1e9, 0.005),  # or than the rate again, if that is less
        (1e-4, 1, 0.0707),
        (1e-4, 0.5, 0.0707),  # as of one image
    ],
)
def test_the_margin_of_harm_tightens_with_the_number_of_images(measure, rate, effective, expected):
    margin = policy_with().margin_for(measure=measure, rate=rate, effective=effective)
    assert margin == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("measure", ["false_alarm", "confusion"])
@pytest.mark.parametrize("rate", [0.0, 0.03])
def test_the_fewest_images_are_where_an_unchanged_model_passes(measure, rate):
    shipped = policy_with(minimum=2)
    fewest = shipped.fewest_images(measure=measure, rate=rate)

    def ends_below_the_margin(n):
        wrong = round(rate * 1000)
        high = difference_interval(Pairs(wrong, 0, 0, 1000 - wrong), effective=n)[1]
        smoothed = (rate * n + 0.5) / (n + 1)
        return high < shipped.margin_for(measure=measure, rate=smoothed, effective=n)

    assert ends_below_the_margin(fewest)
    assert not any(ends_below_the_margin(n) for n in range(2, fewest))


@pytest.mark.parametrize("measure", ["false_alarm", "confusion"])
@pytest.mark.parametrize(("rate", "disagreement"), [(0.03, 0.02), (0.1, 0.05), (0.35, 0.7)])
def test_the_fewest_images_leave_room_for_chance_in_80_percent(measure, rate, disagreement):
    lenient = policy_with(minimum=2, level=0.9)
    fewest = lenient.fewest_images(measure=measure, rate=rate, disagreement=disagreement)
    wrong, swapped = round(rate * 1000), round(disagreement / 2 * 1000)
    pairs = Pairs(wrong - swapped, swapped, swapped, 1000 - wrong - swapped)

    def passes(n):
        high = difference_interval(pairs, level=0.9, effective=n)[1]
        smoothed = (rate * n + 0.5) / (n + 1)
        margin = lenient.margin_for(measure=measure, rate=smoothed, effective=n)
        return high + norm.ppf(0.8) * np.sqrt(disagreement / n) < margin

    assert passes(fewest)
    assert not passes(fewest - 1)


@pytest.mark.parametrize("measure", ["false_alarm", "confusion"])
@pytest.mark.parametrize("rate", [0.03, 0.1, 0.35])
def test_with_the_fewest_images_a_model_that_differs_passes_in_80_percent_of_audits(measure, rate):
    """A fifth of the answers is given anew, with as many mistakes as before."""
    shipped = policy_with()
    swapped = 0.2 * rate * (1 - rate)
    fewest = shipped.fewest_images(measure=measure, rate=rate, disagreement=2 * swapped)
    shares = [rate - swapped, swapped, swapped, 1 - rate - swapped]
    counts = np.random.default_rng(1).multinomial(fewest, shares, size=1_000)
    passed = 0
    for both, newly_wrong, newly_right, neither in counts.tolist():
        pairs = Pairs(both, newly_wrong, newly_right, neither)
        smoothed = ((pairs.champion_wrong + pairs.candidate_wrong) / 2 + 0.5) / (fewest + 1)
        margin = shipped.margin_for(measure=measure, rate=smoothed, effective=fewest)
        passed += difference_interval(pairs)[1] < margin
    assert passed / 1_000 == pytest.approx(0.8, abs=0.04)


def test_a_policy_that_no_number_of_images_satisfies_says_what_would_be_needed():
    strict = policy_with(harm_errors=1)
    assert strict.fewest_images(measure="false_alarm", rate=0.0) is None
    (warning,) = strict.warnings()
    assert warning == (
        "No number of images rules out a rise of false alarms at 1 standard errors where the model "
        "in service makes none. Such a cell cannot pass unless all answers are the same. Set "
        "harm_errors to 4 or more."
    )
    (warning,) = policy_with(level=0.5, harm_errors=0.4, harm_ratio=0.1).warnings()
    assert "Set harm_errors to 0.5 or more." in warning
    assert policy_with(harm_errors=3.5).fewest_images(measure="false_alarm", rate=0.0) is None
    assert policy_with(harm_errors=4).fewest_images(measure="false_alarm", rate=0.0) is not None


def test_a_kind_of_mistake_that_only_classes_without_cover_suffer_is_not_required():
    none_explicit = policy_with(
        not_covered=[Exemption("class", label, "None is kept.") for label in sorted(NSFW)]
    )
    assert none_explicit.requires("overall", "all", measure="false_alarm")
    assert not none_explicit.requires("overall", "all", measure="miss")
    assert policy_with().requires("overall", "all", measure="miss")


def test_a_policy_that_nothing_can_pass_says_so_and_what_it_takes():
    small = columns.from_predicted(images(60, tone="dark"))
    assert Policy.load().warnings() == []
    few_classes = partial(policy_with, required=["overall"])
    assert few_classes().warnings(small) == []
    (warning,) = few_classes(harm_ceiling=0.05).warnings(small)
    assert warning == (
        "A cell needs 73 independent images to pass, even if no decision changes (to rule out a "
        "rise of false alarms by 5 points). The audit set has 60. No model passes unless all its "
        "answers are the same. Raise harm_ceiling, or collect as many."
    )
    assert policy_with(harm_ceiling=0.05).warnings() == []
    (warning,) = few_classes(margin=0.01).warnings(small)
    assert "(to rule out a rise of harmless confusions by 1 points)" in warning
    assert warning.endswith("Raise margin, or collect as many.")
    assert few_classes(harm_ceiling=0.05).warnings(columns.from_predicted(images(73))) == []
    (warning,) = policy_with(margin=1e-6).warnings()
    assert warning.startswith("A cell needs 3,841,455 independent images to pass")
    assert policy_with(minimum=1_000_000).warnings() == [
        "A cell needs 1,000,000 independent images to pass, even if no decision changes (the "
        "policy's minimum). No model passes unless all its answers are the same. Lower minimum, or "
        "collect as many."
    ]


def test_required_cells_that_the_audit_set_lacks_are_named():
    policy = policy_with(required=["overall", "tone", "tone=light", "age=old"])
    (warning,) = policy.warnings(columns.from_predicted(images(60, tone="dark")))
    assert warning == (
        "The policy requires tone=light, age=old, of which the audit set has no image: no model "
        "passes. Add such images, or correct the policy."
    )
    (warning,) = policy_with(required=["class=cat", "class=porn"]).warnings(
        columns.from_predicted(images(60))
    )
    assert warning.startswith("The policy requires class=cat, class=porn, of which")
    (warning,) = policy_with(
        required=["class"],
        not_covered=[Exemption("class", "porn", "None."), Exemption("class", "sexy", "None.")],
        exceptions=[Exemption("class", "hentai", "None.")],
    ).warnings(columns.from_predicted(images(60)))
    assert warning.startswith("The policy requires class=drawings, of which the audit set has no")
    present = policy_with(required=["overall=all", "class=neutral", "tone=dark"])
    assert present.warnings(columns.from_predicted(images(60, tone="dark"))) == []


def test_names_that_the_audit_set_does_not_have_are_told():
    answers = columns.from_predicted(images(60, tone="dark", gender="woman"))
    exemptions = {
        "not_covered": [Exemption("class", "porn", "None."), Exemption("tone", "blue", "None.")],
        "exceptions": [Exemption("tone and gender", f"dark and {g}", "Few.") for g in "wm"],
    }
    policy = policy_with(
        required=["overall"],
        standardised=["clas", "medum", "class"],
        pairs=[["tone", "gender"], ["tone", "age"]],
        references={"tone": "light", "gender": "woman"},
        **exemptions,
    )
    (warning,) = policy.warnings(answers)
    assert warning == (
        "The policy names clas (standardised), medum (standardised), age (pairs), tone=light "
        "(references), tone=blue (not_covered), tone and gender=dark and w (exceptions), tone and "
        "gender=dark and m (exceptions), which the audit set does not have, so that it has no "
        "effect there. Correct the policy, unless it is for other sets too."
    )
    assert policy.warnings() == []
    of_a_pair = policy_with(
        required=["overall"],
        pairs=[["tone", "gender"]],
        exceptions=[Exemption("tone and gender", "dark and woman", "Few.")],
    )
    assert of_a_pair.warnings(answers) == []


def test_a_reference_group_that_is_too_small_is_told():
    answers = columns.from_predicted(
        images(60, tone="dark")
        + images(3, start=1000, tone="light")
        + images(60, start=2000, cluster_of=lambda number: "one", sex="woman")
    )
    references = {"tone": "light", "sex": "woman"}
    (warning,) = policy_with(required=["overall"], references=references).warnings(answers)
    assert warning == (
        "A reference group needs the policy's minimum of 30 different images for gaps to it to be "
        "noticed. The audit set has fewer of tone=light (3), sex=woman (1). Name a larger group, "
        "or add such images."
    )
    large = policy_with(required=["overall"], references={"tone": "dark"})
    assert large.warnings(answers) == []
    exactly = policy_with(required=["overall"], references={"tone": "dark"}, minimum=60)
    assert exactly.warnings(answers) == []


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"level": 0.9995, "gap_share": 0.8}, "level to 0.999 or less, or gap_share to 0.6 or"),
        ({"level": 0.95, "gap_share": 0.9999}, "gap_share to 0.996 or"),
    ],
)
def test_a_level_at_which_nothing_can_be_worse_says_so(changes, remedy):
    assert policy_with(**changes).warnings()[-1] == (
        f"Nothing can be called worse at a level of {changes['level']} and a gap_share of "
        f"{changes['gap_share']}: chances below 1 in 5,000 are not told apart. Set {remedy} less."
    )
    assert policy_with(level=0.9995, gap_share=0.6, harm_errors=12).warnings() == []
    assert policy_with(level=0.95, gap_share=0.996).warnings() == []
    assert policy_with(level=0.999, gap_share=0.8, harm_errors=12).warnings() == []


def test_a_margin_that_no_number_of_images_rules_out_says_so():
    (warning,) = policy_with(harm_ceiling=1e-10).warnings()
    assert warning.startswith("A cell needs more than a billion independent images to pass")
    assert warning.endswith("Raise harm_ceiling, or collect as many.")


def test_the_shipped_policy_covers_what_the_audit_set_of_the_demo_can_judge():
    shipped = Policy.load()
    assert shipped.version == 3
    assert {cell.value for cell in shipped.not_covered} == {"hentai", "porn", "sexy", "hand"}
    assert shipped.requires("class", "drawings")
    assert shipped.requires("class", "neutral")


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - encoding="UTF-8" or the locale's: the same here.
# - worse_risk <= 1 / RESAMPLES: the two would have to be equal to the last bit.
