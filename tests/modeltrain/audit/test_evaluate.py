import json
from types import SimpleNamespace

import numpy as np
import pytest

from modeltrain.audit import evaluate
from modeltrain.audit.evaluate import Predicted, PredictionsError
from modeltrain.audit.fairness import rates_by_group
from modeltrain.audit.minimum import MINIMUM_IMAGES
from modeltrain.data.manifest import Row
from modeltrain.gate.policy import Policy
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.labels import LABELS
from modeltrain.model.features import ImageMissing

DRAWINGS, HENTAI, NEUTRAL, PORN, _ = LABELS


def said(label, sure=0.9):
    return {each: sure if each == label else (1 - sure) / 4 for each in LABELS}


def predicted(number, expected, label, **groups):
    return Predicted(f"{number:064x}", f"cluster {number}", expected, groups, said(label))


class Stub:
    """Calls what is mostly red neutral, all else a drawing."""

    def classify(self, pixels):
        red = pixels[..., 0].mean() > 128
        return SimpleNamespace(scores=said(NEUTRAL if red else DRAWINGS))


@pytest.fixture
def audit_set(tmp_path):
    rows, images = [], {}
    for number, level in enumerate((0, 250)):
        pixels = np.full((4, 4, 3), level, np.uint8)
        sha256 = pixel_sha256(pixels)
        (tmp_path / f"{number}.png").write_bytes(to_png(pixels))
        images[sha256] = tmp_path / f"{number}.png"
        rows.append(Row(sha256, DRAWINGS, {"tone": "dark"}, "audit", "here", str(number)))
    return rows, images


def test_every_image_is_predicted_in_order(audit_set):
    rows, images = audit_set
    steps = []
    found = evaluate.predict(Stub(), rows, images, lambda *step: steps.append(step))
    assert [each.predicted for each in found] == [DRAWINGS, NEUTRAL]
    assert [each.sha256 for each in found] == [row.sha256 for row in rows]
    assert found[0].groups == {"tone": "dark"}
    assert steps == [(1, 2), (2, 2)]


def test_another_image_under_the_same_name_is_refused(audit_set):
    rows, images = audit_set
    images[rows[0].sha256] = images[rows[1].sha256]
    with pytest.raises(ImageMissing):
        evaluate.predict(Stub(), rows, images, lambda *_: None)


def test_predictions_come_back_as_they_were(tmp_path):
    there = [predicted(2, NEUTRAL, PORN, tone="dark"), predicted(1, NEUTRAL, NEUTRAL)]
    sha256 = evaluate.write_predictions(tmp_path / "p.jsonl", there)
    assert evaluate.read_predictions(tmp_path / "p.jsonl") == there[::-1]
    assert evaluate.write_predictions(tmp_path / "q.jsonl", there[::-1]) == sha256
    assert {p.name for p in tmp_path.iterdir()} == {"p.jsonl", "q.jsonl"}


@pytest.mark.parametrize(
    "changes",
    [
        {"expected": "cat"},
        {"scores": {"cat": 1.0}},
        {"scores": said(NEUTRAL) | {NEUTRAL: 2.0}},
        {"groups": []},
        {"sha256": 7},
        {"more": 1},
    ],
)
def test_a_broken_line_of_predictions_is_named(tmp_path, changes):
    good = {
        "sha256": "1",
        "cluster": "1",
        "expected": NEUTRAL,
        "groups": {},
        "scores": said(NEUTRAL),
    }
    lines = [good, good | {"sha256": "2"} | changes]
    (tmp_path / "p").write_text("\n".join(json.dumps(line) for line in lines))
    with pytest.raises(PredictionsError, match="line 2"):
        evaluate.read_predictions(tmp_path / "p")


def test_an_image_predicted_twice_is_refused(tmp_path):
    evaluate.write_predictions(tmp_path / "p", [predicted(1, NEUTRAL, NEUTRAL)] * 2)
    with pytest.raises(PredictionsError, match="line 2"):
        evaluate.read_predictions(tmp_path / "p")


def test_equal_scores_give_the_first_label():
    each = Predicted("1", "1", NEUTRAL, {}, dict.fromkeys(reversed(LABELS), 0.2))
    assert each.predicted == LABELS[0]


def test_errors_are_counted_by_kind():
    figures = evaluate.audit(
        [
            predicted(1, NEUTRAL, NEUTRAL),
            predicted(2, NEUTRAL, PORN),
            predicted(3, NEUTRAL, DRAWINGS),
            predicted(4, DRAWINGS, HENTAI),
            predicted(5, PORN, NEUTRAL),
            predicted(6, PORN, HENTAI),
        ]
    )
    overall = figures["overall"]
    assert [overall[k]["count"] for k in ("error", "false_alarm", "miss", "confusion")] == [
        5,
        2,
        1,
        2,
    ]
    assert [overall[k]["n"] for k in ("error", "false_alarm", "miss", "confusion")] == [6, 4, 2, 6]
    assert figures["classes"][NEUTRAL]["error"]["rate"] == pytest.approx(2 / 3)
    assert figures["classes"][NEUTRAL]["miss"]["rate"] is None
    assert figures["classes"][PORN]["false_alarm"]["n"] == 0


def test_a_class_without_images_is_no_data():
    cell = evaluate.audit([predicted(1, NEUTRAL, NEUTRAL)])["classes"][PORN]
    assert cell["n"] == 0
    assert not cell["enough"]
    assert cell["error"]["rate"] is None


def test_groups_hold_only_images_that_the_axis_speaks_of():
    figures = evaluate.audit(
        [
            predicted(1, NEUTRAL, NEUTRAL, tone="dark"),
            predicted(2, NEUTRAL, PORN, tone="light", medium="vector"),
            predicted(3, NEUTRAL, PORN),
        ]
    )
    assert list(figures["groups"]) == ["medium", "tone"]
    assert figures["groups"]["tone"]["dark"]["error"]["rate"] == 0
    assert figures["groups"]["tone"]["light"]["error"]["rate"] == 1
    assert figures["groups"]["medium"]["vector"]["n"] == 1


@pytest.mark.parametrize(("images", "enough"), [(29, False), (30, True)])
def test_enough_is_the_minimum(images, enough):
    figures = evaluate.audit([predicted(n, NEUTRAL, NEUTRAL) for n in range(images)])
    assert figures["minimum"] == 30
    assert figures["overall"]["enough"] is enough


def test_an_audit_of_nothing_is_no_data():
    figures = evaluate.audit([])
    assert figures["images"] == 0
    assert figures["overall"]["error"]["rate"] is None
    assert figures["groups"] == {}


def test_figures_are_those_of_rates_by_group_and_ready_for_json():
    random = np.random.default_rng(3)
    images = [
        predicted(n, NEUTRAL, random.choice([NEUTRAL, PORN]), tone=str(random.choice(["a", "b"])))
        for n in range(50)
    ]
    figures = evaluate.audit(images)
    expected = rates_by_group(
        events=[each.predicted != NEUTRAL for each in images],
        values=[each.groups["tone"] for each in images],
    )
    for value, rate in expected.items():
        assert figures["groups"]["tone"][value]["error"] == rate
    assert json.loads(json.dumps(figures)) == figures


def test_audit_and_gate_share_their_minimum_and_level():
    policy = Policy.load()
    assert (policy.minimum, policy.level) == (MINIMUM_IMAGES, evaluate.LEVEL)


def test_pairs_of_axes_are_counted_where_both_speak_of_an_image():
    figures = evaluate.audit(
        [
            predicted(1, NEUTRAL, NEUTRAL, tone="dark", gender="woman"),
            predicted(2, NEUTRAL, PORN, tone="dark", gender="woman"),
            predicted(3, NEUTRAL, PORN, tone="dark"),
        ]
    )
    (pair,) = figures["pairs"]
    assert pair["axes"] == ["gender", "tone"]
    (cell,) = pair["cells"]
    assert cell["values"] == ["woman", "dark"]
    assert (cell["error"]["count"], cell["n"]) == (1, 2)


def test_the_confusion_is_counted_by_expected_label_and_answer():
    table = evaluate.audit([predicted(1, NEUTRAL, PORN), predicted(2, NEUTRAL, NEUTRAL)])[
        "confusion"
    ]
    place = LABELS.index(NEUTRAL)
    assert (table[place][LABELS.index(PORN)], table[place][place]) == (1, 1)
    assert sum(map(sum, table)) == 2


def test_nsfw_scores_are_counted_by_hundredths_on_each_side():
    cell = evaluate.audit([predicted(1, NEUTRAL, PORN), predicted(2, PORN, PORN)])["overall"]
    safe, nsfw = cell["nsfw_scores"]["safe"], cell["nsfw_scores"]["nsfw"]
    assert (sum(safe), sum(nsfw)) == (1, 1)
    assert safe[95] == nsfw[95] == 1  # porn 0.9, sexy and hentai 0.025 each


def test_calibration_is_the_distance_from_how_sure_it_was():
    always_right = [predicted(n, NEUTRAL, NEUTRAL) for n in range(10)]
    assert evaluate.audit(always_right)["overall"]["ece"] == pytest.approx(0.1)
    assert evaluate.audit([])["overall"]["ece"] is None


def test_intervals_know_which_images_belong_together():
    images = [predicted(n, NEUTRAL, PORN if n < 20 else NEUTRAL) for n in range(100)]
    of_five = [
        Predicted(each.sha256, str(n // 5), each.expected, each.groups, each.scores)
        for n, each in enumerate(images)
    ]
    alone, together = (evaluate.audit(each)["overall"]["error"] for each in (images, of_five))
    assert (alone["clusters"], together["clusters"]) == (100, 20)
    assert together["low"] < alone["low"]
