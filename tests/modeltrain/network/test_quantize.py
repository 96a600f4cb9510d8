"""The quantized export is small, close to Keras, and an artifact like any other."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from modeltrain.__main__ import main
from modeltrain.data import dataset
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import load_pixels
from modeltrain.network import quantize
from tests.modeltrain.conftest import blobs, drawing

AUDIT_IMAGES = 3


@pytest.fixture(scope="module")
def data(tmp_path_factory, published):
    """Drawings and blobs to calibrate on, and a few of both to check on."""
    folder = tmp_path_factory.mktemp("images")
    rows, images = [], {}
    for label, draw in (("drawings", drawing), ("neutral", blobs)):
        for number in range(10):
            pixels = draw(number)
            sha256 = pixel_sha256(pixels)
            images[sha256] = folder / f"{sha256}.png"
            images[sha256].write_bytes(to_png(pixels))
            split = "audit" if number < AUDIT_IMAGES else "train"
            rows.append(Row(sha256, label, {}, split, "made up", sha256))
    return dataset.write(folder, labels=published.labels, rows=rows, images=images)


@pytest.fixture(scope="module")
def exported(published, data, tmp_path_factory):
    return quantize.write_artifact(
        published, data=data, parent=tmp_path_factory.mktemp("artifacts")
    )


def test_the_export_is_at_most_23_megabytes(exported):
    assert exported.onnx.stat().st_size <= 23e6


def test_softmax_and_preprocessing_stay_in_float(exported):
    nodes = {node.name: node for node in onnx.load(exported.onnx).graph.node}

    assert nodes["resized"].input[0] == "batch"
    (softmax,) = (node for node in nodes.values() if node.op_type == "Softmax")
    producer = next(node for node in nodes.values() if softmax.input[0] in node.output)
    assert producer.op_type == "Gemm"
    assert not any(
        softmax.output[0] in node.input for node in nodes.values() if "Quant" in node.op_type
    )


def test_only_float_convolutions_have_a_separate_relu(exported):
    relus = [node for node in onnx.load(exported.onnx).graph.node if node.op_type == "Relu"]

    assert len(relus) == quantize.FLOAT_CONVOLUTIONS


def test_average_pooling_follows_1x1_convolutions_and_probabilities_stay(published, classifier):
    graph = quantize.move_convolutions_before_pooling(onnx.load(published.onnx))
    onnx.checker.check_model(graph, full_check=True)
    kernels = {tensor.name: tensor.dims for tensor in graph.graph.initializer}
    producers = {node.output[0]: node for node in graph.graph.node}
    averages = [node for node in graph.graph.node if node.op_type == "AveragePool"]
    before = [producers[node.input[0]] for node in averages]
    pixels = blobs(1)

    assert len(averages) == 9
    assert max(kernels[convolution.input[1]][0] for convolution in before) == 192
    (probabilities,) = quantize.open_session(graph.SerializeToString()).run(
        ["probabilities"], {"image": pixels}
    )
    scores = classifier.classify(pixels).scores
    assert probabilities == pytest.approx(list(scores.values()), abs=1e-5)


def test_the_bias_corrects_the_mean_error_of_rounded_weights():
    """A convolution with one weight, 0.3, which is rounded to one step of 0.5."""
    numbers = {
        "k": np.full((1, 1, 1, 1), 0.3, np.float32),
        "k_scale": np.array([0.5], np.float32),
        "k_quantized": np.ones((1, 1, 1, 1), np.int8),
        "b_quantized": np.array([7], np.int32),
        "b_quantized_scale": np.array([0.25], np.float32),
    }

    def model(*names):
        tensors = [numpy_helper.from_array(numbers[name], name) for name in names]
        return helper.make_model(helper.make_graph([], "one", [], [], tensors))

    quantized = model("k_scale", "k_quantized", "b_quantized", "b_quantized_scale")
    convolution = helper.make_node("Conv", ["x", "k", "b"], ["y"])

    quantize._correct_bias(convolution, model("k"), quantized, np.array([10.0]))

    # An error of 0.2 times a mean of 10 is 2, which is 8 steps of 0.25.
    constants = {t.name: numpy_helper.to_array(t) for t in quantized.graph.initializer}
    assert constants["b_quantized"] == [7 - 8]
    assert constants["b_quantized"].dtype == np.int32


def test_the_exports_weights_are_8_bit_integers(exported):
    constants = onnx.load(exported.onnx).graph.initializer
    int8_count = sum(
        np.prod(tensor.dims) for tensor in constants if tensor.data_type == onnx.TensorProto.INT8
    )

    assert int8_count > 22e6


def test_the_export_is_close_to_keras_and_the_float32_graph_is_closer(exported):
    comparison = exported.config["export"]
    int8, float32 = comparison["graphs"]["int8"], comparison["graphs"]["float32"]

    assert comparison["compared_on"] == 2 * AUDIT_IMAGES
    assert float32["max"] < 1e-3
    assert float32["max"] < int8["max"] < 0.15
    assert f"{int8['max']:.4f}" in (exported.path / "card.md").read_text()


def test_the_export_classifies_like_the_original_model(exported, classifier, data):
    quantized = Classifier(exported)

    for row in data.split("audit"):
        pixels = load_pixels(row.sha256, data.images)
        expected = classifier.classify(pixels).scores
        received = quantized.classify(pixels).scores
        assert received == pytest.approx(expected, abs=0.15)


def test_drift_is_the_difference_in_the_worst_class_of_each_image():
    expected = np.array([[0.5, 0.3, 0.2], [0.9, 0.1, 0.0]], np.float32)
    received = np.array([[0.3, 0.5, 0.2], [0.88, 0.1, 0.02]], np.float32)

    drift = quantize.drift(expected, received)

    assert drift["max"] == pytest.approx(0.2)
    assert drift["within"] == 0.5
    assert drift["same"] == 0.5


def test_calibration_images_are_of_every_class_and_never_of_the_audit(data):
    hashes = quantize._calibration_hashes(data, 4)

    rows = {row.sha256: row for row in data.rows}
    assert sorted(rows[sha256].label for sha256 in hashes) == ["drawings"] * 2 + ["neutral"] * 2
    assert {rows[sha256].split for sha256 in hashes} == {"train"}


@pytest.mark.parametrize("missing", ["train", "audit"])
def test_a_dataset_without_a_split_is_refused(missing, published, data, tmp_path, capsys):
    present = {"train": "audit", "audit": "train"}[missing]
    rows = [replace(row, split=present) for row in data.rows]
    dataset.write(tmp_path / "data", labels=published.labels, rows=rows, images=data.images)

    paths = {"artifact": published.path, "dataset": tmp_path / "data"}
    paths["artifacts"] = tmp_path / "artifacts"
    options = [part for name, path in paths.items() for part in (f"--{name}", str(path))]

    status = main(["export", "--json-progress", *options])

    assert status == 2
    assert "split train to calibrate on and of split audit" in capsys.readouterr().out
    assert not (tmp_path / "artifacts").exists()


def test_quantizing_again_gives_the_same_bytes(exported, published, data, tmp_path):
    hashes = quantize._calibration_hashes(data, 64)
    images = [load_pixels(sha256, data.images) for sha256 in hashes]

    assert quantize.quantize(published.onnx, images) == exported.onnx.read_bytes()
