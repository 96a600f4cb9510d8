import json

import pytest

from modeltrain.audit.evaluate import Predicted
from modeltrain.gate import policy
from modeltrain.gate.judge import NotComparable, judge
from modeltrain.gate.policy import Policy, PolicyRefused
from modeltrain.labels import LABELS

DRAWINGS, HENTAI, NEUTRAL, PORN, SEXY = LABELS
POLICY = Policy(version=1, margin=0.05, minimum=30, level=0.95)


def images(count, *, wrong=(), expected=NEUTRAL, start=0, cluster_of=str, **groups):
    """Predictions of as many images; `wrong` says which of them were misclassified."""
    other = DRAWINGS if expected == NEUTRAL else NEUTRAL
    made = []
    for number in range(start, start + count):
        label = other if number - start in wrong else expected
        scores = {each: float(each == label) for each in LABELS}
        made.append(Predicted(f"{number:064x}", cluster_of(number), expected, groups, scores))
    return made


def every_class(count=60, **wrong):
    """As many images of each class, so that no class is missing."""
    made = []
    for place, label in enumerate(LABELS):
        made += images(count, wrong=wrong.get(label, ()), expected=label, start=place * 1000)
    return made


def verdict_of(result, axis, value):
    return next(c for c in result["cells"] if (c["axis"], c["value"]) == (axis, value))


def test_identical_predictions_pass():
    same = every_class(neutral=range(7), porn=range(20))
    result = judge(champion=same, candidate=same, policy=POLICY)
    assert result["verdict"] == "pass"
    assert {cell["finding"] for cell in result["cells"]} == {"not worse"}
    assert result["sentence"].startswith("Pass: ")


def test_order_of_images_does_not_matter():
    one, other = every_class(neutral=range(20)), every_class(neutral=range(5))
    assert judge(champion=one, candidate=other) == judge(
        champion=one[::-1], candidate=other[3:] + other[:3]
    )


def test_a_class_without_images_leaves_the_gate_without_a_verdict():
    same = images(60)
    result = judge(champion=same, candidate=same, policy=POLICY)
    assert result["verdict"] == "insufficient data"
    assert result["sentence"] == "Insufficient data: no images of drawings, hentai, porn and sexy."
    cell = verdict_of(result, "class", PORN)
    assert cell["n"] == 0
    assert cell["difference"] is None
    assert cell["sentence"] == "Insufficient data: no porn images in the audit set."


def test_a_clearly_worse_class_blocks_in_plain_words():
    before, now = images(120, wrong=range(3)), images(120, wrong=range(17))
    result = judge(champion=before, candidate=now, policy=POLICY)
    assert result["verdict"] == "blocked"
    assert verdict_of(result, "class", NEUTRAL)["finding"] == "worse"
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
    assert verdict_of(result, "overall", "all")["difference"] < 0
    assert verdict_of(result, "overall", "all")["verdict"] == "pass"
    assert verdict_of(result, "tone", "dark")["verdict"] == "blocked"
    assert result["verdict"] == "blocked"
    assert "images with tone dark are wrong more often" in result["sentence"]


def test_a_clearly_better_candidate_passes():
    result = judge(champion=every_class(drawings=range(50)), candidate=every_class(), policy=POLICY)
    assert result["verdict"] == "pass"
    assert verdict_of(result, "class", DRAWINGS)["difference"] == pytest.approx(-50 / 60)


def test_a_small_loss_in_a_small_class_cannot_be_told():
    result = judge(champion=every_class(), candidate=every_class(neutral=(1, 2)), policy=POLICY)
    cell = verdict_of(result, "class", NEUTRAL)
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
    cell = verdict_of(result, "class", NEUTRAL)
    assert cell["finding"] == "not worse"
    assert cell["high"] < POLICY.margin
    assert result["verdict"] == "pass"


def test_a_small_group_is_shown_and_does_not_decide():
    before = every_class() + images(29, start=9000, tone="dark")
    now = every_class() + images(29, wrong=range(3), start=9000, tone="dark")
    result = judge(champion=before, candidate=now, policy=POLICY)
    cell = verdict_of(result, "tone", "dark")
    assert cell["finding"] == "insufficient data"
    assert cell["candidate_error"] == pytest.approx(3 / 29)
    assert cell["sentence"].endswith("there are 29 images with tone dark, and 30 are needed.")


def test_what_is_worse_is_corrected_for_the_number_of_groups():
    def with_groups(count, wrong):
        made = []
        for group in range(count):
            bad = range(wrong) if group == 0 else ()
            made += images(30, wrong=bad, start=group * 100, tone=f"{group:02}")
        return made

    few = judge(champion=with_groups(1, 0), candidate=with_groups(1, 6), policy=POLICY)
    many = judge(champion=with_groups(20, 0), candidate=with_groups(20, 6), policy=POLICY)
    assert verdict_of(few, "tone", "00")["finding"] == "worse"
    assert verdict_of(many, "tone", "00")["finding"] == "cannot tell"


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
def test_other_images_labels_or_groups_cannot_be_compared(candidate):
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
    one, five = (verdict_of(each, "class", NEUTRAL) for each in (alone, clustered))
    assert (one["clusters"], five["clusters"]) == (100, 20)
    assert five["p_value"] > one["p_value"]
    assert five["high"] - five["low"] > one["high"] - one["low"]
    assert (one["finding"], five["finding"]) == ("worse", "cannot tell")


def test_a_required_axis_must_have_images():
    asked = Policy(
        version=1, margin=0.05, minimum=30, level=0.95, required=["overall", "tone=dark"]
    )
    same = every_class()
    result = judge(champion=same, candidate=same, policy=asked)
    assert result["verdict"] == "insufficient data"
    assert verdict_of(result, "tone", "dark")["n"] == 0
    same += images(30, start=9000, tone="dark")
    assert judge(champion=same, candidate=same, policy=asked)["verdict"] == "pass"


def test_an_exception_is_shown_with_its_reason_and_does_not_decide():
    exempt = policy.Exemption("class", NEUTRAL, "Relabelled since.")
    asked = Policy(version=1, margin=0.05, minimum=30, level=0.95, exceptions=[exempt])
    before, now = every_class(), every_class(neutral=range(30))
    result = judge(champion=before, candidate=now, policy=asked)
    cell = verdict_of(result, "class", NEUTRAL)
    assert cell["finding"] == "worse"
    assert cell["sentence"].startswith("Does not decide (Relabelled since). Blocked: neutral")
    overall = verdict_of(result, "overall", "all")
    assert result["verdict"] == overall["verdict"]


def test_pairs_of_axes_are_judged_where_the_policy_names_them():
    asked = Policy(version=1, margin=0.05, minimum=30, level=0.95, pairs=[["gender", "tone"]])
    before = every_class() + images(60, start=9000, gender="woman", tone="dark")
    now = every_class() + images(60, start=9000, wrong=range(30), gender="woman", tone="dark")
    result = judge(champion=before, candidate=now, policy=asked)
    cell = verdict_of(result, "gender and tone", "woman and dark")
    assert cell["finding"] == "worse"
    assert "images with gender woman and tone dark" in cell["sentence"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"margin": 0}, "margin must be above 0"),
        ({"margin": 1.5}, "margin must be above 0"),
        ({"minimum": 1}, "minimum must be 2 images or more. Received: 1"),
        ({"level": 1}, "level must be at least 0.5"),
        ({"pairs": [["tone"]]}, "pairs must be pairs of two axes"),
        ({"exceptions": [{"axis": "a", "value": "b", "reason": " "}]}, "each with a reason"),
        ({"wanted": 3}, "wanted"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_by_its_setting(tmp_path, changes, told):
    path = tmp_path / "gate.json"
    path.write_text(json.dumps(json.loads(policy.POLICY.read_text()) | changes))
    with pytest.raises(PolicyRefused, match=told):
        Policy.load(path)


def test_a_policy_that_asks_for_the_impossible_says_so_in_its_verdicts():
    strict = Policy(version=1, margin=0.001, minimum=30, level=0.95)
    result = judge(champion=every_class(), candidate=every_class(), policy=strict)
    assert result["verdict"] == "pass"
    (warning,) = result["warnings"]
    assert "passes only where no image is newly wrong" in warning
    assert Policy(version=1, margin=0.3, minimum=30, level=0.95).warnings() == []


def test_many_open_cells_are_named_in_few_words():
    names = [f"{n:02}" for n in range(8)]
    before = [each for n, tone in enumerate(names) for each in images(60, start=n * 100, tone=tone)]
    now = [
        each
        for n, tone in enumerate(names)
        for each in images(60, wrong=(0, 1), start=n * 100, tone=tone)
    ]
    sentence = judge(champion=before, candidate=now, policy=POLICY)["sentence"]
    assert "images with tone 01, images with tone 02 and 5 more" in sentence
