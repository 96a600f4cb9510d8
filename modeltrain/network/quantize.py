"""An artifact's graph in 8-bit integers: a quarter of the size, for a browser to download."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
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
from modeltrain.model.card import int8_card
from modeltrain.model.features import load_pixels
from modeltrain.network import export, inception
from modeltrain.progress import ProgressCallback, quiet

NAME = "int8"
CALIBRATED_ON = 24
TOLERANCE = 0.03
# Little is left of blurred pictures where these are rounded; they hold 0.1 % of the weights.
FLOAT_CONVOLUTIONS = 3
# With Relu, a convolution's 256 steps are spent on what Relu lets through, not on what it cuts.
QUANTISED = ["Conv", "Relu", "MaxPool", "AveragePool", "Concat", "GlobalAveragePool", "Gemm"]
AT_ONCE = 16

Pixels = NDArray[np.uint8]
Probabilities = NDArray[np.float32]
Figures = dict[str, Any]


class ExportRefused(ValueError):
    """A dataset that an export cannot be calibrated or checked on."""


def quantise(
    graph: Path, images: Iterable[Pixels], *, float_convolutions: int = FLOAT_CONVOLUTIONS
) -> bytes:
    """Write a graph with weights and activations in 8 bits.

    Preprocessing, the first convolutions, the last layer and softmax stay in float. Weights have a
    scale for each channel. Activations' ranges are the widest that the images gave. What rounding
    the weights adds to a channel on average, its bias takes away again. Convolutions of single
    pixels come before the average that they followed, which then has fewer channels to run over.

    Sources: Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference" (2018), as onnxruntime does it; Nagel et al., "Data-Free
    Quantization Through Weight Equalization and Bias Correction" (2019), section 4.2, with means
    that are measured.

    Parameters
    ----------
    graph : pathlib.Path
        As `export.to_onnx` writes it.
    images : iterable of numpy.ndarray of uint8, shape [height, width, 3]
        What ranges are measured on; of any size.
    float_convolutions : int
        How many convolutions stay in float, counted from the image; at least 1.
    """
    exact = convolved_before_pooling(onnx.load(graph))
    convolutions = [each for each in exact.graph.node if each.op_type == "Conv"]
    last = [each for each in exact.graph.node if each.op_type == "Gemm"][-1]
    in_float = [*convolutions[:float_convolutions], last]
    _cut_off_after_pooling(exact, in_float[-2].output[0])
    read = _Reader(images, exact, [each.input[0] for each in convolutions])
    logging.getLogger().addFilter(_without_hint)
    try:
        with tempfile.TemporaryDirectory() as folder:
            start = Path(folder) / "float32.onnx"
            start.write_bytes(exact.SerializeToString())
            made = Path(folder) / "int8.onnx"
            quantize_static(
                str(start),
                str(made),
                read,
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=QUANTISED,
                nodes_to_exclude=[each.name for each in in_float],
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
            )
            rounded = onnx.load(made)
    finally:
        logging.getLogger().removeFilter(_without_hint)
    means = read.means()
    for each in convolutions[float_convolutions:]:
        _correct_bias(each, exact, rounded, means[each.input[0]])
    return bytes(rounded.SerializeToString(deterministic=True))


def convolved_before_pooling(model: onnx.ModelProto) -> onnx.ModelProto:
    """Let each convolution of single pixels that follows an average do its work before it.

    Both are linear, one over channels and one over places, and an average leaves a bias as it is:
    the order makes no difference but for rounding.

    Parameters
    ----------
    model : onnx.ModelProto
        Changed in place. Its averages leave padding out.
    """
    nodes = list(model.graph.node)
    single = {each.name for each in model.graph.initializer if list(each.dims[2:]) == [1, 1]}
    for pooling in [each for each in nodes if each.op_type == "AveragePool"]:
        convolution, *others = _takers(nodes, pooling.output[0])
        if not others and convolution.op_type == "Conv" and convolution.input[1] in single:
            _swap(nodes, pooling, convolution)
    _reorder(model, nodes)
    return model


def _cut_off_after_pooling(model: onnx.ModelProto, convolved: str) -> None:
    """Let a maximum after the last convolution in float come before its Relu: all the same.

    Rounding starts with that Relu. Before the maximum it would make it one of bytes in planes, for
    which onnxruntime has no fast way.
    """
    nodes = list(model.graph.node)
    relu = _takers(nodes, convolved)[0]
    pooling = _takers(nodes, relu.output[0])[0]
    if pooling.op_type == "MaxPool":
        _swap(nodes, relu, pooling)
        _reorder(model, nodes)


def _takers(nodes: Iterable[onnx.NodeProto], tensor: str) -> list[onnx.NodeProto]:
    return [each for each in nodes if tensor in each.input]


def _swap(nodes: list[onnx.NodeProto], first: onnx.NodeProto, second: onnx.NodeProto) -> None:
    """Let a node come after the one that takes what it gives."""
    between, end = first.output[0], second.output[0]
    for taker in _takers(nodes, end):
        taker.input[:] = [between if name == end else name for name in taker.input]
    second.input[0], first.input[0] = first.input[0], end
    nodes.remove(first)
    nodes.insert(nodes.index(second) + 1, first)


def _reorder(model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto]) -> None:
    model.graph.node.extend(nodes)  # copies them
    del model.graph.node[: len(nodes)]


def _correct_bias(
    convolution: onnx.NodeProto,
    exact: onnx.ModelProto,
    rounded: onnx.ModelProto,
    means: NDArray[np.float64],
) -> None:
    """Subtract from a rounded bias what the rounded weights add; padding counts like the rest."""
    kernel, bias = convolution.input[1:]
    there = _constants(rounded, kernel, bias)
    scale = there[f"{kernel}_scale"].reshape(-1, 1, 1, 1)
    error = there[f"{kernel}_quantized"] * scale - _constants(exact, kernel)[kernel]
    added = np.einsum("oihw,i->o", error.astype(np.float64), means)
    steps = np.rint(added / there[f"{bias}_quantized_scale"]).astype(np.int32)
    name = f"{bias}_quantized"
    tensor = next(each for each in rounded.graph.initializer if each.name == name)
    tensor.CopyFrom(numpy_helper.from_array(there[name] - steps, name))


def _constants(model: onnx.ModelProto, *prefixes: str) -> dict[str, NDArray[Any]]:
    return {
        each.name: numpy_helper.to_array(each)
        for each in model.graph.initializer
        if each.name.startswith(prefixes)
    }


def drift(expected: Probabilities, received: Probabilities) -> Figures:
    """Say how far answers are from others of the same images.

    Parameters
    ----------
    expected, received : numpy.ndarray of float32, shape [images, classes]

    Returns
    -------
    dict
        Of the largest difference in any class of each image: `max` and `p99`; `within`, the share
        of images where it is at most 0.03; and `same`, the share with the same class on top.
    """
    distance = np.abs(received - expected).max(axis=1)
    return {
        "max": float(distance.max()),
        "p99": float(np.quantile(distance, 0.99)),
        "within": float((distance <= TOLERANCE).mean()),
        "same": float((received.argmax(axis=1) == expected.argmax(axis=1)).mean()),
    }


def write(
    start: Artifact, *, data: Dataset, parent: Path, progress: ProgressCallback = quiet
) -> Artifact:
    """Write an artifact's graph in 8 bits, as an artifact of its own that anything can judge.

    Both graphs, the given one in float32 and the new one, are compared with Keras on the audit
    split; the figures are in its config and on its card.

    Parameters
    ----------
    start : Artifact
    data : Dataset
        `CALIBRATED_ON` images of split `train`, of every class alike, give the ranges of
        activations.
    parent : pathlib.Path
        Folder of artifacts.
    progress : callable
        Told of each image.

    Raises
    ------
    ExportRefused
        When there is no image to calibrate on, or none to check on.
    ImageMissing
        When an image is not there, cannot be read, or is another one.
    """
    chosen, audit = _of_each_class(data, CALIBRATED_ON), data.split("audit")
    if not chosen or not audit:
        raise ExportRefused(
            "An export needs images of split train to calibrate on and of split audit to be "
            f"checked on. Received: {len(chosen)} and {len(audit)}. Add some."
        )

    def calibration() -> Iterator[Pixels]:
        for done, sha256 in enumerate(chosen, start=1):
            yield load_pixels(sha256, data.images)
            progress("calibrating", done, len(chosen), "Measuring activations")

    graph = quantise(start.onnx, calibration())
    answers = _answers(start, graph, [row.sha256 for row in audit], data, progress)
    sizes = {"float32": start.onnx.stat().st_size, NAME: len(graph)}
    made = {
        "name": NAME,
        "base_sha256": export.base_sha256(graph),
        "parent": start.sha256,
        "source": start.config["source"],
        "export": {
            "calibrated_on": len(chosen),
            "compared_on": len(audit),
            "graphs": {
                name: {"bytes": size, **drift(answers["keras"], answers[name])}
                for name, size in sizes.items()
            },
        },
    }
    return artifact.write(
        parent=parent,
        files={
            "model.onnx": graph,
            "labels.json": json.dumps(list(start.labels)).encode(),
            "config.json": json.dumps(made, indent=2, sort_keys=True).encode(),
            "card.md": int8_card(made).encode(),
        },
    )


def _of_each_class(data: Dataset, count: int) -> list[str]:
    """Choose images by hash, from each class in turn."""
    by_class: dict[str, list[str]] = {label: [] for label in data.labels}
    for row in data.split("train"):
        by_class[row.label].append(row.sha256)
    deepest = max(map(len, by_class.values()))
    turns = (each[n] for n in range(deepest) for each in by_class.values() if n < len(each))
    return [sha256 for sha256, _ in zip(turns, range(count), strict=False)]


def _answers(
    start: Artifact, graph: bytes, hashes: Sequence[str], data: Dataset, progress: ProgressCallback
) -> dict[str, Probabilities]:
    """Ask Keras and both graphs; all get the same pixels, resized by the graph."""
    model = inception.whole(classes=len(start.labels))
    model.load_weights(start.keras)
    resize = _session(export.below(onnx.load(start.onnx), "input"))
    graphs = {"float32": _session(start.onnx.read_bytes()), NAME: _session(graph)}
    answers: dict[str, list[Any]] = {name: [] for name in ("keras", *graphs)}
    for first in range(0, len(hashes), AT_ONCE):
        pixels = [load_pixels(each, data.images) for each in hashes[first : first + AT_ONCE]]
        planes = [resize.run(["input"], {"image": each})[0] for each in pixels]
        resized = np.concatenate(planes).transpose(0, 2, 3, 1)
        answers["keras"] += list(np.asarray(model.predict_on_batch(resized)))
        for name, session in graphs.items():
            answers[name] += [session.run(["probabilities"], {"image": each})[0] for each in pixels]
        done = first + len(pixels)
        progress("comparing", done, len(hashes), "Comparing with Keras")
    return {name: np.stack(each) for name, each in answers.items()}


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


class _Reader(CalibrationDataReader):
    """Hands out images one by one, and adds up each channel of the named tensors meanwhile."""

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
        self._session = _session(watched.SerializeToString())
        self._sums = [np.zeros(())] * len(self._tensors)
        self._count = 0

    def get_next(self) -> dict[str, Pixels] | None:
        pixels = next(self._images, None)
        if pixels is None:
            return None
        asked = {"image": np.ascontiguousarray(pixels)}
        found = self._session.run([f"{name}/mean" for name in self._tensors], asked)
        self._sums = [total + each.ravel() for total, each in zip(self._sums, found, strict=True)]
        self._count += 1
        return asked

    def means(self) -> dict[str, NDArray[np.float64]]:
        sums = zip(self._tensors, self._sums, strict=True)
        return {name: total / self._count for name, total in sums}


def _without_hint(record: logging.LogRecord) -> bool:
    """Leave out onnxruntime's advice to fold constants first: these graphs have them folded."""
    return "pre-processing before quantization" not in record.getMessage()
