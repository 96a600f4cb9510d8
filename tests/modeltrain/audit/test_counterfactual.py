"""Answers to images that differ in one thing only."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from modeltrain.audit import counterfactual
from modeltrain.audit.counterfactual import CounterpartSet, SetsRefused
from modeltrain.audit.evaluate import Predicted
from modeltrain.audit.fairness import clustered_rate, mean_interval, rate
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.images.perturbations import PERTURBATIONS
from modeltrain.labels import LABELS
from tests.modeltrain.conftest import blobs

DRAWINGS, _, NEUTRAL, PORN, _ = LABELS


def answered(sha256, label, *, nsfw=0.0, cluster=None):
    """An answer whose NSFW score is `nsfw`, or 1 if the label is porn."""
    scores = dict.fromkeys(LABELS, 0.0) | {label: 1 - nsfw if label != PORN else 1.0}
    if label != PORN:
        scores[PORN] = nsfw
    return Predicted(sha256, cluster or sha256, DRAWINGS, {}, scores)


def pair(name, **images):
    return CounterpartSet("tone", name, images)


def test_every_figure_of_two_sets_can_be_counted():
    answers = [
        answered("a", DRAWINGS, nsfw=0.25, cluster="hand"),
        answered("b", DRAWINGS),
        answered("c", PORN, cluster="cook"),
        answered("d", NEUTRAL, nsfw=0.25),
    ]
    sets = [pair("hand", light="a", dark="b"), pair("cook", dark="c", light="d")]
    sets += [pair("missing", dark="e", light="a"), CounterpartSet("age", "gone", {"old": "f"})]
    figures = counterfactual.compare_sets(answers, sets)
    half = rate(count=1, n=2)
    dark, light = mean_interval([-0.25, 0.75], list("ab")), mean_interval([0.25, -0.75], list("ab"))
    assert list(figures) == ["age", "tone"]
    assert figures["age"]["left_out"] == 1
    assert figures["tone"] == {
        "kind": "given",
        "left_out": 1,
        "sets": 2,
        "images": 4,
        "flips": half,
        "flags": half,
        "values": {
            "dark": {"n": 2, "clusters": 2, "shift": 0.25, "low": dark[0], "high": dark[1]},
            "light": {"n": 2, "clusters": 2, "shift": -0.25, "low": light[0], "high": light[1]},
        },
        "worst": [
            {
                "name": "cook",
                "spread": 0.75,
                "images": [
                    {"value": "dark", "sha256": "c", "label": PORN, "nsfw_score": 1.0},
                    {"value": "light", "sha256": "d", "label": NEUTRAL, "nsfw_score": 0.25},
                ],
            },
            {
                "name": "hand",
                "spread": 0.25,
                "images": [
                    {"value": "dark", "sha256": "b", "label": DRAWINGS, "nsfw_score": 0.0},
                    {"value": "light", "sha256": "a", "label": DRAWINGS, "nsfw_score": 0.25},
                ],
            },
        ],
    }
    assert json.loads(json.dumps(figures)) == figures


def test_two_labels_are_a_flip_and_two_sides_a_flag():
    answers = [
        answered("a", DRAWINGS),
        answered("b", NEUTRAL),
        answered("c", DRAWINGS),
        answered("d", PORN),
        answered("e", DRAWINGS),
        answered("f", DRAWINGS),
    ]
    sets = [pair("1", dark="a", light="b"), pair("2", dark="c", light="d")]
    sets.append(pair("3", dark="e", light="f"))
    figures = counterfactual.compare_sets(answers, sets)["tone"]
    assert (figures["sets"], figures["images"]) == (3, 6)
    assert (figures["flips"]["count"], figures["flags"]["count"]) == (2, 1)


def test_the_shift_is_the_distance_from_the_mean_of_the_rest_of_the_set():
    answers = [
        answered(sha256, DRAWINGS, nsfw=nsfw)
        for sha256, nsfw in (("a", 0.375), ("b", 0.125), ("c", 0.0), ("d", 0.25), ("e", 0.25))
    ]
    sets = [pair("1", dark="a", medium="b", light="c"), pair("2", medium="d", light="e")]
    values = counterfactual.compare_sets(answers, sets)["tone"]["values"]
    assert {value: (cell["n"], cell["shift"]) for value, cell in values.items()} == {
        "dark": (1, 0.375 - 0.125 / 2),
        "light": (2, (0.0 - 0.25) / 2),
        "medium": (2, (0.125 - 0.375 / 2) / 2),
    }
    assert (values["dark"]["low"], values["dark"]["high"]) == (None, None)


def test_the_ten_sets_that_differ_most_come_first_ties_by_name():
    answers = [answered("a", DRAWINGS)]
    answers += [answered(f"b{n}", DRAWINGS, nsfw=0.25 if n == 5 else 0.125) for n in range(12)]
    sets = [pair(f"set {n:02}", dark="a", light=f"b{n}") for n in range(11, -1, -1)]
    worst = counterfactual.compare_sets(answers, sets)["tone"]["worst"]
    expected = [5, 0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert [shown["name"] for shown in worst] == [f"set {n:02}" for n in expected]


def test_sets_of_one_cluster_count_for_less():
    names = [f"{n:02}" for n in range(40)]
    for clustered in (True, False):
        answers = [
            answered(
                name,
                DRAWINGS if n < 30 else NEUTRAL,
                nsfw=0.0 if n < 30 else 0.25,
                cluster=f"{n // 10}" if clustered else None,
            )
            for n, name in enumerate(names)
        ]
        answers += [answered(f"x{name}", DRAWINGS) for name in names]
        sets = [pair(name, dark=name, light=f"x{name}") for name in names]
        figures = counterfactual.compare_sets(answers, sets)["tone"]
        flips, dark = figures["flips"], figures["values"]["dark"]
        clusters = [f"{n // 10}" if clustered else name for n, name in enumerate(names)]
        assert flips == clustered_rate([n >= 30 for n in range(40)], clusters)
        assert (dark["low"], dark["high"]) == mean_interval([0.0] * 30 + [0.25] * 10, clusters)
        assert (flips["high"] - flips["low"] > 0.5) is clustered


def test_a_set_with_a_missing_answer_is_left_out_and_counted():
    figures = counterfactual.compare_sets(
        [answered("a", DRAWINGS)], [pair("1", dark="a", light="b")]
    )
    assert (figures["tone"]["sets"], figures["tone"]["left_out"]) == (0, 1)
    assert figures["tone"]["flips"]["rate"] is None
    assert json.loads(json.dumps(figures)) == figures


def test_no_shifts_have_no_mean():
    nothing = {"n": 0, "clusters": 0, "shift": None, "low": None, "high": None}
    assert counterfactual._mean_shift([], []) == nothing


def test_sets_come_back_as_they_were(tmp_path):
    path = tmp_path / "sets.jsonl"
    sets = [
        pair("1", light="b", dark="a"),
        CounterpartSet("gender", "köchin", {"man": "c", "woman": "d"}),
    ]
    counterfactual.write_sets(path, iter(sets))
    assert counterfactual.read_sets(path) == sets[::-1]
    assert path.read_text(encoding="utf-8") == (
        '{"axis": "gender", "images": {"man": "c", "woman": "d"}, "name": "köchin"}\n'
        '{"axis": "tone", "images": {"dark": "a", "light": "b"}, "name": "1"}\n'
    )


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[" * 100_000,
        "[]",
        "[" + 70 * " " + "]",
        '{"axis": "tone", "name": "1"}',
        '{"axis": "tone", "name": "1", "images": ["a", "b"]}',
        '{"axis": "tone", "name": "1", "images": {"dark": "a"}}',
        '{"axis": "tone", "name": "1", "images": {"dark": "a", "light": "a"}}',
        '{"axis": "tone", "name": "1", "images": {"dark": "a", "light": ["b"]}}',
    ],
)
def test_a_line_that_is_no_set_is_named(tmp_path, line):
    good = '{"axis": "tone", "name": "1", "images": {"dark": "a", "light": "b"}}'
    (tmp_path / "sets.jsonl").write_text(f"{good}\n{line}\n")
    with pytest.raises(SetsRefused) as refusal:
        counterfactual.read_sets(tmp_path / "sets.jsonl")
    assert str(refusal.value) == (
        "Each line must be a set with axis, name and images, two or more different ones by their "
        f"value. Received: {line[:60]!r} (sets.jsonl, line 2). Correct it."
    )


class RednessClassifier:
    """The redder, the more explicit, so that the effect of a change can be told beforehand."""

    def classify(self, pixels):
        red = float(pixels[..., 0].mean() - pixels[..., 1:].mean()) / 255
        porn = min(max(0.5 + red, 0.0), 1.0)
        return SimpleNamespace(scores=dict.fromkeys(LABELS, 0.0) | {PORN: porn, NEUTRAL: 1 - porn})


@pytest.fixture
def reds(tmp_path):
    rows, images = [], {}
    for seed in range(6):
        pixels = blobs(seed).copy()
        pixels[..., 0] = np.maximum(pixels[..., 0], 200)
        pixels[..., 1:] //= 2
        sha256 = pixel_sha256(pixels)
        images[sha256] = tmp_path / f"{seed}.png"
        images[sha256].write_bytes(to_png(pixels))
        rows.append(Row(sha256, NEUTRAL, {}, "audit", "made", str(seed)))
    return rows, images


def test_the_effect_of_every_change_is_counted(reds):
    figures = counterfactual.compare_changes(RednessClassifier(), *reds, lambda *_: None)
    assert set(figures) == set(PERTURBATIONS)
    grey, mirrored = figures["greyscale"], figures["mirrored"]
    assert (mirrored["flips"]["count"], mirrored["shift"]["shift"]) == (0, 0)
    assert grey["shift"]["high"] < 0  # no red is left
    assert grey["worst"][0]["after"]["nsfw_score"] == pytest.approx(0.5, abs=0.01)
    assert json.loads(json.dumps(figures)) == figures


def test_every_figure_of_a_change_can_be_counted(tmp_path):
    """Three uniform images of known redness, and a change that takes all colour away."""
    rows, images, steps = [], {}, []
    for name, red in (("a", 255), ("b", 0), ("c", 51)):
        pixels = np.zeros((4, 4, 3), np.uint8)
        pixels[..., 0] = red
        sha256 = pixel_sha256(pixels)
        images[sha256] = tmp_path / name
        images[sha256].write_bytes(to_png(pixels))
        rows.append(Row(sha256, NEUTRAL, {}, "audit", "made", "ab" if name in "ab" else "c"))

    def black(image):
        return Image.new("RGB", image.size)

    figures = counterfactual.compare_changes(
        RednessClassifier(),
        rows,
        images,
        lambda *step: steps.append(step),
        changes={"black": black},
    )
    assert steps == [(1, 3), (2, 3), (3, 3)]
    # Redness 1, 0 and 0.2: NSFW scores 1, 0.5 and 0.7. Of equal scores neutral comes first.
    low, high = mean_interval([-0.5, 0.0, -0.2], ["ab", "ab", "c"])
    black_answer = {"label": NEUTRAL, "nsfw_score": 0.5}
    assert figures == {
        "black": {
            "kind": "made",
            "images": 3,
            "flips": clustered_rate([True, False, True], ["ab", "ab", "c"]),
            "flags": clustered_rate([True, False, True], ["ab", "ab", "c"]),
            "shift": {
                "n": 3,
                "clusters": 2,
                "shift": pytest.approx(-0.7 / 3),
                "low": pytest.approx(low),
                "high": pytest.approx(high),
            },
            "worst": [
                {
                    "sha256": rows[n].sha256,
                    "before": {"label": label, "nsfw_score": pytest.approx(score)},
                    "after": black_answer,
                }
                for n, label, score in ((0, PORN, 1.0), (2, PORN, 0.7), (1, NEUTRAL, 0.5))
            ],
        }
    }


def test_a_change_of_label_on_the_same_side_is_no_flag():
    rows = [Row(sha256, NEUTRAL, {}, "audit", "made", sha256) for sha256 in "ba"]
    before = [answered("a", NEUTRAL).scores] * 2
    figures = counterfactual._change_figures(rows, before, [answered("a", DRAWINGS).scores] * 2)
    assert (figures["flips"]["count"], figures["flags"]["count"]) == (2, 0)
    assert [shown["sha256"] for shown in figures["worst"]] == ["a", "b"]  # ties by hash


def test_ten_changed_images_are_shown():
    rows = [Row(f"{n:02}", NEUTRAL, {}, "audit", "made", str(n)) for n in range(12)]
    before = [answered("a", NEUTRAL, nsfw=0.25).scores] * 12
    after = [answered("a", NEUTRAL, nsfw=(n % 2) * n / 32).scores for n in range(12)]
    worst = counterfactual._change_figures(rows, before, after)["worst"]
    # Even images fall by 0.25; odd ones go to n/32, of which 1/32, 3/32 and 5/32 fall less.
    assert [shown["sha256"] for shown in worst] == [
        *("00", "02", "04", "06", "08", "10"),
        *("01", "03", "05", "11"),
    ]


def row(sha256, cluster="singer", label=DRAWINGS, **groups):
    return Row(sha256, label, groups, "audit", "test", cluster)


def test_counterparts_share_a_cluster_and_differ_in_one_group():
    sets = counterfactual.find_counterparts(
        [
            row("a", tone="light", gender="woman"),
            row("b", tone="dark", gender="woman"),
            row("c", tone="dark", gender="man"),
            row("d", tone="medium"),
            row("e", cluster="another", tone="light", gender="woman"),
        ]
    )
    assert sets == [
        CounterpartSet("gender", "singer, dark", {"man": "c", "woman": "b"}),
        CounterpartSet("tone", "singer, woman", {"dark": "b", "light": "a"}),
    ]


def test_a_set_is_named_by_what_is_not_the_same_for_its_whole_cluster():
    sets = counterfactual.find_counterparts(
        [
            row("e", cluster="cook", tone="dark", medium="photo"),
            row("a", tone="light", medium="vector"),
            row("b", tone="dark", medium="vector"),
            row("c", cluster="cook", tone="light", medium="vector", age="old"),
            row("d", cluster="cook", tone="dark", medium="vector", age="old"),
        ]
    )
    assert [(counterparts.axis, counterparts.name) for counterparts in sets] == [
        ("tone", "cook, old, vector"),
        ("tone", "singer"),
    ]
    assert [list(counterparts.images) for counterparts in sets] == [["dark", "light"]] * 2


def test_images_with_different_labels_are_no_counterparts():
    assert not counterfactual.find_counterparts(
        [row("a", tone="light"), row("b", tone="dark", label=NEUTRAL)]
    )


def test_of_two_images_with_one_value_neither_is_the_counterpart():
    rows = [row("a", tone="light"), row("b", tone="dark"), row("c", tone="dark")]
    assert counterfactual.find_counterparts(rows) == []
    rows += [row("d", tone="medium")]
    assert [counterparts.images for counterparts in counterfactual.find_counterparts(rows)] == [
        {"light": "a", "medium": "d"}
    ]


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - zip without `strict`: `before` and `after` have one entry per row.
# - encoding="UTF-8" or the locale's: the same here; ensure_ascii=None is as false as False.
