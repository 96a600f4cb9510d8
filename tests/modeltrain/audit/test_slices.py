"""Crowds of mistakes are found without a name; mistakes at random are not taken for one."""

import json

import numpy as np

from modeltrain.__main__ import main
from modeltrain.audit import evaluate, slices
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.labels import LABELS
from tests.conftest import noise


def world(*, inside=0.8, outside=0.05, count=800, seed=0):
    """Features of images; the model is wrong on most of an eighth that shows the same thing."""
    random = np.random.default_rng(seed)
    special = np.arange(count) % 8 == 0
    features = np.abs(random.normal(0, 1, (count, 60)))
    features[special, :12] = 4 + random.normal(0, 0.2, (special.sum(), 12))
    wrong = random.random(count) < np.where(special, inside, outside)
    return features.astype(np.float32), wrong, [str(n) for n in range(count)], special


def test_what_was_planted_is_found_first_and_counted_on_images_that_had_no_say():
    features, wrong, clusters, special = world()
    found = slices.find(features, wrong, clusters)
    assert found
    first = found[0]
    assert special[first.members].mean() > 0.95
    assert first.inside["low"] < 0.8 < first.inside["high"]
    assert first.outside["rate"] < 0.2  # the fringe is outside too
    assert first.inside["n"] < special.sum()  # half of them
    assert 0 < first.low < 0.75 < first.high
    assert all(wrong[first.exemplars])


def test_mistakes_at_random_are_no_slice():
    found = [slices.find(*world(inside=0.1, outside=0.1, seed=seed)[:3]) for seed in range(10)]
    assert sum(map(len, found)) <= 1


def test_few_mistakes_are_no_slice():
    features, _, clusters, _ = world(count=60)
    assert slices.find(features, [False] * 60, clusters) == []
    assert slices.find(features, [n < 3 for n in range(60)], clusters) == []


def test_copies_of_one_mistake_count_as_one():
    features, wrong, _, special = world()
    alone = slices.find(features, wrong, [str(n) for n in range(800)])
    together = slices.find(
        features, wrong, [f"same {n % 9}" if special[n] else str(n) for n in range(800)]
    )
    assert alone
    assert not together or together[0].low < alone[0].low


def test_the_same_images_give_the_same_slices():
    assert slices.find(*world()[:3]) == slices.find(*world()[:3])


def test_the_command_writes_what_it_found(published, tmp_path):
    rows, where, predicted = [], {}, []
    for seed in range(6):
        pixels = noise(seed, (60, 60))
        sha256 = pixel_sha256(pixels)
        (tmp_path / f"{seed}.png").write_bytes(to_png(pixels))
        where[sha256] = f"{seed}.png"
        rows.append(Row(sha256, LABELS[0], {}, "audit", f"picture {seed}", str(seed)))
        scores = dict.fromkeys(LABELS, 0.0) | {LABELS[seed % 2]: 1.0}
        predicted.append(evaluate.Predicted(sha256, str(seed), LABELS[0], {}, scores))
    manifest.write(tmp_path / "audit.jsonl", rows)
    (tmp_path / "images.json").write_text(json.dumps(where))
    evaluate.write_predictions(tmp_path / "answers.jsonl", predicted)
    arguments = [
        "slices",
        f"--artifact={published.path}",
        f"--manifest={tmp_path / 'audit.jsonl'}",
        f"--images={tmp_path / 'images.json'}",
        f"--cache={tmp_path / 'cache'}",
        f"--predictions={tmp_path / 'answers.jsonl'}",
        f"--out={tmp_path / 'slices.json'}",
    ]
    assert main(arguments) == 0
    assert json.loads((tmp_path / "slices.json").read_text()) == []
