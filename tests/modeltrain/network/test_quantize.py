"""The 8-bit export is small, close to Keras, and an artifact like any other."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from modeltrain.__main__ import main
from modeltrain.data import dataset
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import load_pixels
from modeltrain.network import quantize
from tests.modeltrain.conftest import blobs

AUDITED = 3


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, published):
    """Drawings and blobs to calibrate on, and a few of each to check on."""
    from modeltrain.data.manifest import Row
    from modeltrain.images.codec import pixel_sha256, to_png
    from tests.modeltrain.conftest import blobs, drawing

    folder = tmp_path_factory.mktemp("pictures")
    rows, images = [], {}
    for label, draw in (("drawings", drawing), ("neutral", blobs)):
        for number in range(10):
            pixels = draw(number)
            sha256 = pixel_sha256(pixels)
            images[sha256] = folder / f"{sha256}.png"
            images[sha256].write_bytes(to_png(pixels))
            split = "audit" if number < AUDITED else "train"
            rows.append(Row(sha256, label, {}, split, "made up", sha256))
    return dataset.write(folder, labels=published.labels, rows=rows, images=images)


@pytest.fixture(scope="module")
def exported(published, pictures, tmp_path_factory):
    return quantize.write(published, data=pictures, parent=tmp_path_factory.mktemp("artifacts"))


def test_it_is_at_most_23_megabytes(exported):
    assert exported.onnx.stat().st_size <= 23e6


def test_its_softmax_and_preprocessing_are_in_float(exported):
    nodes = {each.name: each for each in onnx.load(exported.onnx).graph.node}

    assert nodes["resized"].input[0] == "batch"
    (softmax,) = (each for each in nodes.values() if each.op_type == "Softmax")
    producer = next(each for each in nodes.values() if softmax.input[0] in each.output)
    assert producer.op_type == "Gemm"
    assert not any(
        softmax.output[0] in each.input for each in nodes.values() if "Quant" in each.op_type
    )


def test_only_convolutions_in_float_have_a_relu_of_their_own(exported):
    relus = [each for each in onnx.load(exported.onnx).graph.node if each.op_type == "Relu"]

    assert len(relus) == quantize.FLOAT_CONVOLUTIONS


def test_averages_run_over_what_convolutions_leave_and_answers_stay(published, classifier):
    graph = quantize.convolved_before_pooling(onnx.load(published.onnx))
    onnx.checker.check_model(graph, full_check=True)
    kernels = {each.name: each.dims for each in graph.graph.initializer}
    made_by = {each.output[0]: each for each in graph.graph.node}
    averages = [each for each in graph.graph.node if each.op_type == "AveragePool"]
    before = [made_by[each.input[0]] for each in averages]
    pixels = blobs(1)

    assert len(averages) == 9
    assert max(kernels[each.input[1]][0] for each in before) == 192
    (answer,) = quantize._session(graph.SerializeToString()).run(
        ["probabilities"], {"image": pixels}
    )
    scores = classifier.classify(pixels).scores
    assert answer == pytest.approx(list(scores.values()), abs=1e-5)


def test_a_bias_takes_away_what_rounded_weights_add():
    """A convolution of one weight, 0.3, that is rounded to one step of 0.5."""
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

    rounded = model("k_scale", "k_quantized", "b_quantized", "b_quantized_scale")
    convolution = helper.make_node("Conv", ["x", "k", "b"], ["y"])

    quantize._correct_bias(convolution, model("k"), rounded, np.array([10.0]))

    # 0.2 too much of a mean of 10 is 2, which is 8 steps of 0.25.
    found = {each.name: numpy_helper.to_array(each) for each in rounded.graph.initializer}
    assert found["b_quantized"] == [7 - 8]
    assert found["b_quantized"].dtype == np.int32


def test_its_weights_are_eight_bit_integers(exported):
    constants = onnx.load(exported.onnx).graph.initializer
    in_bytes = sum(
        np.prod(each.dims) for each in constants if each.data_type == onnx.TensorProto.INT8
    )

    assert in_bytes > 22e6


def test_it_is_close_to_keras_and_the_float32_graph_is_closer(exported):
    found = exported.config["export"]

    assert found["compared_on"] == 2 * AUDITED
    assert found["graphs"]["float32"]["max"] < 1e-3
    assert found["graphs"]["float32"]["max"] < found["graphs"]["int8"]["max"] < 0.15
    assert f"{found['graphs']['int8']['max']:.4f}" in (exported.path / "card.md").read_text()


def test_it_classifies_like_the_model_it_was_made_of(exported, classifier, pictures):
    small = Classifier(exported)

    for row in pictures.split("audit"):
        pixels = load_pixels(row.sha256, pictures.images)
        expected = classifier.classify(pixels).scores
        received = small.classify(pixels).scores
        assert received == pytest.approx(expected, abs=0.15)


def test_drift_is_that_of_the_worst_class_of_each_image():
    expected = np.array([[0.5, 0.3, 0.2], [0.9, 0.1, 0.0]], np.float32)
    received = np.array([[0.3, 0.5, 0.2], [0.88, 0.1, 0.02]], np.float32)

    found = quantize.drift(expected, received)

    assert found["max"] == pytest.approx(0.2)
    assert found["within"] == 0.5
    assert found["same"] == 0.5


def test_images_to_calibrate_on_are_of_every_class_and_never_of_the_audit(pictures):
    chosen = quantize._of_each_class(pictures, 4)

    rows = {row.sha256: row for row in pictures.rows}
    assert sorted(rows[each].label for each in chosen) == ["drawings"] * 2 + ["neutral"] * 2
    assert {rows[each].split for each in chosen} == {"train"}


@pytest.mark.parametrize("lacking", ["train", "audit"])
def test_a_dataset_without_a_split_is_refused(lacking, published, pictures, tmp_path, capsys):
    other = {"train": "audit", "audit": "train"}[lacking]
    rows = [replace(row, split=other) for row in pictures.rows]
    dataset.write(tmp_path / "data", labels=published.labels, rows=rows, images=pictures.images)

    paths = {"artifact": published.path, "dataset": tmp_path / "data"}
    paths["artifacts"] = tmp_path / "artifacts"
    named = [part for name, path in paths.items() for part in (f"--{name}", str(path))]

    status = main(["export", "--json-progress", *named])

    assert status == 1
    assert "split train to calibrate on and of split audit" in capsys.readouterr().out
    assert not (tmp_path / "artifacts").exists()


def test_it_is_the_same_every_time(exported, published, pictures, tmp_path):
    images = [load_pixels(each, pictures.images) for each in quantize._of_each_class(pictures, 64)]

    assert quantize.quantise(published.onnx, images) == exported.onnx.read_bytes()
