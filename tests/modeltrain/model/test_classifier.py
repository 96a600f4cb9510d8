"""The graph that is served: any image in, five probabilities and the features out."""

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


def test_a_plain_image_says_the_same_at_every_size(classifier):
    small = classifier.classify(np.full((40, 90, 3), 90, dtype=np.uint8))
    large = classifier.classify(np.full((700, 310, 3), 90, dtype=np.uint8))

    np.testing.assert_allclose(small.features, large.features, atol=1e-4)


def test_resizing_is_antialiased(classifier):
    stripes = np.zeros((1196, 1196, 3), dtype=np.uint8)
    stripes[:, ::2] = 255  # without antialiasing, four to one picks some of them
    grey = np.full((299, 299, 3), 127, dtype=np.uint8)

    seen = classifier.classify(stripes).scores
    expected = classifier.classify(grey).scores
    for label in LABELS:
        assert seen[label] == pytest.approx(expected[label], abs=0.02)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((9, 9, 3), dtype=np.float32),
        np.zeros((9, 9), dtype=np.uint8),
        np.zeros((9, 9, 4), dtype=np.uint8),
        np.zeros((1, 9, 9, 3), dtype=np.uint8),
        np.zeros((0, 9, 3), dtype=np.uint8),
    ],
    ids=["float", "grey", "alpha", "batch", "empty"],
)
def test_another_type_or_shape_is_refused(classifier, wrong):
    with pytest.raises(ValueError, match=r"uint8 of shape \[height, width, 3\]. Received: "):
        classifier.classify(wrong)


def test_a_view_that_is_not_contiguous_is_the_same_image(classifier):
    pixels = drawing(3)

    turned = np.ascontiguousarray(pixels[:, ::-1])[:, ::-1]

    assert classifier.classify(turned).scores == classifier.classify(pixels).scores


def test_threads_share_a_classifier(classifier):
    images = [blobs(number) for number in range(6)]
    alone = [classifier.classify(each).scores for each in images]

    with ThreadPoolExecutor(4) as pool:
        together = [each.scores for each in pool.map(classifier.classify, images)]

    for one, other in zip(alone, together, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


def test_what_serves_and_judges_never_imports_tensorflow():
    modules = "classifier, features, evaluate, gate, demo_data, impressions, __main__, configs"
    code = (
        f"import sys; from modeltrain import {modules}; "
        "print([name for name in ('tensorflow', 'keras', 'tf2onnx') if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
