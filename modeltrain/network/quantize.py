"""An artifact's graph quantized to 8-bit integers: a quarter of the size, for browsers to load."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from modeltrain.data.dataset import Dataset
from modeltrain.model import artifact
from modeltrain.model.artifact import Artifact
from modeltrain.model.card import quantized_card
from modeltrain.model.features import load_pixels
from modeltrain.progress import ProgressCallback, quiet

NAME = "int8"
CALIBRATION_IMAGES = 24
TOLERANCE = 0.03
# Quantizing these loses most of a blurred image; they hold 0.1% of the weights.
FLOAT_CONVOLUTIONS = 3
# With Relu in the list, a convolution's 256 steps cover only the values that Relu lets through.
QUANTIZED_OPS = ["Conv", "Relu", "MaxPool", "AveragePool", "Concat", "GlobalAveragePool", "Gemm"]
BATCH = 16

Pixels = NDArray[np.uint8]
Probabilities = NDArray[np.float32]
Figures = dict[str, Any]


class ExportRefused(ValueError):
    """The dataset has no images to calibrate an export on, or none to check it on."""


def quantize(
    graph: Path, images: Iterable[Pixels], *, float_convolutions: int = FLOAT_CONVOLUTIONS
) -> bytes:
    """Quantize a graph's weights and activations to 8 bits.

    Preprocessing, the first convolutions, the last layer and softmax stay in float. Weights have
    one scale per channel. Activations' ranges are the widest that the images produced. The mean
    error that rounding the weights adds to a channel is subtracted from its bias. A 1×1 convolution
    that follows average pooling is moved before it, so that the pooling has fewer channels.

    Sources: Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference" (2018), as onnxruntime does it; Nagel et al., "Data-Free
    Quantization Through Weight Equalization and Bias Correction" (2019), section 4.2, with
    measured means.

    Parameters
    ----------
    graph : pathlib.Path
        As `export.to_onnx` writes it.
    images : iterable of numpy.ndarray of uint8, shape [height, width, 3]
        Images of any size, to measure activations on.
    float_convolutions : int
        How many convolutions stay in float, counted from the image; at least 1.

    Returns
    -------
    bytes
        The quantized model, serialized.
    """
    float_model = move_convolutions_before_pooling(onnx.load(graph))
    convolutions = [node for node in float_model.graph.node if node.op_type == "Conv"]
    last = [node for node in float_model.graph.node if node.op_type == "Gemm"][-1]
    in_float = [*convolutions[:float_convolutions], last]
    _move_relu_after_pooling(float_model, in_float[-2].output[0])
    reader = _CalibrationReader(images, float_model, [node.input[0] for node in convolutions])
    logging.getLogger().addFilter(_is_no_hint)
    try:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "float32.onnx"
            source.write_bytes(float_model.SerializeToString())
            target = Path(folder) / "int8.onnx"
            quantize_static(
                str(source),
                str(target),
                reader,
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=QUANTIZED_OPS,
                nodes_to_exclude=[node.name for node in in_float],
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
            )
            quantized = onnx.load(target)
    finally:
        logging.getLogger().removeFilter(_is_no_hint)
    means = reader.means()
    for convolution in convolutions[float_convolutions:]:
        _correct_bias(convolution, float_model, quantized, means[convolution.input[0]])
    return bytes(quantized.SerializeToString(deterministic=True))


def move_convolutions_before_pooling(model: onnx.ModelProto) -> onnx.ModelProto:
    """Move each 1×1 convolution that follows average pooling before it.

    Both are linear, one over channels and one over positions, and averaging leaves a bias
    unchanged, so the order makes no difference except in rounding.

    Parameters
    ----------
    model : onnx.ModelProto
        Changed in place. Its average pooling must exclude padding.

    Returns
    -------
    onnx.ModelProto
        The same model.
    """
    nodes = list(model.graph.node)
    kernels_1x1 = {t.name for t in model.graph.initializer if list(t.dims[2:]) == [1, 1]}
    for pooling in [node for node in nodes if node.op_type == "AveragePool"]:
        consumers = _consumers(nodes, pooling.output[0])
        convolution = consumers[0]
        is_1x1 = convolution.op_type == "Conv" and convolution.input[1] in kernels_1x1
        if len(consumers) == 1 and is_1x1:
            _swap(nodes, pooling, convolution)
    _reorder(model, nodes)
    return model


def _move_relu_after_pooling(model: onnx.ModelProto, convolved: str) -> None:
    """Move the Relu of the last float convolution behind the max pooling; the result is the same.

    Quantization starts with that Relu. If it came first, the max pooling would run on bytes in
    channel-first layout, for which onnxruntime has no fast kernel.
    """
    nodes = list(model.graph.node)
    relu = _consumers(nodes, convolved)[0]
    pooling = _consumers(nodes, relu.output[0])[0]
    if pooling.op_type == "MaxPool":
        _swap(nodes, relu, pooling)
        _reorder(model, nodes)


def _consumers(nodes: Iterable[onnx.NodeProto], tensor: str) -> list[onnx.NodeProto]:
    return [node for node in nodes if tensor in node.input]


def _swap(nodes: list[onnx.NodeProto], first: onnx.NodeProto, second: onnx.NodeProto) -> None:
    """Put a node after the node that consumes its output."""
    between, end = first.output[0], second.output[0]
    for consumer in _consumers(nodes, end):
        consumer.input[:] = [between if name == end else name for name in consumer.input]
    second.input[0], first.input[0] = first.input[0], end
    nodes.remove(first)
    nodes.insert(nodes.index(second) + 1, first)


def _reorder(model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto]) -> None:
    model.graph.node.extend(nodes)  # copies them
    del model.graph.node[: len(nodes)]


def _correct_bias(
    convolution: onnx.NodeProto,
    float_model: onnx.ModelProto,
    quantized: onnx.ModelProto,
    means: NDArray[np.float64],
) -> None:
    """Subtract the mean error of quantized weights from the bias; padding counts like the rest."""
    kernel, bias = convolution.input[1:]
    constants = _initializers(quantized, kernel, bias)
    scale = constants[f"{kernel}_scale"].reshape(-1, 1, 1, 1)
    error = constants[f"{kernel}_quantized"] * scale - _initializers(float_model, kernel)[kernel]
    added = np.einsum("oihw,i->o", error.astype(np.float64), means)
    steps = np.rint(added / constants[f"{bias}_quantized_scale"]).astype(np.int32)
    name = f"{bias}_quantized"
    tensor = next(tensor for tensor in quantized.graph.initializer if tensor.name == name)
    tensor.CopyFrom(numpy_helper.from_array(constants[name] - steps, name))


def _initializers(model: onnx.ModelProto, *prefixes: str) -> dict[str, NDArray[Any]]:
    return {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if tensor.name.startswith(prefixes)
    }


def drift(expected: Probabilities, received: Probabilities) -> Figures:
    """Measure how far one graph's probabilities are from another's on the same images.

    Parameters
    ----------
    expected, received : numpy.ndarray of float32, shape [images, classes]

    Returns
    -------
    dict
        Of each image's largest difference in any class: `max` and `p99`; `within`, the share of
        images where it is at most 0.03; and `same`, the share of images with the same top class.
    """
    distance = np.abs(received - expected).max(axis=1)
    return {
        "max": float(distance.max()),
        "p99": float(np.quantile(distance, 0.99)),
        "within": float((distance <= TOLERANCE).mean()),
        "same": float((received.argmax(axis=1) == expected.argmax(axis=1)).mean()),
    }


def write_artifact(
    start: Artifact, *, data: Dataset, parent: Path, progress: ProgressCallback = quiet
) -> Artifact:
    """Quantize an artifact's graph and write it as an artifact that can be audited like any other.

    Both graphs, the given float32 one and the quantized one, are compared with Keras on the audit
    split; the figures go into the new artifact's config and card.

    Parameters
    ----------
    start : Artifact
        The model to quantize, with its `model.keras`.
    data : Dataset
        Activations are measured on `CALIBRATION_IMAGES` images of split `train`, the same number
        of each class where there are enough.
    parent : pathlib.Path
        Folder of artifacts.
    progress : callable
        Called after each image.

    Raises
    ------
    ExportRefused
        When there is no image to calibrate on, or none to check on.
    ImageMissing
        When an image is missing, cannot be read, or is not the one that its hash names.
    """
    calibration, audit = _calibration_hashes(data, CALIBRATION_IMAGES), data.split("audit")
    if not calibration or not audit:
        raise ExportRefused(
            "An export needs images of split train to calibrate on and of split audit to be "
            f"checked on. Received: {len(calibration)} and {len(audit)}. Add some."
        )
    from modeltrain.network import export  # loads Keras, which takes seconds

    def calibration_images() -> Iterator[Pixels]:
        for number, sha256 in enumerate(calibration, start=1):
            yield load_pixels(sha256, data.images)
            progress("calibrating", number, len(calibration), "Measuring activations")

    graph = quantize(start.onnx, calibration_images())
    probabilities = _probabilities(start, graph, [row.sha256 for row in audit], data, progress)
    sizes = {"float32": start.onnx.stat().st_size, NAME: len(graph)}
    config = {
        "name": NAME,
        "base_sha256": export.base_sha256(graph),
        "parent": start.sha256,
        "source": start.config["source"],
        "export": {
            "calibrated_on": len(calibration),
            "compared_on": len(audit),
            "graphs": {
                name: {"bytes": size, **drift(probabilities["keras"], probabilities[name])}
                for name, size in sizes.items()
            },
        },
    }
    return artifact.write(
        parent=parent,
        files={
            "model.onnx": graph,
            "labels.json": json.dumps(list(start.labels)).encode(),
            "config.json": json.dumps(config, indent=2, sort_keys=True).encode(),
            "card.md": quantized_card(config).encode(),
        },
    )


def _calibration_hashes(data: Dataset, count: int) -> list[str]:
    """Choose images of split train, taking one of each class in turn; return their hashes."""
    by_class: dict[str, list[str]] = {label: [] for label in data.labels}
    for row in data.split("train"):
        by_class[row.label].append(row.sha256)
    turns = zip_longest(*by_class.values())
    hashes = (sha256 for turn in turns for sha256 in turn if sha256 is not None)
    return list(islice(hashes, count))


def _probabilities(
    start: Artifact, graph: bytes, hashes: Sequence[str], data: Dataset, progress: ProgressCallback
) -> dict[str, Probabilities]:
    """Run Keras and both graphs on the same pixels, which the graph itself resizes.

    Returns
    -------
    dict of str to numpy.ndarray of float32, shape [images, classes]
        By name: `keras`, `float32` and `int8`.
    """
    from modeltrain.network import export

    model = export.from_keras(start.keras, classes=len(start.labels))
    resize = open_session(export.subgraph_to(onnx.load(start.onnx), "input"))
    graphs = {"float32": open_session(start.onnx.read_bytes()), NAME: open_session(graph)}
    probabilities: dict[str, list[Any]] = {name: [] for name in ("keras", *graphs)}
    for first in range(0, len(hashes), BATCH):
        pixels = [load_pixels(sha256, data.images) for sha256 in hashes[first : first + BATCH]]
        planes = [resize.run(["input"], {"image": image})[0] for image in pixels]
        resized = np.concatenate(planes).transpose(0, 2, 3, 1)
        probabilities["keras"] += list(np.asarray(model.predict_on_batch(resized)))
        for name, session in graphs.items():
            probabilities[name] += [
                session.run(["probabilities"], {"image": image})[0] for image in pixels
            ]
        progress("comparing", first + len(pixels), len(hashes), "Comparing with Keras")
    return {name: np.stack(rows) for name, rows in probabilities.items()}


def open_session(graph: bytes) -> onnxruntime.InferenceSession:
    """Open a graph on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


class _CalibrationReader(CalibrationDataReader):
    """Yields images one by one, and measures the channel means of the named tensors."""

    def __init__(
        self, images: Iterable[Pixels], model: onnx.ModelProto, tensors: Sequence[str]
    ) -> None:
        self._images = iter(images)
        self._tensors = sorted(set(tensors))
        watched = onnx.ModelProto()
        watched.CopyFrom(model)
        for name in self._tensors:
            mean = f"{name}/mean"
            watched.graph.node.append(helper.make_node("GlobalAveragePool", [name], [mean]))
            watched.graph.output.append(
                helper.make_tensor_value_info(mean, onnx.TensorProto.FLOAT, None)
            )
        self._session = open_session(watched.SerializeToString())
        self._sums = [np.zeros(())] * len(self._tensors)
        self._count = 0

    def get_next(self) -> dict[str, Pixels] | None:
        pixels = next(self._images, None)
        if pixels is None:
            return None
        inputs = {"image": np.ascontiguousarray(pixels)}
        means = self._session.run([f"{name}/mean" for name in self._tensors], inputs)
        self._sums = [total + mean.ravel() for total, mean in zip(self._sums, means, strict=True)]
        self._count += 1
        return inputs

    def means(self) -> dict[str, NDArray[np.float64]]:
        sums = zip(self._tensors, self._sums, strict=True)
        return {name: total / self._count for name, total in sums}


def _is_no_hint(record: logging.LogRecord) -> bool:
    """Drop onnxruntime's advice to fold constants first: they already are in these graphs."""
    return "pre-processing before quantization" not in record.getMessage()
