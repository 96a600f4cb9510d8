"""Figures that can be counted on fingers, and then against the libraries that define them."""

import json

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score

from modeltrain.__main__ import main
from modeltrain.audit import quality
from modeltrain.audit.quality import Answer
from modeltrain.data import dataset
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.labels import LABELS
from tests.modeltrain.conftest import blobs

PETS = ("cats", "dogs", "fish")


def answer(label, *probabilities):
    return Answer(f"{label} {probabilities}", f"a picture of {label}", label, probabilities)


FOUR = [
    answer("cats", 0.9, 0.1, 0.0),
    answer("cats", 0.2, 0.8, 0.0),
    answer("dogs", 0.3, 0.7, 0.0),
    answer("dogs", 0.6, 0.4, 0.0),
]


def test_figures_that_can_be_counted():
    found = quality.measure(FOUR, PETS)
    assert found["confusion"] == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert (found["accuracy"]["count"], found["accuracy"]["n"]) == (2, 4)
    assert found["classes"]["cats"]["recall"]["rate"] == 0.5
    assert found["classes"]["fish"]["recall"]["rate"] is None
    assert found["classes"]["fish"]["precision"]["rate"] is None


def test_the_surest_mistake_comes_first():
    mistakes = quality.measure(FOUR, PETS)["mistakes"]
    assert [(each["label"], each["said"]) for each in mistakes] == [
        ("cats", "dogs"),
        ("dogs", "cats"),
    ]
    assert mistakes[0]["probability"] == 0.8


def test_calibration_is_the_mean_distance_of_sureness_and_rightness():
    # Two bins: sure 0.9, right 1 of 2; sure 0.6, right 1 of 1.
    found = quality.calibration(np.array([0.9, 0.9, 0.6]), np.array([True, False, True]))
    assert found["ece"] == pytest.approx(2 / 3 * 0.4 + 1 / 3 * 0.4)
    assert sum(each["n"] for each in found["bins"]) == 3


def test_a_model_that_is_as_right_as_it_is_sure_is_calibrated():
    confidence = np.repeat([0.25, 0.75], 400)
    correct = np.concatenate([np.arange(400) < 100, np.arange(400) < 300])
    assert quality.calibration(confidence, correct)["ece"] == pytest.approx(0)


@pytest.mark.parametrize("sure", [0.0, 1.0])
def test_the_ends_of_the_scale_are_in_a_bin(sure):
    found = quality.calibration(np.array([sure]), np.array([True]))
    assert sum(each["n"] for each in found["bins"]) == 1


def test_no_images_is_no_data():
    found = quality.measure([], PETS)
    assert found["accuracy"]["rate"] is None
    assert found["calibration"]["ece"] is None
    assert "no data" in quality.to_markdown(found, title="Nothing")


def test_precision_and_recall_are_scikit_learns():
    random = np.random.default_rng(0)
    labels = random.choice(PETS, 200)
    answers = [answer(str(label), *random.dirichlet([1, 1, 1])) for label in labels]
    said = [PETS[int(np.argmax(each.probabilities))] for each in answers]
    found = quality.measure(answers, PETS)["classes"]
    options = {"labels": list(PETS), "average": None}
    for name, score in (("precision", precision_score), ("recall", recall_score)):
        expected = score(labels, said, **options)
        np.testing.assert_allclose([found[pet][name]["rate"] for pet in PETS], expected)


@pytest.fixture
def audit_set(tmp_path):
    rows, images = [], {}
    for number in range(3):
        pixels = blobs(number)
        sha256 = pixel_sha256(pixels)
        images[sha256] = tmp_path / f"{number}.png"
        images[sha256].write_bytes(to_png(pixels))
        rows.append(Row(sha256, "neutral", {}, "audit", f"blobs {number}", sha256))
    return dataset.write(tmp_path / "set", labels=LABELS, rows=rows, images=images)


def evaluate(published, data, out):
    arguments = [f"--artifact={published.path}", f"--dataset={data.path}", f"--out={out}"]
    return main(["evaluate", "--json-progress", *arguments])


def test_the_verb_writes_figures_and_a_page(published, audit_set, tmp_path):
    assert evaluate(published, audit_set, tmp_path / "found.json") == 0
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["images"] == 3
    assert (
        f"3 images. Accuracy {found['accuracy']['rate']:.1%}" in (tmp_path / "found.md").read_text()
    )


def test_an_image_that_is_gone_is_told_and_the_rest_goes_on(published, audit_set, tmp_path):
    gone = audit_set.rows[1].sha256
    audit_set.images[gone].unlink()
    assert evaluate(published, audit_set, tmp_path / "found.json") == 3
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["images"] == 2
    assert gone in found["problems"][0]


def test_a_dataset_of_other_labels_is_refused(published, tmp_path, capsys):
    other = dataset.write(tmp_path / "pets", labels=PETS, rows=[], images={})
    assert evaluate(published, other, tmp_path / "found.json") == 1
    assert "its own labels" in capsys.readouterr().out
    assert not (tmp_path / "found.json").exists()
