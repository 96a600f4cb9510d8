import dataclasses
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from modeltrain.audit import columns, evaluate
from modeltrain.audit.evaluate import Predicted, PredictionsError
from modeltrain.audit.fairness import (
    effective_sample_size,
    rate,
    rates_by_group,
)
from modeltrain.audit.headlines import headlines
from modeltrain.audit.minimum import MINIMUM_IMAGES
from modeltrain.audit.shrinkage import shrunk_rates
from modeltrain.data.manifest import Row
from modeltrain.gate.policy import Policy
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.labels import LABELS
from modeltrain.model.features import ImageMissing

DRAWINGS, HENTAI, NEUTRAL, PORN, SEXY = LABELS
RATES = ("error", "false_alarm", "miss", "confusion")


def scores_for(label, confidence=0.9):
    return {name: confidence if name == label else (1 - confidence) / 4 for name in LABELS}


def predicted(number, expected, label, **groups):
    return Predicted(f"{number:064x}", f"cluster {number}", expected, groups, scores_for(label))


class RednessClassifier:
    """Calls an image neutral if it is mostly red, and anything else a drawing."""

    def classify(self, pixels):
        red = pixels[..., 0].mean() > 128
        return SimpleNamespace(scores=scores_for(NEUTRAL if red else DRAWINGS))


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
    answers = evaluate.predict(RednessClassifier(), rows, images, lambda *step: steps.append(step))
    assert answers == [
        Predicted(rows[0].sha256, "0", DRAWINGS, {"tone": "dark"}, scores_for(DRAWINGS)),
        Predicted(rows[1].sha256, "1", DRAWINGS, {"tone": "dark"}, scores_for(NEUTRAL)),
    ]
    assert [answer.predicted for answer in answers] == [DRAWINGS, NEUTRAL]
    assert steps == [(1, 2), (2, 2)]


def test_another_image_under_the_same_name_is_refused(audit_set):
    rows, images = audit_set
    images[rows[0].sha256] = images[rows[1].sha256]
    with pytest.raises(ImageMissing):
        evaluate.predict(RednessClassifier(), rows, images, lambda *_: None)


def test_predictions_come_back_as_they_were(tmp_path):
    answers = [predicted(2, NEUTRAL, PORN, tone="dark"), predicted(1, NEUTRAL, NEUTRAL)]
    sha256 = evaluate.write_predictions(tmp_path / "p.jsonl", answers)
    assert evaluate.read_predictions(tmp_path / "p.jsonl") == answers[::-1]
    assert evaluate.write_predictions(tmp_path / "q.jsonl", answers[::-1]) == sha256
    assert {path.name for path in tmp_path.iterdir()} == {"p.jsonl", "q.jsonl"}


def test_a_line_of_predictions_is_canonical_json(tmp_path):
    scores = dict(zip(LABELS, (0.5, 0.25, 0.25, 0.0, 0.0), strict=True))
    answer = Predicted("ab" * 32, "é", NEUTRAL, {"tone": "dark"}, scores)
    evaluate.write_predictions(tmp_path / "p.jsonl", [answer])
    assert (tmp_path / "p.jsonl").read_text(encoding="utf-8") == (
        '{"cluster":"é","expected":"neutral","groups":{"tone":"dark"},"scores":{"drawings":0.5,'
        '"hentai":0.25,"neutral":0.25,"porn":0.0,"sexy":0.0},"sha256":"' + "ab" * 32 + '"}\n'
    )


def test_answers_are_read_from_lines_or_columns(tmp_path):
    answers = [predicted(1, NEUTRAL, PORN, tone="dark")]
    evaluate.write_predictions(tmp_path / "a.jsonl", answers)
    columns.write(tmp_path / "a.npz", columns.from_predicted(answers))
    (from_lines,) = evaluate.read_answers(tmp_path / "a.jsonl")
    (from_columns,) = evaluate.read_answers(tmp_path / "a.npz")
    assert from_lines == answers[0]
    assert (from_columns.sha256, from_columns.groups) == (answers[0].sha256, {"tone": "dark"})
    assert from_columns.scores == pytest.approx(answers[0].scores)


@pytest.mark.parametrize(
    "changes",
    [
        {"expected": "cat"},
        {"scores": {"cat": 1.0}},
        {"scores": 1.0},
        {"scores": scores_for(NEUTRAL) | {NEUTRAL: 2.0}},
        {"scores": scores_for(NEUTRAL) | {NEUTRAL: 1.001}},
        {"scores": scores_for(NEUTRAL) | {NEUTRAL: -0.1}},
        {"scores": scores_for(NEUTRAL) | {NEUTRAL: "1"}},
        {"groups": []},
        {"sha256": 7},
        {"sha256": "ab"},
        {"sha256": "z" * 64},
        {"sha256": "AB" * 32},  # the first image again
        {"cluster": 7},
        {"cluster": "\ud800"},
        {"groups": {"tone": "\udfff"}},
        {"groups": {"\ud800": "dark"}},
        {"more": 1},
    ],
)
def test_a_broken_line_of_predictions_is_named(tmp_path, changes):
    good = {
        "sha256": "ab" * 32,
        "cluster": "1",
        "expected": NEUTRAL,
        "groups": {},
        "scores": scores_for(NEUTRAL),
    }
    lines = [good, good | {"sha256": "cd" * 32} | changes]
    (tmp_path / "p").write_text("\n".join(json.dumps(line) for line in lines))
    with pytest.raises(PredictionsError, match=r"\(p, line 2\)"):
        evaluate.read_predictions(tmp_path / "p")


@pytest.mark.parametrize(
    ("changes", "received"),
    [
        ({"sha256": "abcd"}, "sha256 'abcd'"),
        ({"expected": ["neutral"]}, "expected ['neutral']"),
        ({"cluster": 7}, "cluster 7 and groups {}"),
        ({"scores": {}}, "scores {}"),
        ({"scores": scores_for(NEUTRAL) | {PORN: 2}}, "a score of 2"),
        ({"sha256": "0" * 63 + "2"}, f"image {2:064x} again"),
    ],
)
def test_the_value_that_breaks_the_rule_is_named(tmp_path, changes, received):
    lines = [dataclasses.asdict(predicted(number, NEUTRAL, NEUTRAL)) for number in (2, 3)]
    lines[1] |= changes
    (tmp_path / "p").write_text("\n".join(json.dumps(line) for line in lines))
    with pytest.raises(PredictionsError, match=re.escape(f"Received: {received} (p, line 2).")):
        evaluate.read_predictions(tmp_path / "p")


@pytest.mark.parametrize("line", [b"\xff\xfe", b"[" * 100_000, b'{"groups":' * 100_000])
def test_a_line_that_no_parser_reads_is_refused(tmp_path, line):
    (tmp_path / "p").write_bytes(line)
    with pytest.raises(PredictionsError, match=r"\(p, line 1\)"):
        evaluate.read_predictions(tmp_path / "p")


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x1c", "\r"])
def test_a_line_ends_at_a_line_feed_alone(tmp_path, separator):
    answer = dataclasses.replace(
        predicted(1, NEUTRAL, PORN, tone=f"a{separator}b"), cluster=f"{separator}c"
    )
    evaluate.write_predictions(tmp_path / "p", [answer, predicted(2, NEUTRAL, PORN)])
    assert evaluate.read_predictions(tmp_path / "p")[0] == answer


@pytest.mark.parametrize("line", ["{", "[]", "7", "[" + 70 * " " + "]"])
def test_a_line_that_is_no_object_is_refused(tmp_path, line):
    (tmp_path / "p").write_text(line)
    with pytest.raises(PredictionsError) as refusal:
        evaluate.read_predictions(tmp_path / "p")
    assert str(refusal.value) == (
        "Each line must be one prediction with cluster, expected, groups, scores, sha256, each "
        "image once; sha256 has 64 hexadecimal digits, a score is a number from 0 to 1, and a name "
        f"is text. Received: {line[:60]!r} (p, line 1). Run the audit again."
    )


@pytest.mark.parametrize("score", [0, 0.0, 1, 1.0001])
def test_a_score_may_be_rounded_slightly_above_one(tmp_path, score):
    answer = dataclasses.replace(
        predicted(1, NEUTRAL, NEUTRAL), scores=scores_for(NEUTRAL) | {NEUTRAL: score}
    )
    evaluate.write_predictions(tmp_path / "p", [answer])
    assert evaluate.read_predictions(tmp_path / "p") == [answer]


def test_an_image_predicted_twice_is_refused(tmp_path):
    evaluate.write_predictions(tmp_path / "p", [predicted(1, NEUTRAL, NEUTRAL)] * 2)
    with pytest.raises(PredictionsError, match="line 2"):
        evaluate.read_predictions(tmp_path / "p")


def test_hashes_are_read_in_any_case_and_kept_in_lower_case(tmp_path):
    line = dataclasses.asdict(predicted(171, NEUTRAL, NEUTRAL))
    line["sha256"] = line["sha256"].upper()
    (tmp_path / "p.jsonl").write_text(json.dumps(line))
    (answer,) = evaluate.read_predictions(tmp_path / "p.jsonl")
    assert answer.sha256 == f"{171:064x}"


def test_equal_scores_give_the_first_label():
    answer = Predicted("1", "1", NEUTRAL, {}, dict.fromkeys(reversed(LABELS), 0.2))
    assert answer.predicted == LABELS[0]


def test_the_nsfw_score_is_the_sum_of_three_and_at_most_one():
    scores = {DRAWINGS: 0.5, HENTAI: 0.125, NEUTRAL: 0.25, PORN: 0.0625, SEXY: 0.0625}
    assert evaluate.nsfw_score(scores) == 0.25
    assert evaluate.nsfw_score(dict.fromkeys(LABELS, 0.5)) == 1.0


def test_every_figure_of_two_images_can_be_counted():
    answers = [
        predicted(1, NEUTRAL, PORN, tone="dark"),
        predicted(2, PORN, PORN, tone="dark", medium="photo"),
    ]
    figures = evaluate.audit(answers, minimum=2, level=0.8)

    one_of_two = rate(count=1, n=2, level=0.8)
    one_of_one = rate(count=1, n=1, level=0.8)
    none_of = {n: rate(count=0, n=n, level=0.8) for n in range(3)}
    histogram = [0] * 95 + [1] + [0] * 5  # porn 0.9, hentai and sexy 0.025 each
    both = {
        "n": 2,
        "enough": True,
        "error": one_of_two,
        "false_alarm": one_of_one,
        "miss": none_of[1],
        "confusion": none_of[2],
        "ece": pytest.approx(0.4),  # confidence 0.9, 1 of 2 right
        "nsfw_scores": {"safe": histogram, "nsfw": histogram},
    }
    false_alarm = {
        "n": 1,
        "enough": False,
        "error": one_of_one,
        "false_alarm": one_of_one,
        "miss": none_of[0],
        "confusion": none_of[1],
        "ece": pytest.approx(0.9),
        "nsfw_scores": {"safe": histogram, "nsfw": []},
    }
    correct = {
        "n": 1,
        "enough": False,
        "error": none_of[1],
        "false_alarm": none_of[0],
        "miss": none_of[1],
        "confusion": none_of[1],
        "ece": pytest.approx(0.1),
        "nsfw_scores": {"safe": [], "nsfw": histogram},
    }
    no_data = {
        "n": 0,
        "enough": False,
        **dict.fromkeys(RATES, none_of[0]),
        "ece": None,
        "nsfw_scores": {"safe": [], "nsfw": []},
    }
    nsfw_scores = correct.pop("nsfw_scores")
    assert figures["pairs"] == [
        {"axes": ["medium", "tone"], "cells": [{"values": ["photo", "dark"], **correct}]}
    ]
    correct["nsfw_scores"] = nsfw_scores
    assert list(figures.items()) == [
        ("images", 2),
        ("minimum", 2),
        ("level", 0.8),
        ("labels", list(LABELS)),
        ("confusion", [[0] * 5, [0] * 5, [0, 0, 0, 1, 0], [0, 0, 0, 1, 0], [0] * 5]),
        ("overall", both),
        (
            "classes",
            {DRAWINGS: no_data, HENTAI: no_data, NEUTRAL: false_alarm}
            | {PORN: correct, SEXY: no_data},
        ),
        (
            "groups",
            {
                "medium": {"photo": correct | {"shrunk": {}}},
                "tone": {"dark": both | {"shrunk": {}}},
            },
        ),
        ("not_stated", {"medium": false_alarm}),
        ("headlines", headlines(columns.from_predicted(answers), minimum=2, level=0.8)),
        ("pairs", figures["pairs"]),
    ]
    assert json.loads(json.dumps(figures)) == figures


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
    assert [overall[name]["count"] for name in RATES] == [5, 2, 1, 2]
    assert [overall[name]["n"] for name in RATES] == [6, 4, 2, 6]
    assert figures["classes"][NEUTRAL]["error"]["rate"] == pytest.approx(2 / 3)
    assert figures["classes"][NEUTRAL]["miss"]["rate"] is None
    assert figures["classes"][PORN]["false_alarm"]["n"] == 0


def test_a_class_without_images_is_no_data():
    cell = evaluate.audit([predicted(1, NEUTRAL, NEUTRAL)])["classes"][PORN]
    assert cell["n"] == 0
    assert not cell["enough"]
    assert cell["error"]["rate"] is None


def test_a_group_contains_only_images_with_a_value_on_its_axis():
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
    assert figures["not_stated"]["tone"]["error"]["count"] == 1
    assert figures["not_stated"]["medium"]["n"] == 2


def test_copies_of_one_picture_are_not_enough():
    copies = [
        dataclasses.replace(predicted(number, NEUTRAL, NEUTRAL, tone="dark"), cluster="one")
        for number in range(40)
    ]
    others = [predicted(number, NEUTRAL, NEUTRAL, tone="light") for number in range(40, 69)]
    figures = evaluate.audit(copies + others)
    assert figures["overall"]["error"]["clusters"] == MINIMUM_IMAGES
    assert figures["overall"]["enough"]
    tones = figures["groups"]["tone"]
    assert [(cell["n"], cell["enough"]) for cell in tones.values()] == [(40, False), (29, False)]


@pytest.mark.parametrize(("images", "enough"), [(29, False), (30, True)])
def test_thirty_images_are_enough(images, enough):
    figures = evaluate.audit([predicted(n, NEUTRAL, NEUTRAL) for n in range(images)])
    assert (figures["minimum"], figures["level"]) == (30, 0.95)
    assert figures["overall"]["enough"] is enough


def test_an_audit_of_nothing_is_no_data():
    figures = evaluate.audit([])
    assert figures["images"] == 0
    assert figures["overall"]["error"]["rate"] is None
    assert not figures["overall"]["enough"]
    assert figures["groups"] == {}
    assert not evaluate.audit([], minimum=1)["overall"]["enough"]
    assert evaluate.audit([], minimum=0)["overall"]["enough"]


def test_figures_are_those_of_rates_by_group():
    random = np.random.default_rng(3)
    images = [
        predicted(n, NEUTRAL, random.choice([NEUTRAL, PORN]), tone=str(random.choice(["a", "b"])))
        for n in range(50)
    ]
    figures = evaluate.audit(images)
    expected = rates_by_group(
        events=[answer.predicted != NEUTRAL for answer in images],
        values=[answer.groups["tone"] for answer in images],
    )
    for value, rates in expected.items():
        assert figures["groups"]["tone"][value]["error"] == rates
    assert json.loads(json.dumps(figures)) == figures


def test_small_groups_have_estimates_beside_their_rates():
    sizes = {"dark": (10, 5), "light": (100, 10), "medium": (200, 20), "tiny": (4, 4)}
    images = [
        dataclasses.replace(
            predicted(number, NEUTRAL, PORN if number < wrong else NEUTRAL, tone=tone),
            sha256=f"{len(tone):032x}{number:032x}",
            cluster=f"{tone} {number}",
        )
        for tone, (n, wrong) in sizes.items()
        for number in range(n)
    ]
    cells = evaluate.audit(images)["groups"]["tone"]
    raw = [wrong / n for n, wrong in sizes.values()]
    estimates = shrunk_rates(raw, [n for n, _ in sizes.values()])
    assert cells["dark"]["false_alarm"]["rate"] == 0.5
    assert cells["dark"]["shrunk"]["false_alarm"] == dataclasses.asdict(estimates[0])
    assert set(cells["dark"]["shrunk"]) == {"error", "false_alarm", "confusion"}  # none explicit
    assert cells["light"]["shrunk"]["false_alarm"] == dataclasses.asdict(estimates[1])
    assert cells["medium"]["shrunk"] == {}  # large enough to speak for itself
    assert cells["tiny"]["shrunk"] == {}


def test_estimates_count_clusters_and_spare_media_and_pairs_of_groups():
    images = [
        predicted(number, NEUTRAL, PORN if number // 30 % 5 == 0 else NEUTRAL, tone=f"{number % 3}")
        for number in range(600)
    ]
    assert evaluate.audit(images)["groups"]["tone"]["0"]["shrunk"] == {}
    tens = [
        dataclasses.replace(image, cluster=f"{image.groups['tone']} {number // 30}")
        for number, image in enumerate(images)
    ]
    assert "error" in evaluate.audit(tens)["groups"]["tone"]["0"]["shrunk"]
    media = [dataclasses.replace(image, groups={"medium": image.groups["tone"]}) for image in tens]
    assert evaluate.audit(media)["groups"]["medium"]["0"]["shrunk"] == {}
    two = [dataclasses.replace(image, groups={"tone": str(n % 2)}) for n, image in enumerate(tens)]
    assert evaluate.audit(two)["groups"]["tone"]["0"]["shrunk"] == {}


def test_estimates_are_of_images_that_the_mistake_can_happen_to_at_the_level_asked_for():
    images = [
        dataclasses.replace(
            predicted(number, label, PORN if number % size < wrong else NEUTRAL, tone=tone),
            sha256=f"{size:016x}{label == PORN:016x}{number:032x}",
            cluster=f"{tone} {label} {number // 2}",
        )
        for tone, size, wrong in (("a", 60, 20), ("b", 80, 11), ("c", 100, 7))
        for label, count in ((NEUTRAL, size), (PORN, 30))
        for number in range(count)
    ]
    cells = evaluate.audit(images, level=0.8)["groups"]["tone"]
    for measure, label in (("false_alarm", NEUTRAL), ("miss", PORN)):
        rates, effective = [], []
        for tone in "abc":
            group = [i for i in images if (i.groups["tone"], i.expected) == (tone, label)]
            wrong = np.array([image.predicted != image.expected for image in group])
            clusters = np.array([int(image.cluster.rsplit(" ", 1)[1]) for image in group])
            rates.append(wrong.mean())
            effective.append(effective_sample_size(wrong, clusters, level=0.8))
        expected = map(dataclasses.asdict, shrunk_rates(rates, effective, level=0.8))
        assert [cells[tone]["shrunk"][measure] for tone in "abc"] == list(expected)


@pytest.mark.parametrize(("size", "shown"), [(4, False), (5, True), (150, True), (151, False)])
def test_estimates_are_shown_for_groups_of_5_to_150(size, shown):
    images = [
        dataclasses.replace(
            predicted(number, NEUTRAL, PORN if number % 3 == 0 else NEUTRAL, tone=tone),
            sha256=f"{len(tone):032x}{number:032x}",
            cluster=f"{tone} {number}",
        )
        for tone, count in (("this", size), ("other", 60), ("third one", 90))
        for number in range(count)
    ]
    assert bool(evaluate.audit(images)["groups"]["tone"]["this"]["shrunk"]) == shown


def test_audit_and_gate_share_their_minimum_and_level():
    policy = Policy.load()
    assert (policy.minimum, policy.level) == (MINIMUM_IMAGES, evaluate.LEVEL)


def test_pairs_of_axes_contain_images_with_a_value_on_both():
    figures = evaluate.audit(
        [
            predicted(1, NEUTRAL, NEUTRAL, tone="very dark", gender="woman"),
            predicted(2, NEUTRAL, PORN, tone="very dark", gender="woman"),
            predicted(3, NEUTRAL, PORN, tone="very dark"),
            predicted(4, NEUTRAL, PORN, gender="man"),
        ]
    )
    (pair,) = figures["pairs"]
    assert pair["axes"] == ["gender", "tone"]
    (cell,) = pair["cells"]
    assert cell["values"] == ["woman", "very dark"]
    assert (cell["error"]["count"], cell["n"]) == (1, 2)
    assert "nsfw_scores" not in cell


def test_nsfw_scores_are_counted_by_hundredths():
    safe = dataclasses.replace(
        predicted(1, NEUTRAL, NEUTRAL), scores=dict.fromkeys(LABELS, 0.0) | {NEUTRAL: 1.0}
    )
    certain = dataclasses.replace(
        predicted(2, PORN, PORN), scores=dict.fromkeys(LABELS, 0.0) | {PORN: 1.0001}
    )
    nsfw_scores = evaluate.audit([safe, certain])["overall"]["nsfw_scores"]
    assert nsfw_scores == {"safe": [1] + [0] * 100, "nsfw": [0] * 100 + [1]}


def test_the_confusion_matrix_counts_whole_images():
    answers = [predicted(n, NEUTRAL, PORN) for n in range(3)] + [predicted(4, SEXY, DRAWINGS)]
    rows = "[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 3, 0], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]"
    assert json.dumps(evaluate.audit(answers)["confusion"]) == f"[{rows}]"


def test_calibration_is_the_distance_from_the_confidence():
    always_right = [predicted(n, NEUTRAL, NEUTRAL) for n in range(10)]
    assert evaluate.audit(always_right)["overall"]["ece"] == pytest.approx(0.1)
    assert evaluate.audit([])["overall"]["ece"] is None


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_clusters_widen_intervals(level):
    images = [predicted(n, NEUTRAL, PORN if n < 20 else NEUTRAL) for n in range(100)]
    in_fives = [dataclasses.replace(answer, cluster=str(n // 5)) for n, answer in enumerate(images)]
    alone, together = (
        evaluate.audit(answers, level=level)["overall"] for answers in (images, in_fives)
    )
    assert (alone["error"]["clusters"], together["error"]["clusters"]) == (100, 20)
    assert together["error"]["low"] < alone["error"]["low"]


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - zip without `strict`: both sides have one entry per image, or per label.
# - dtype=None: numpy chooses a type that holds the same values.
# - encoding="UTF-8" or the locale's: the same here; ensure_ascii=None is as false as False.
