"""From Keras to files: one ONNX graph with its preprocessing inside, and a `.keras` file.

The same weights give the same bytes, so an artifact's hash identifies the model. The ONNX graph is
written node by node instead of traced: normalisation is folded into the convolutions, every tensor
has a meaningful name, and the head's weights can be replaced without touching the base.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import onnx
from keras import layers
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from modeltrain.network import inception
from modeltrain.network.inception import FEATURES, HEAD_LAYERS, SIZE

OPSET = 18  # the first in which Resize has antialiasing
HEAD_PREFIX = "head/"
KERAS_WEIGHTS = "model.weights.h5"  # in a .keras file

Weights = Sequence[NDArray[np.float32]]  # kernel, bias, kernel, bias, … in layer order


def to_onnx(model: keras.Model) -> bytes:
    """Write an `inception.full_model` as an ONNX graph that takes an image of any size.

    Parameters
    ----------
    model : keras.Model
        As `inception.full_model` builds it.

    Returns
    -------
    bytes
        A model with input `image` (uint8 [H, W, 3], RGB) and outputs `probabilities` (float32
        [classes]) and `features` (float32 [2048]). Resizing is linear, antialiased, with half-pixel
        centres, in float32; then ÷ 255.
    """
    graph = GraphWriter()
    graph.preprocess(size=SIZE)
    for layer in model.layers:
        graph.add(layer)
    head = model.get_layer("head")
    graph.head([layer.get_weights() for layer in map(head.get_layer, HEAD_LAYERS)])
    return graph.serialize("inception_v3", classes=model.output.shape[-1], features=FEATURES)


def replace_head(graph: Path, weights: Weights) -> bytes:
    """Return the same ONNX graph with new weights in its head; the base stays bit-identical.

    Parameters
    ----------
    graph : pathlib.Path
        A model written by `to_onnx`.
    weights : sequence of numpy.ndarray of float32
        Kernel and bias of each dense layer, in order.

    Returns
    -------
    bytes
        The new model, serialized.

    Raises
    ------
    ValueError
        When there are too many or too few arrays, or one has another shape.
    """
    proto = onnx.load(graph)
    tensors = _head_initializers(proto)
    expected = [list(tensor.dims) for tensor in tensors]
    received = [list(array.shape) for array in weights]
    if received != expected:
        raise ValueError(
            f"A new head must have the shapes of the old one, {expected}. Received: {received}. "
            "Train it from the champion's head."
        )
    for tensor, values in zip(tensors, weights, strict=True):
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float32), tensor.name))
    return bytes(proto.SerializeToString(deterministic=True))


def head_weights(graph: Path) -> list[NDArray[np.float32]]:
    """Return the kernel and bias of each dense layer of a model written by `to_onnx`."""
    return [numpy_helper.to_array(tensor).copy() for tensor in _head_initializers(onnx.load(graph))]


def base_sha256(graph: bytes) -> str:
    """Hash everything that determines an image's features: the graph without the head.

    Models with the same base share a cache of features.
    """
    return hashlib.sha256(subgraph_to(onnx.load_from_string(graph), "features")).hexdigest()


def subgraph_to(model: onnx.ModelProto, output: str) -> bytes:
    """Reduce a graph to the nodes and constants that compute one tensor.

    Parameters
    ----------
    model : onnx.ModelProto
        Changed in place.
    output : str
        The tensor, named as a node's output, such as `mixed_5`.

    Returns
    -------
    bytes
        The reduced model, serialized, with `output` as its only output.
    """
    graph = model.graph
    needed = {output}
    for node in reversed(graph.node):  # in a valid graph, a node comes after its inputs
        if needed & set(node.output):
            needed |= set(node.input)
    nodes = [node for node in graph.node if needed & set(node.output)]
    constants = [constant for constant in graph.initializer if constant.name in needed]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)]
    for field, entries in (
        (graph.node, nodes),
        (graph.initializer, constants),
        (graph.output, outputs),
    ):
        del field[:]
        field.extend(entries)
    return bytes(model.SerializeToString(deterministic=True))


def to_keras(model: keras.Model) -> bytes:
    """Save a model in Keras's own format, without the date: the same weights, the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        with zipfile.ZipFile(path) as saved:
            parts = {name: saved.read(name) for name in saved.namelist()}
    parts["config.json"] = _renumber(parts["config.json"])
    metadata = json.loads(parts["metadata.json"]) | {"date_saved": "1980-01-01@00:00:00"}
    parts["metadata.json"] = json.dumps(metadata, sort_keys=True).encode()
    return _undated_archive(parts)


def replace_keras_head(path: Path, weights: Weights) -> bytes:
    """Return the same `.keras` file with new weights in its head.

    The network is not built, which takes seconds.

    Parameters
    ----------
    path : pathlib.Path
        A file that `to_keras` wrote.
    weights : sequence of numpy.ndarray of float32
        Kernel and bias of each dense layer, in order and in the shapes of the old ones.
    """
    with zipfile.ZipFile(path) as saved:
        parts = {name: saved.read(name) for name in saved.namelist()}
    file = io.BytesIO(parts[KERAS_WEIGHTS])
    with h5py.File(file, "r+") as stored:
        layer_groups = stored["layers/functional/layers"].values()
        variables = {group["vars"].attrs.get("name"): group["vars"] for group in layer_groups}
        for name, kernel, bias in zip(HEAD_LAYERS, weights[::2], weights[1::2], strict=True):
            variables[name]["0"][...] = kernel
            variables[name]["1"][...] = bias
    return _undated_archive(parts | {KERAS_WEIGHTS: file.getvalue()})


def _undated_archive(parts: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(parts):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), parts[name])
    return out.getvalue()


def from_keras(path: Path, *, classes: int) -> keras.Model:
    """Build an `inception.full_model` with the weights that `to_keras` saved.

    Keras reads weights inside a `.keras` file by seeking backwards, and each time the zip archive
    is read from its beginning again; from a file of their own they load eight times as fast.

    Parameters
    ----------
    path : pathlib.Path
        A `.keras` file.
    classes : int
        How many classes its head has.
    """
    model = inception.full_model(classes=classes)
    with zipfile.ZipFile(path) as saved, tempfile.TemporaryDirectory() as folder:
        model.load_weights(saved.extract(KERAS_WEIGHTS, folder))
    return model


def _renumber(config: bytes) -> bytes:
    """Replace memory addresses, by which Keras marks shared objects, with 1, 2, 3, …"""
    numbers: dict[bytes, int] = {}
    return re.sub(
        rb'("shared_object_id": )(\d+)',
        lambda match: match[1] + str(numbers.setdefault(match[2], len(numbers) + 1)).encode(),
        config,
    )


def _head_initializers(proto: onnx.ModelProto) -> list[Any]:
    initializers = {tensor.name: tensor for tensor in proto.graph.initializer}
    names = [f"{HEAD_PREFIX}{name}/{part}" for name in HEAD_LAYERS for part in ("kernel", "bias")]
    missing = [name for name in names if name not in initializers]
    if missing:
        raise ValueError(
            f"A graph must have a head made of {', '.join(names)}. Received: a graph "
            f"without {', '.join(missing)}. Use a model.onnx that this program wrote."
        )
    return [initializers[name] for name in names]


class GraphWriter:
    """Nodes and initializers, written one at a time."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.names: dict[int, str] = {}  # id of a Keras tensor → its name in the graph
        self.convolutions: dict[str, layers.Conv2D] = {}  # waiting for their normalisation

    def constant(self, name: str, values: Any, dtype: Any = np.float32) -> str:
        array = np.ascontiguousarray(np.asarray(values, dtype=dtype))
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=output, **attributes))
        return output

    def preprocess(self, *, size: int) -> None:
        x = self.node("Cast", ["image"], "pixels", to=TensorProto.FLOAT)
        x = self.node("Transpose", [x], "planes", perm=[2, 0, 1])
        x = self.node("Unsqueeze", [x, self.constant("batch_axis", [0], np.int64)], "batch")
        x = self.node(
            "Resize",
            [x, "", "", self.constant("resized_shape", [1, 3, size, size], np.int64)],
            "resized",
            mode="linear",
            antialias=1,
            coordinate_transformation_mode="half_pixel",
        )
        self.node("Div", [x, self.constant("white", 255.0)], "input")

    def add(self, layer: keras.Layer) -> None:
        """Write one layer of the base; an activation's output is named after the layer."""
        if isinstance(layer, layers.InputLayer):
            self.names[id(layer.output)] = "input"
            return
        if layer.name == "head":
            return
        tensors = layer.input if isinstance(layer.input, list) else [layer.input]
        inputs = [self.names[id(tensor)] for tensor in tensors]
        self.names[id(layer.output)] = self._write(layer, inputs)

    def _write(self, layer: keras.Layer, inputs: list[str]) -> str:
        name = layer.name
        match layer:
            case layers.Conv2D():
                self.convolutions[name] = layer
                self.names[-id(layer)] = inputs[0]
                return str(name)
            case layers.BatchNormalization():
                return self._write_convolution(self.convolutions[inputs[0]], layer)
            case layers.Activation():
                return self.node("Relu", inputs, name)
            case layers.MaxPooling2D():
                return self.node("MaxPool", inputs, name, kernel_shape=[3, 3], strides=[2, 2])
            case layers.AveragePooling2D():
                return self.node(
                    "AveragePool", inputs, name, kernel_shape=[3, 3], pads=[1] * 4, strides=[1, 1]
                )
            case layers.Concatenate():
                return self.node("Concat", inputs, name, axis=1)
            case layers.GlobalAveragePooling2D():
                return self.node("GlobalAveragePool", inputs, "pooled")
        raise ValueError(
            f"A layer of the base must be of a type that Inception v3 has. Received: {layer!r}. "
            "Teach export.py to write it."
        )

    def _write_convolution(self, conv: layers.Conv2D, norm: layers.BatchNormalization) -> str:
        """Write a convolution with the normalisation after it folded into its weights."""
        kernel = conv.get_weights()[0].astype(np.float64)  # rows, columns, in, out
        beta, mean, variance = (array.astype(np.float64) for array in norm.get_weights())
        scale = 1.0 / np.sqrt(variance + norm.epsilon)
        rows, columns = conv.kernel_size
        pads = [rows // 2, columns // 2] * 2 if conv.padding == "same" else [0] * 4
        return self.node(
            "Conv",
            [
                self.names[-id(conv)],
                self.constant(f"{conv.name}/kernel", (kernel * scale).transpose(3, 2, 0, 1)),
                self.constant(f"{conv.name}/bias", beta - mean * scale),
            ],
            norm.name,
            kernel_shape=[rows, columns],
            strides=list(conv.strides),
            pads=pads,
        )

    def head(self, weights: Sequence[Weights]) -> None:
        """Write the dense layers after `pooled`, with a ReLU after each but the last."""
        names = HEAD_LAYERS[: len(weights)]
        flat = self.constant("features_shape", [1, len(weights[0][0])], np.int64)
        x = self.node("Reshape", ["pooled", flat], "feature_row")
        axis = self.constant("row_axis", [0], np.int64)
        self.node("Squeeze", [x, axis], "features")
        for name, (kernel, bias) in zip(names, weights, strict=True):
            if name != HEAD_LAYERS[0]:
                x = self.node("Relu", [x], f"{x}_relu")
            operands = [
                self.constant(f"{HEAD_PREFIX}{name}/{part}", values)
                for part, values in (("kernel", kernel), ("bias", bias))
            ]
            x = self.node("Gemm", [x, *operands], name)
        x = self.node("Softmax", [x], "probability_row", axis=1)
        self.node("Squeeze", [x, axis], "probabilities")

    def serialize(self, name: str, *, classes: int, features: int) -> bytes:
        """Return the graph, from `image` to `probabilities` and `features`, as a checked file."""
        proto = helper.make_model(
            helper.make_graph(
                self.nodes,
                name,
                [helper.make_tensor_value_info("image", TensorProto.UINT8, ["height", "width", 3])],
                [
                    helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [classes]),
                    helper.make_tensor_value_info("features", TensorProto.FLOAT, [features]),
                ],
                self.initializers,
            ),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=9,
            producer_name="modeltrain",
        )
        onnx.checker.check_model(proto)
        return bytes(proto.SerializeToString(deterministic=True))
