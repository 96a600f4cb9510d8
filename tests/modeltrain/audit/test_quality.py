"""Figures that can be counted on fingers, and then against the libraries that define them."""

import json

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score

from modeltrain.audit import quality
from modeltrain.audit.calibration import calibration_error
from modeltrain.audit.fairness import rate
from modeltrain.audit.quality import Answer

PETS = ("cats", "dogs", "fish")


def answer(label, *probabilities):
    return Answer(f"{label} {probabilities}", f"a photo of {label}", label, probabilities)


FOUR = [
    answer("cats", 0.9, 0.1, 0.0),
    answer("cats", 0.2, 0.8, 0.0),
    answer("dogs", 0.3, 0.7, 0.0),
    answer("dogs", 0.6, 0.4, 0.0),
]


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_four_answers_can_be_counted(level):
    figures = quality.measure(FOUR, PETS, level=level)
    half = rate(count=1, n=2, level=level)
    no_data = rate(count=0, n=0)
    # Confidences 0.9 and 0.7 are right, 0.8 and 0.6 wrong: each is alone in its bin.
    calibration = figures.pop("calibration")
    assert calibration["ece"] == pytest.approx((0.1 + 0.8 + 0.3 + 0.6) / 4)
    right = np.array([True, False, True, False])
    confidences = np.array([0.9, 0.8, 0.7, 0.6])
    assert calibration["debiased"] == calibration_error(
        confidences, right, np.arange(4), level=level
    )
    assert figures == {
        "images": 4,
        "labels": ["cats", "dogs", "fish"],
        "accuracy": rate(count=2, n=4, level=level),
        "confusion": [[1, 1, 0], [1, 1, 0], [0, 0, 0]],
        "classes": {
            "cats": {"recall": half, "precision": half},
            "dogs": {"recall": half, "precision": half},
            "fish": {"recall": no_data, "precision": no_data},
        },
        "mistakes": [
            {
                "sha256": "cats (0.2, 0.8, 0.0)",
                "source": "a photo of cats",
                "label": "cats",
                "said": "dogs",
                "probability": 0.8,
            },
            {
                "sha256": "dogs (0.6, 0.4, 0.0)",
                "source": "a photo of dogs",
                "label": "dogs",
                "said": "cats",
                "probability": 0.6,
            },
        ],
    }


def test_recall_is_of_the_true_label_and_precision_of_the_answer():
    answers = [answer("cats", 1, 0, 0)] * 2 + [answer("fish", 1, 0, 0), answer("cats", 0, 0, 1)]
    cats = quality.measure(answers, PETS)["classes"]["cats"]
    assert (cats["recall"]["count"], cats["recall"]["n"]) == (2, 3)
    assert (cats["precision"]["count"], cats["precision"]["n"]) == (2, 3)
    fish = quality.measure(answers, PETS)["classes"]["fish"]
    assert (fish["recall"]["n"], fish["precision"]["n"]) == (1, 1)
    confusion = quality.measure(answers, PETS)["confusion"]
    assert json.dumps(confusion) == "[[2, 0, 1], [0, 0, 0], [1, 0, 0]]"


def test_the_twenty_most_confident_mistakes_are_listed_ties_by_hash():
    answers = [Answer(f"{n:02}", "", "cats", (0.2, 0.8, 0.0)) for n in range(30, 10, -1)]
    answers.append(Answer("99", "", "cats", (0.1, 0.9, 0.0)))
    mistakes = quality.measure(answers, PETS)["mistakes"]
    assert [mistake["sha256"] for mistake in mistakes] == ["99", *map(str, range(11, 30))]


def test_calibration_is_the_mean_distance_of_confidence_and_accuracy():
    # Two bins: confidence 0.9, 1 of 2 right; confidence 0.6, 1 of 1 right.
    figures = quality.calibration(np.array([0.9, 0.9, 0.6]), np.array([True, False, True]))
    assert figures["ece"] == pytest.approx(2 / 3 * 0.4 + 1 / 3 * 0.4)
    filled = {number: bin_ for number, bin_ in enumerate(figures["bins"]) if bin_["n"]}
    assert filled == {
        8: {"low": 8 / 15, "high": 9 / 15, "n": 1, "confidence": 0.6, "accuracy": 1.0},
        13: {
            "low": pytest.approx(13 / 15),
            "high": pytest.approx(14 / 15),
            "n": 2,
            "confidence": pytest.approx(0.9),
            "accuracy": 0.5,
        },
    }
    assert figures["bins"][0] == {
        "low": 0.0,
        "high": 1 / 15,
        "n": 0,
        "confidence": None,
        "accuracy": None,
    }
    assert len(figures["bins"]) == 15
    assert figures["bins"][14]["high"] == 1.0


def test_a_model_that_is_as_right_as_it_is_confident_is_calibrated():
    confidence = np.repeat([0.25, 0.75], 400)
    correct = np.concatenate([np.arange(400) < 100, np.arange(400) < 300])
    assert quality.calibration(confidence, correct)["ece"] == pytest.approx(0)


@pytest.mark.parametrize(
    ("confidence", "number"), [(0.0, 0), (0.001, 0), (0.999, 14), (1.0, 14), (1.0001, 14)]
)
def test_the_ends_of_the_scale_are_in_the_end_bins(confidence, number):
    figures = quality.calibration(np.array([confidence]), np.array([True]))
    assert [n for n, bin_ in enumerate(figures["bins"]) if bin_["n"]] == [number]


@pytest.mark.parametrize("number", range(15))
def test_a_bin_holds_its_upper_edge_also_in_float32(number):
    edge = np.float32((number + 1) / 15)
    for confidence in (edge, np.nextafter(edge, np.float32(2))):
        figures = quality.calibration(np.array([confidence], dtype=np.float64), np.array([True]))
        (filled,) = [place for place, bin_ in enumerate(figures["bins"]) if bin_["n"]]
        assert filled == min(number + (confidence > edge), 14)


def test_no_images_are_no_data():
    figures = quality.measure([], PETS)
    assert figures["images"] == 0
    assert figures["accuracy"]["rate"] is None
    assert figures["confusion"] == [[0, 0, 0]] * 3
    assert figures["calibration"]["ece"] is None
    assert figures["calibration"]["debiased"] is None
    assert figures["mistakes"] == []


def test_precision_and_recall_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    labels = random.choice(PETS, 200)
    answers = [answer(str(label), *random.dirichlet([1, 1, 1])) for label in labels]
    predicted = [PETS[int(np.argmax(a.probabilities))] for a in answers]
    classes = quality.measure(answers, PETS)["classes"]
    options = {"labels": list(PETS), "average": None}
    for name, score in (("precision", precision_score), ("recall", recall_score)):
        expected = score(labels, predicted, **options)
        np.testing.assert_allclose([classes[pet][name]["rate"] for pet in PETS], expected)


def test_the_page_shows_every_figure():
    assert quality.to_markdown(quality.measure(FOUR, PETS), title="Pets") == (
        "# Pets\n"
        "\n"
        "4 images. Accuracy 50.0% (15.0% to 85.0%; 2 of 4).\n"
        "\n"
        "| class | recall | precision |\n"
        "|---|---|---|\n"
        "| cats | 50.0% (9.5% to 90.5%; 1 of 2) | 50.0% (9.5% to 90.5%; 1 of 2) |\n"
        "| dogs | 50.0% (9.5% to 90.5%; 1 of 2) | 50.0% (9.5% to 90.5%; 1 of 2) |\n"
        "| fish | no data | no data |\n"
        "\n"
        "## Confusion\n"
        "Rows are true, columns what the model said.\n"
        "\n"
        "| | cats | dogs | fish |\n"
        "|---|---|---|---|\n"
        "| cats | 1 | 1 | 0 |\n"
        "| dogs | 1 | 1 | 0 |\n"
        "| fish | 0 | 0 | 0 |\n"
        "\n"
        "## Calibration\n"
        "\n"
        "Expected calibration error 45.0%.\n"
        "\n"
        "Without what chance adds to it: 0.0% (0.0% to 100.0%).\n"
        "\n"
        "| sure | images | right | |\n"
        "|---|---|---|---|\n"
        "| 53% to 60% | 1 | 0% |  |\n"
        "| 67% to 73% | 1 | 100% | ████████████████████ |\n"
        "| 73% to 80% | 1 | 0% |  |\n"
        "| 87% to 93% | 1 | 100% | ████████████████████ |\n"
        "\n"
        "## Surest mistakes\n"
        "\n"
        "| image | is | said | probability |\n"
        "|---|---|---|---|\n"
        "| a photo of cats | cats | dogs | 80% |\n"
        "| a photo of dogs | dogs | cats | 60% |\n"
    )
    assert "error no data." in quality.to_markdown(quality.measure([], PETS), title="Nothing")


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - dtype=None, astype(None): numpy chooses a type that holds the same values.
# - `or` for `and`: confidence and accuracy are both None, or neither is.
# - zip without `strict`: one row for each label.
