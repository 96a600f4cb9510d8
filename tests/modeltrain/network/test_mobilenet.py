"""The package's two other models answer as they do in the package."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from modeltrain.__main__ import Exit, main
from modeltrain.labels import LABELS
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from modeltrain.network import mobilenet
from modeltrain.network.mobilenet import MODELS, SIZE
from modeltrain.network.published_model import PackageRefused
from tests.modeltrain.conftest import PACKAGE, drawing

WIDTHS = {"mobilenet_v2": 1280, "mobilenet_v2_mid": 1792}


@pytest.mark.parametrize("path", MODELS)
def test_images_get_the_probabilities_that_the_package_gives_in_node(path, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    images = [noise, *(drawing(number, SIZE) for number in range(3))]
    (tmp_path / "images.bin").write_bytes(b"".join(image.tobytes() for image in images))
    script = Path(__file__).with_name("reference.mjs")

    process = subprocess.run(
        ["node", script, PACKAGE, tmp_path / "images.bin", path, str(SIZE)],
        capture_output=True,
        text=True,
        check=True,
    )
    converted = mobilenet.convert(PACKAGE, path, parent=tmp_path / "artifacts")
    classifier = Classifier(converted)
    predictions = [classifier.classify(image) for image in images]

    expected = np.array(json.loads(process.stdout))
    received = np.array([list(prediction.scores.values()) for prediction in predictions])
    assert expected.shape == (4, 5)
    np.testing.assert_allclose(received, expected, atol=1e-3)
    assert converted.labels == LABELS
    assert predictions[0].features.shape == (classifier.feature_width,) == (WIDTHS[path],)
    assert converted.config["source"]["licence"] == "MIT"


def test_the_verb_writes_an_artifact(tmp_path):
    options = [f"--package={PACKAGE}", f"--artifacts={tmp_path}", "--model=mobilenet_v2"]

    assert main(["import-model", *options]) == Exit.DONE

    (folder,) = tmp_path.iterdir()
    assert artifact.load(folder).config["title"] == "MobileNetV2"


def test_a_model_that_the_package_lacks_is_refused(tmp_path):
    with pytest.raises(PackageRefused, match=r"Received: 'yolo'\. Name one of them"):
        mobilenet.convert(PACKAGE, "yolo", parent=tmp_path)


def test_an_operator_that_is_not_known_is_refused():
    layers = [{"name": "input", "class_name": "InputLayer", "config": {}, "inbound_nodes": []}]
    layers.append(
        {"name": "x", "class_name": "Lambda", "config": {}, "inbound_nodes": [[["input"]]]}
    )
    with pytest.raises(PackageRefused, match="Received: Lambda"):
        mobilenet._write_layers_model(None, {"model_config": {"config": {"layers": layers}}}, {})
