"""The converted model is the published one."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from modeltrain.labels import LABELS
from modeltrain.model import artifact
from modeltrain.network import published_model
from modeltrain.network.published_model import PackageRefused
from tests.modeltrain.conftest import PACKAGE, drawing

COUNTED = (np.arange(299 * 299 * 3, dtype=np.int64) * 7919 % 256).astype(np.uint8)

# The probabilities that the package itself gives, on its WebAssembly backend.
REFERENCE = [
    (np.zeros((299, 299, 3), np.uint8), [0.373822, 0.038264, 0.560988, 0.018951, 0.007975]),
    (np.full((299, 299, 3), 255, np.uint8), [0.437437, 0.033366, 0.515967, 0.009643, 0.003586]),
    (COUNTED.reshape(299, 299, 3), [0.217109, 0.015833, 0.755442, 0.007610, 0.004005]),
]


@pytest.mark.parametrize(("pixels", "expected"), REFERENCE, ids=["black", "white", "counted"])
def test_reference_images_get_the_published_probabilities(classifier, pixels, expected):
    scores = list(classifier.classify(pixels).scores.values())

    np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_half_grey_gets_the_published_probabilities(published, tmp_path):
    """127.5 is not a pixel value, so it is fed in after the preprocessing."""
    network = tmp_path / "network.onnx"
    onnx.utils.extract_model(published.onnx, network, ["input"], ["probabilities"])
    session = onnxruntime.InferenceSession(network)

    (scores,) = session.run(None, {"input": np.full((1, 3, 299, 299), 0.5, np.float32)})

    np.testing.assert_allclose(
        scores, [0.612289, 0.073388, 0.298685, 0.013076, 0.002563], atol=1e-4
    )


def test_drawings_get_the_probabilities_that_the_package_gives_in_node(classifier, tmp_path):
    images = [drawing(number) for number in range(8)]
    (tmp_path / "images.bin").write_bytes(b"".join(image.tobytes() for image in images))
    script = Path(__file__).with_name("reference.mjs")

    process = subprocess.run(
        ["node", script, PACKAGE, tmp_path / "images.bin"],
        capture_output=True,
        text=True,
        check=True,
    )

    expected = np.array(json.loads(process.stdout))
    received = np.array([list(classifier.classify(image).scores.values()) for image in images])
    assert expected.shape == (8, 5)
    np.testing.assert_allclose(received, expected, atol=1e-3)
    np.testing.assert_array_equal(received.argmax(axis=1), expected.argmax(axis=1))


def test_the_artifact_says_where_it_comes_from(published):
    assert published.labels == LABELS
    assert published.config["source"]["weights_sha256"] == published_model.WEIGHTS_SHA256
    assert published.config["parent"] is None
    assert len(published.config["base_sha256"]) == 64


def test_converting_again_gives_the_same_artifact(published, tmp_path):
    stages = []

    again = published_model.convert(
        PACKAGE, parent=tmp_path, progress=lambda *step: stages.append(step[:3])
    )

    assert again.sha256 == published.sha256
    assert stages == [("exporting", step, 5) for step in range(6)]
    assert [folder.name for folder in tmp_path.iterdir()] == [again.version]


def test_changed_weights_are_refused_with_both_hashes(tmp_path):
    package = tmp_path / "nsfwjs"
    models = package / "dist" / "models"
    shutil.copytree(PACKAGE / "dist" / "models" / "inception_v3", models / "inception_v3")
    shutil.copy(PACKAGE / "dist" / "models" / "package.json", models)
    shard = models / "inception_v3" / "group1-shard3of6.min.js"
    text = shard.read_text()
    middle = len(text) // 2
    other = "B" if text[middle] != "B" else "C"
    shard.write_text(text[:middle] + other + text[middle + 1 :])

    with pytest.raises(PackageRefused, match=published_model.WEIGHTS_SHA256) as refused:
        published_model.convert(package, parent=tmp_path / "artifacts")

    assert "Received: " in str(refused.value)
    assert "npm ci" in str(refused.value)
    assert not (tmp_path / "artifacts").exists()


def test_a_folder_without_the_package_is_refused(tmp_path):
    with pytest.raises(PackageRefused, match=r"must be nsfwjs 4\.3\.0"):
        published_model.convert(tmp_path, parent=tmp_path / "artifacts")


def test_bytes_become_weights_by_scale_and_minimum():
    tensors = [
        {"name": "a", "shape": [2], "quantization": {"scale": 0.5, "min": -1.0}},
        {"name": "b", "shape": [1, 1], "quantization": {"scale": 2.0, "min": 3.0}},
    ]

    values = published_model.dequantize(tensors, bytes([0, 4, 10]))

    np.testing.assert_array_equal(values["a"], [-1.0, 1.0])
    np.testing.assert_array_equal(values["b"], [[23.0]])


def test_the_artifact_kept_between_test_runs_is_valid(published):
    assert artifact.load(published.path) == published
