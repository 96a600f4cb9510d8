"""Answers to images that are alike but for one thing."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from modeltrain.__main__ import main
from modeltrain.audit import counterfactual
from modeltrain.audit.counterfactual import PERTURBATIONS, CounterpartSet, SetsRefused
from modeltrain.audit.evaluate import Predicted
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.labels import LABELS
from tests.conftest import noise

DRAWINGS, _, NEUTRAL, PORN, _ = LABELS


def answered(sha256, label, *, nsfw=0.0, cluster=None):
    scores = dict.fromkeys(LABELS, 0.0) | {label: 1 - nsfw if label != PORN else 1.0}
    if label != PORN:
        scores[PORN] = nsfw
    return Predicted(sha256, cluster or sha256, DRAWINGS, {}, scores)


def pair(name, **images):
    return CounterpartSet("tone", name, images)


def test_a_set_with_two_answers_is_a_flip_and_with_two_sides_a_flag():
    said = [
        answered("a", DRAWINGS),
        answered("b", NEUTRAL),
        answered("c", DRAWINGS),
        answered("d", PORN),
        answered("e", DRAWINGS),
        answered("f", DRAWINGS),
    ]
    sets = [pair("1", dark="a", light="b"), pair("2", dark="c", light="d")]
    sets.append(pair("3", dark="e", light="f"))
    found = counterfactual.compare_sets(said, sets)["tone"]
    assert (found["sets"], found["images"]) == (3, 6)
    assert (found["flips"]["count"], found["flags"]["count"]) == (2, 1)


def test_the_shift_is_the_distance_from_the_rest_of_the_set():
    said = [answered("a", DRAWINGS, nsfw=0.3), answered("b", DRAWINGS, nsfw=0.1)]
    said += [answered("c", DRAWINGS, nsfw=0.1), answered("d", DRAWINGS, nsfw=0.1)]
    sets = [pair("1", dark="a", light="b"), pair("2", dark="c", light="d")]
    values = counterfactual.compare_sets(said, sets)["tone"]["values"]
    assert values["dark"]["shift"] == pytest.approx(0.1)
    assert values["light"]["shift"] == pytest.approx(-0.1)
    assert values["dark"]["low"] < 0.1 < values["dark"]["high"]


def test_the_sets_farthest_apart_come_first():
    said = [
        answered(sha, DRAWINGS, nsfw=score)
        for sha, score in zip("abcd", (0, 0.1, 0, 0.4), strict=True)
    ]
    sets = [pair("near", dark="a", light="b"), pair("far", dark="c", light="d")]
    worst = counterfactual.compare_sets(said, sets)["tone"]["worst"]
    assert [each["name"] for each in worst] == ["far", "near"]
    assert worst[0]["spread"] == pytest.approx(0.4)
    assert [image["value"] for image in worst[0]["images"]] == ["dark", "light"]


def test_sets_of_one_cluster_count_for_less():
    letters = [f"{n:02}" for n in range(40)]
    for cluster, wider in (("all", True), (None, False)):
        said = [
            answered(name, DRAWINGS if n < 30 else NEUTRAL, cluster=cluster and f"{n // 10}")
            for n, name in enumerate(letters)
        ]
        said += [answered(f"x{name}", DRAWINGS, cluster=cluster and "x") for name in letters]
        sets = [pair(name, dark=name, light=f"x{name}") for name in letters]
        flips = counterfactual.compare_sets(said, sets)["tone"]["flips"]
        assert (flips["high"] - flips["low"] > 0.5) is wider


def test_a_set_whose_image_was_not_classified_is_left_out_and_counted():
    found = counterfactual.compare_sets([answered("a", DRAWINGS)], [pair("1", dark="a", light="b")])
    assert (found["tone"]["sets"], found["tone"]["left_out"]) == (0, 1)
    assert found["tone"]["flips"]["rate"] is None
    assert json.loads(json.dumps(found)) == found


def test_sets_come_back_as_they_were(tmp_path):
    sets = [
        pair("1", dark="a", light="b"),
        CounterpartSet("gender", "cook", {"man": "c", "woman": "d"}),
    ]
    counterfactual.write_sets(tmp_path / "sets.jsonl", sets)
    read = counterfactual.read_sets(tmp_path / "sets.jsonl")
    assert sorted(read, key=lambda each: each.axis) == sorted(sets, key=lambda each: each.axis)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"axis": "tone", "name": "1"}',
        '{"axis": "tone", "name": "1", "images": {"dark": "a"}}',
        '{"axis": "tone", "name": "1", "images": {"dark": "a", "light": "a"}}',
    ],
)
def test_a_line_that_is_no_set_is_named(tmp_path, line):
    good = '{"axis": "tone", "name": "1", "images": {"dark": "a", "light": "b"}}'
    (tmp_path / "sets.jsonl").write_text(f"{good}\n{line}\n")
    with pytest.raises(SetsRefused, match="line 2"):
        counterfactual.read_sets(tmp_path / "sets.jsonl")


class Redness:
    """The redder, the more explicit: so that what a change does can be told beforehand."""

    def classify(self, pixels):
        red = float(pixels[..., 0].mean() - pixels[..., 1:].mean()) / 255
        porn = min(max(0.5 + red, 0.0), 1.0)
        return SimpleNamespace(scores=dict.fromkeys(LABELS, 0.0) | {PORN: porn, NEUTRAL: 1 - porn})


@pytest.fixture
def reds(tmp_path):
    rows, images = [], {}
    for seed in range(6):
        pixels = noise(seed, (60, 60)).copy()
        pixels[..., 0] = np.maximum(pixels[..., 0], 200)
        pixels[..., 1:] //= 2
        sha256 = pixel_sha256(pixels)
        images[sha256] = tmp_path / f"{seed}.png"
        images[sha256].write_bytes(to_png(pixels))
        rows.append(Row(sha256, NEUTRAL, {}, "audit", "made", str(seed)))
    return rows, images


def test_what_a_change_does_is_counted(reds):
    found = counterfactual.compare_changes(Redness(), *reds, lambda *_: None)
    assert set(found) == set(PERTURBATIONS)
    grey, mirrored = found["greyscale"], found["mirrored"]
    assert (mirrored["flips"]["count"], mirrored["shift"]["shift"]) == (0, 0)
    assert grey["shift"]["high"] < 0  # no red is left
    assert grey["worst"][0]["after"]["nsfw_score"] == pytest.approx(0.5, abs=0.01)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_every_change_takes_pictures_of_any_size_and_gives_rgb(name):
    for size in ((1, 1), (3, 40), (300, 200)):
        changed = PERTURBATIONS[name](Image.fromarray(np.full((*size, 3), 120, np.uint8)))
        assert changed.mode == "RGB"
        assert min(changed.size) >= 1


def test_the_command_compares_given_sets_and_made_changes(reds, published, tmp_path):
    from modeltrain.data import manifest

    rows, images = reds
    manifest.write(tmp_path / "audit.jsonl", rows)
    where = {sha: path.name for sha, path in images.items()}
    (tmp_path / "images.json").write_text(json.dumps(where))
    two = sorted(images)[:2]
    sets = [CounterpartSet("tone", "red", {"dark": two[0], "light": two[1]})]
    counterfactual.write_sets(tmp_path / "sets.jsonl", sets)
    arguments = [
        "counterfactual",
        f"--artifact={published.path}",
        f"--manifest={tmp_path / 'audit.jsonl'}",
        f"--images={tmp_path / 'images.json'}",
        f"--sets={tmp_path / 'sets.jsonl'}",
        f"--out={tmp_path / 'out.json'}",
        "--changes-on=2",
    ]
    assert main(arguments) == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["tone"]["sets"] == 1
    assert found["greyscale"]["images"] == 2


def row(sha256, cluster="singer", label=DRAWINGS, **groups):
    return Row(sha256, label, groups, "audit", "test", cluster)


def test_counterparts_share_a_cluster_and_differ_in_one_group():
    found = counterfactual.find_counterparts(
        [
            row("a", tone="light", gender="woman"),
            row("b", tone="dark", gender="woman"),
            row("c", tone="dark", gender="man"),
            row("d", tone="medium"),
            row("e", cluster="another", tone="light", gender="woman"),
        ]
    )
    assert found == [
        CounterpartSet("gender", "singer, dark", {"man": "c", "woman": "b"}),
        CounterpartSet("tone", "singer, woman", {"dark": "b", "light": "a"}),
    ]


def test_what_is_labelled_otherwise_is_no_counterpart():
    assert not counterfactual.find_counterparts(
        [row("a", tone="light"), row("b", tone="dark", label=NEUTRAL)]
    )


def test_of_two_pictures_with_one_value_nobody_knows_which_is_the_counterpart():
    rows = [row("a", tone="light"), row("b", tone="dark"), row("c", tone="dark")]
    assert counterfactual.find_counterparts(rows) == []
    rows += [row("d", tone="medium")]
    assert [each.images for each in counterfactual.find_counterparts(rows)] == [
        {"light": "a", "medium": "d"}
    ]
