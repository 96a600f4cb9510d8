"""Keras and ONNX are one model, and a new head changes the head alone."""

import hashlib

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from modeltrain.network import export, inception
from tests.modeltrain.conftest import drawing


def random_head(seed: int) -> list[np.ndarray]:
    keras.utils.set_random_seed(seed)
    head = inception.head(seed=seed)
    return [array for name in inception.HEAD_LAYERS for array in head.get_layer(name).get_weights()]


@pytest.fixture(scope="module")
def full_model(published):
    return export.from_keras(published.keras, classes=len(published.labels))


@pytest.fixture(scope="module")
def retrained(published, tmp_path_factory):
    """The published graph with a head of random numbers, and that head."""
    weights = random_head(5)
    path = tmp_path_factory.mktemp("retrained") / "model.onnx"
    path.write_bytes(export.replace_head(published.onnx, weights))
    return path, weights


def head_session(graph, folder):
    onnx.utils.extract_model(graph, folder / "head.onnx", ["feature_row"], ["probability_row"])
    return onnxruntime.InferenceSession(folder / "head.onnx")


def test_keras_and_onnx_agree_on_whole_images(published, full_model, classifier):
    pixels = np.stack([drawing(1), drawing(2), np.full((299, 299, 3), 60, np.uint8)])

    expected = full_model.predict(pixels.astype(np.float32) / 255, verbose=0)

    received = [list(classifier.classify(image).scores.values()) for image in pixels]
    np.testing.assert_allclose(received, expected, atol=1e-4)


def test_keras_and_onnx_agree_on_a_new_head(retrained, tmp_path):
    path, weights = retrained
    head = inception.head()
    for name, kernel, bias in zip(inception.HEAD_LAYERS, weights[::2], weights[1::2], strict=True):
        head.get_layer(name).set_weights([kernel, bias])
    features = np.random.default_rng(0).gamma(0.5, 1, (32, 2048)).astype(np.float32)

    expected = head.predict(features, verbose=0)

    session = head_session(path, tmp_path)
    received = [session.run(None, {"feature_row": row[None]})[0][0] for row in features]
    np.testing.assert_allclose(received, expected, atol=1e-5)


def test_a_new_head_leaves_the_rest_of_the_graph_unchanged(published, retrained):
    path, weights = retrained
    before, after = onnx.load(published.onnx), onnx.load(path)
    old = {tensor.name: tensor for tensor in before.graph.initializer}

    changed = [tensor.name for tensor in after.graph.initializer if tensor != old[tensor.name]]

    assert changed == [
        f"head/{name}/{part}" for name in inception.HEAD_LAYERS for part in ("kernel", "bias")
    ]
    assert list(before.graph.node) == list(after.graph.node)
    assert export.base_sha256(path.read_bytes()) == published.config["base_sha256"]
    for received, expected in zip(export.head_weights(path), weights, strict=True):
        np.testing.assert_array_equal(received, expected)


def test_the_hash_of_a_base_changes_with_one_weight_in_it(published):
    proto = onnx.load(published.onnx)
    tensor = next(t for t in proto.graph.initializer if t.name == "conv_50/kernel")
    values = numpy_helper.to_array(tensor).copy()
    values[0, 0, 0, 0] += 1
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    changed = export.base_sha256(proto.SerializeToString())

    assert changed != published.config["base_sha256"]


def test_the_same_head_gives_the_same_bytes(published):
    again = export.replace_head(published.onnx, export.head_weights(published.onnx))

    assert hashlib.sha256(again).digest() == hashlib.sha256(published.onnx.read_bytes()).digest()


def test_a_head_of_another_shape_is_refused(published):
    weights = random_head(1)

    with pytest.raises(ValueError, match=r"Received: \[\[2048, 256\]"):
        export.replace_head(published.onnx, weights[:4])


def test_a_graph_without_a_head_is_refused(tmp_path):
    path = tmp_path / "other.onnx"
    node = onnx.helper.make_node("Identity", ["a"], ["b"])
    info = [onnx.helper.make_tensor_value_info(name, 1, [1]) for name in "ab"]
    graph = onnx.helper.make_graph([node], "other", info[:1], info[1:])
    onnx.save(onnx.helper.make_model(graph), path)

    with pytest.raises(ValueError, match="must have a head"):
        export.head_weights(path)


def test_a_keras_file_has_no_date_and_loads(published, full_model, tmp_path):
    data = export.to_keras(full_model)

    assert data == published.keras.read_bytes()
    (tmp_path / "again.keras").write_bytes(data)
    loaded = keras.models.load_model(tmp_path / "again.keras")
    assert loaded.count_params() == full_model.count_params()


def test_the_graph_takes_pixels_of_any_size(published):
    proto = onnx.load(published.onnx, load_external_data=False)
    (image,) = proto.graph.input
    shape = [side.dim_param or side.dim_value for side in image.type.tensor_type.shape.dim]

    assert shape == ["height", "width", 3]
    assert image.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [output.name for output in proto.graph.output] == ["probabilities", "features"]


def test_a_keras_file_with_a_new_head_is_what_keras_writes(published, retrained, tmp_path):
    _, weights = retrained
    path = tmp_path / "model.keras"
    path.write_bytes(export.replace_keras_head(published.keras, weights))

    model = export.from_keras(path, classes=len(published.labels))

    head = model.get_layer("head")
    layers = [head.get_layer(name) for name in inception.HEAD_LAYERS]
    stored = [array for layer in layers for array in layer.get_weights()]
    for received, expected in zip(stored, weights, strict=True):
        np.testing.assert_array_equal(received, expected)
    assert export.to_keras(model) == path.read_bytes()
