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
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from modeltrain import artifact, export, network
from modeltrain.artifact import Artifact
from modeltrain.card import int8_card
from modeltrain.dataset import Dataset
from modeltrain.features import load_pixels
from modeltrain.progress import Report, quiet

NAME = "int8"
CALIBRATED_ON = 64
TOLERANCE = 0.03
# Rounding hurts most where every later layer builds on it, and these hold 0.1 % of the weights.
FLOAT_CONVOLUTIONS = 4
QUANTISED = ["Conv", "MaxPool", "AveragePool", "Concat", "GlobalAveragePool", "Gemm"]
AT_ONCE = 16

Pixels = NDArray[np.uint8]
Probabilities = NDArray[np.float32]
Figures = dict[str, Any]


class ExportRefused(ValueError):
    """A dataset that an export cannot be calibrated or checked on."""


def quantise(graph: Path, images: Iterable[Pixels]) -> bytes:
    """Write a graph with weights and activations in 8 bits; preprocessing and softmax stay float.

    Weights have a scale for each channel. Activations' ranges are the widest that the images gave.

    Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference" (2018), as onnxruntime does it.

    Parameters
    ----------
    graph : pathlib.Path
        As `export.to_onnx` writes it.
    images : iterable of numpy.ndarray of uint8, shape [height, width, 3]
        What ranges are measured on; of any size.
    """
    convolutions = [each.name for each in onnx.load(graph).graph.node if each.op_type == "Conv"]
    logging.getLogger().addFilter(_without_hint)
    try:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "int8.onnx"
            quantize_static(
                str(graph),
                str(made),
                _Reader(images),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=QUANTISED,
                nodes_to_exclude=convolutions[:FLOAT_CONVOLUTIONS],
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
            )
            return bytes(onnx.load(made).SerializeToString(deterministic=True))
    finally:
        logging.getLogger().removeFilter(_without_hint)


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


def write(start: Artifact, *, data: Dataset, parent: Path, progress: Report = quiet) -> Artifact:
    """Write an artifact's graph in 8 bits, as an artifact of its own that anything can judge.

    Both graphs, the given one in float32 and the new one, are compared with Keras on the audit
    split; the figures are in its config and on its card.

    Parameters
    ----------
    start : Artifact
    data : Dataset
        64 images of split `train`, of every class alike, give the ranges of activations.
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
    start: Artifact, graph: bytes, hashes: Sequence[str], data: Dataset, progress: Report
) -> dict[str, Probabilities]:
    """Ask Keras and both graphs; all get the same pixels, resized by the graph."""
    model = network.whole(classes=len(start.labels))
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
    def __init__(self, images: Iterable[Pixels]) -> None:
        self._images = iter(images)

    def get_next(self) -> dict[str, Pixels] | None:
        pixels = next(self._images, None)
        return None if pixels is None else {"image": np.ascontiguousarray(pixels)}


def _without_hint(record: logging.LogRecord) -> bool:
    """Leave out onnxruntime's advice to fold constants first: these graphs have them folded."""
    return "pre-processing before quantization" not in record.getMessage()
