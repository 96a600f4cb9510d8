"""The graph that is served takes any image and gives five probabilities and the features."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from modeltrain.labels import LABELS
from tests.modeltrain.conftest import ROOT, blobs, drawing


@pytest.mark.parametrize("shape", [(1, 1), (7, 900), (299, 299), (64, 31), (1200, 800)])
def test_an_image_of_any_size_gets_five_probabilities(classifier, shape):
    prediction = classifier.classify(np.full((*shape, 3), 200, dtype=np.uint8))

    assert tuple(prediction.scores) == LABELS
    assert sum(prediction.scores.values()) == pytest.approx(1, abs=1e-5)
    assert prediction.label == max(prediction.scores, key=prediction.scores.get)
    assert prediction.features.shape == (2048,)
    assert prediction.features.dtype == np.float32
    assert prediction.features.min() >= 0


def test_a_plain_image_has_the_same_features_at_every_size(classifier):
    small = classifier.classify(np.full((40, 90, 3), 90, dtype=np.uint8))
    large = classifier.classify(np.full((700, 310, 3), 90, dtype=np.uint8))

    np.testing.assert_allclose(small.features, large.features, atol=1e-4)


def test_resizing_is_antialiased(classifier):
    stripes = np.zeros((1196, 1196, 3), dtype=np.uint8)
    stripes[:, ::2] = 255  # without antialiasing, reducing four to one would skip some of them
    grey = np.full((299, 299, 3), 127, dtype=np.uint8)

    scores = classifier.classify(stripes).scores
    expected = classifier.classify(grey).scores
    for label in LABELS:
        assert scores[label] == pytest.approx(expected[label], abs=0.02)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((9, 9, 3), dtype=np.float32),
        np.zeros((9, 9), dtype=np.uint8),
        np.zeros((9, 9, 4), dtype=np.uint8),
        np.zeros((1, 9, 9, 3), dtype=np.uint8),
        np.zeros((0, 9, 3), dtype=np.uint8),
    ],
    ids=["float", "grey", "alpha", "batch", "empty"],
)
def test_another_type_or_shape_is_refused(classifier, pixels):
    with pytest.raises(ValueError, match=r"uint8 of shape \[height, width, 3\]. Received: "):
        classifier.classify(pixels)


def test_a_view_that_is_not_contiguous_gives_the_same_scores(classifier):
    pixels = drawing(3)

    view = np.ascontiguousarray(pixels[:, ::-1])[:, ::-1]

    assert classifier.classify(view).scores == classifier.classify(pixels).scores


def test_threads_share_a_classifier(classifier):
    images = [blobs(number) for number in range(6)]
    expected = [classifier.classify(image).scores for image in images]

    with ThreadPoolExecutor(4) as pool:
        received = [prediction.scores for prediction in pool.map(classifier.classify, images)]

    for scores, expected_scores in zip(received, expected, strict=True):
        assert scores == pytest.approx(expected_scores, abs=1e-6)


def test_serving_and_judging_never_import_tensorflow():
    modules = (
        "__main__, audit.evaluate, demo.build, gate.judge, model.classifier, model.features, "
        "training.configs.head, training.data_impressions"
    )
    code = (
        "import importlib, sys\n"
        f"for name in {modules.split(', ')}: importlib.import_module(f'modeltrain.{{name}}')\n"
        "print([name for name in ('tensorflow', 'keras', 'tf2onnx') if name in sys.modules])"
    )

    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert process.stdout.strip() == "[]"
