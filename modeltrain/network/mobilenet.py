"""The package's two other models, MobileNetV2 and its larger form, as artifacts.

Both come as TensorFlow.js files: a layers model, in the order of Keras's layers, and a graph model,
with normalisation folded into its convolutions. Only files with pinned hashes are read. Their nodes
are written as one of six ONNX operators, so nothing of theirs is run.

The preprocessing is this site's: any size, resized with antialiasing, as for Inception v3.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeltrain.labels import LABELS
from modeltrain.model import artifact
from modeltrain.model.artifact import Artifact
from modeltrain.network import export
from modeltrain.network.published_model import PACKAGE, PackageRefused, dequantize, unpack

SIZE = 224
Tensors = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class PackageModel:
    """A model of the package: its name, its folder and the hashes of its contents."""

    title: str
    path: str
    topology_sha256: str
    weights_sha256: str


MODELS = {
    model.path: model
    for model in (
        PackageModel(
            "MobileNetV2",
            "mobilenet_v2",
            "feffc6868d61e412a4e7a22657a3d07a8a48df6e11688a9e25b77c23cb7b45c9",
            "8e7dddbb16acacc1bf1601b1b8a761e730ff934b7f2d7771312b2f000e5f5f13",
        ),
        PackageModel(
            "MobileNetV2Mid",
            "mobilenet_v2_mid",
            "935a537cc627402ee7303f75e59083809ab857ae99969523ba1aa726c65c8161",
            "fee38f0bcbad1a223b8301c014bbf78984365aef5ab08fc3289ed4229ab67f0e",
        ),
    )
}


def convert(package: Path, path: str, *, parent: Path) -> Artifact:
    """Convert one of the two models into an artifact: the same package, the same bytes.

    Parameters
    ----------
    package : pathlib.Path
        The folder of the npm package `nsfwjs`, version 4.3.0.
    path : str
        A key of `MODELS`.
    parent : pathlib.Path
        Folder of artifacts.

    Raises
    ------
    PackageRefused
        When the package has no such model, Node.js cannot read it, or its contents have another
        hash.
    """
    if path not in MODELS:
        raise PackageRefused(
            f"A model of the package must be one of {', '.join(MODELS)}. Received: {path!r}. "
            "Name one of them; `convert` makes an artifact of inception_v3."
        )
    model = MODELS[path]
    topology, data = unpack(
        package, path, topology_sha256=model.topology_sha256, weights_sha256=model.weights_sha256
    )
    tensors = dequantize(topology["weightsManifest"][0]["weights"], data)
    network = topology["modelTopology"]
    write = _write_graph_model if "node" in network else _write_layers_model
    writer = export.GraphWriter()
    writer.preprocess(size=SIZE)
    head = write(writer, network, tensors)
    writer.head(head)
    onnx_bytes = writer.serialize(path, classes=len(LABELS), features=len(head[0][0]))
    source = {**PACKAGE, "path": path, "weights_sha256": model.weights_sha256}
    config = {
        "name": path,
        "title": model.title,
        "base_sha256": export.base_sha256(onnx_bytes),
        "parent": None,
        "source": source,
        "training": None,
        "input": {"width": SIZE, "height": SIZE, "channels": "RGB", "range": [0, 1]},
    }
    return artifact.write(
        parent=parent,
        files={
            "model.onnx": onnx_bytes,
            "labels.json": json.dumps(list(LABELS)).encode(),
            "config.json": json.dumps(config, indent=2, sort_keys=True).encode(),
            "card.md": _card(model).encode(),
        },
    )


def _write_layers_model(
    writer: export.GraphWriter, network: Mapping[str, Any], tensors: Tensors
) -> list[export.Weights]:
    """Write Keras's layers up to `pooled`, and return the weights of the dense ones after it."""
    names: dict[str, str] = {}  # of a layer's output in the graph
    pads: dict[str, list[int]] = {}
    head: list[export.Weights] = []
    waiting: dict[str, Mapping[str, Any]] = {}  # convolutions, for their normalisation
    for layer in network["model_config"]["config"]["layers"]:
        name, config = layer["name"], layer["config"]
        sources = [source[0] for source in (layer["inbound_nodes"] or [[]])[0]]
        inputs = [names[source] for source in sources]
        names[name] = inputs[0] if inputs else "input"
        match layer["class_name"]:
            case "InputLayer" | "Flatten" | "Dropout":
                pass
            case "ZeroPadding2D":
                (top, bottom), (left, right) = config["padding"]
                pads[name] = [top, left, bottom, right]
            case "Conv2D" | "DepthwiseConv2D":
                waiting[name] = config | {"pads": pads.get(sources[0])}
            case "BatchNormalization":
                names[name] = _write_normalised(
                    writer, name, waiting[sources[0]], config["epsilon"], inputs[0], tensors
                )
            case "ReLU":
                names[name] = _write_relu6(writer, inputs[0], name)
            case "Add":
                names[name] = writer.node("Add", inputs, name)
            case "AveragePooling2D":
                writer.node("GlobalAveragePool", inputs, "pooled")
            case "Dense":
                head.append([tensors[f"{name}/kernel"], tensors[f"{name}/bias"]])
            case unknown:
                raise _unknown(unknown)
    return head


def _write_normalised(
    writer: export.GraphWriter,
    name: str,
    convolution: Mapping[str, Any],
    epsilon: float,
    source: str,
    tensors: Tensors,
) -> str:
    """Write a convolution with the normalisation after it folded into its weights."""
    layer = convolution["name"]
    gamma, beta, mean, variance = (
        tensors[f"{name}/{part}"].astype(np.float64)
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    scale = gamma / np.sqrt(variance + epsilon)
    depthwise = f"{layer}/depthwise_kernel" in tensors
    kernel = tensors[f"{layer}/{'depthwise_kernel' if depthwise else 'kernel'}"]
    folded = kernel * (scale[:, np.newaxis] if depthwise else scale)
    return _write_convolution(
        writer,
        name,
        source,
        folded,
        beta - mean * scale,
        stride=convolution["strides"][0],
        depthwise=depthwise,
        pads=convolution["pads"],
    )


def _write_graph_model(
    writer: export.GraphWriter, network: Mapping[str, Any], tensors: Tensors
) -> list[export.Weights]:
    """Write the graph's nodes up to `pooled`, and return the weights of its dense layer."""
    nodes = {node["name"]: node for node in network["node"]}
    names: dict[str, str] = {}
    head: list[export.Weights] = []
    for node in _in_order(nodes, "Identity"):
        operator, attributes = node["op"], node["attr"]
        inputs = [names[source] for source in node["input"] if source in names]
        weights = [tensors[source] for source in node["input"] if source in tensors]
        name = node["name"].rpartition("/predict/")[2]
        names[node["name"]] = inputs[0] if inputs else "input"
        match operator:
            case "Placeholder" | "Squeeze" | "Softmax" | "Identity":
                pass
            case "Mul" | "Sub":  # from [0, 1] to [-1, 1]
                constant = writer.constant(f"{name}/constant", weights[0])
                names[node["name"]] = writer.node(operator, [inputs[0], constant], name)
            case "AddV2":
                names[node["name"]] = writer.node("Add", inputs, name)
            case "_FusedConv2D" | "FusedDepthwiseConv2dNative":
                convolved = _write_convolution(
                    writer,
                    f"{name}/convolved",
                    inputs[0],
                    weights[0],
                    weights[1],
                    stride=int(attributes["strides"]["list"]["i"][1]),
                    depthwise=operator == "FusedDepthwiseConv2dNative",
                )
                fused = [base64.b64decode(text) for text in attributes["fused_ops"]["list"]["s"]]
                relu6 = fused == [b"BiasAdd", b"Relu6"]
                names[node["name"]] = _write_relu6(writer, convolved, name) if relu6 else convolved
            case "AvgPool":
                writer.node("GlobalAveragePool", inputs, "pooled")
            case "_FusedMatMul":
                head.append(weights)
            case unknown:
                raise _unknown(unknown)
    return head


def _in_order(nodes: Mapping[str, Any], last: str) -> list[Mapping[str, Any]]:
    """Return the nodes that compute `last`, without constants, each after its inputs."""
    ordered: dict[str, Mapping[str, Any]] = {}
    waiting = [last]
    while waiting:
        node = nodes[waiting[-1]]
        missing = [
            source
            for source in node.get("input", [])
            if source not in ordered and nodes[source]["op"] != "Const"
        ]
        if missing:
            waiting += missing
        else:
            ordered[waiting.pop()] = {"input": [], **node}
    return list(ordered.values())


def _write_convolution(
    writer: export.GraphWriter,
    name: str,
    source: str,
    kernel: NDArray[Any],
    bias: NDArray[Any],
    *,
    stride: int,
    depthwise: bool,
    pads: Sequence[int] | None = None,
) -> str:
    """Write a convolution: `kernel` is [rows, columns, in, out], or [rows, columns, channels, 1].

    Without `pads`, the output is the input's size over the stride, rounded up; an odd pad goes to
    the bottom and the right, as in TensorFlow.
    """
    weights = kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(3, 2, 0, 1)
    padding: dict[str, Any] = {"pads": list(pads)} if pads else {"auto_pad": "SAME_UPPER"}
    return writer.node(
        "Conv",
        [
            source,
            writer.constant(f"{name}/kernel", weights),
            writer.constant(f"{name}/bias", bias),
        ],
        name,
        kernel_shape=list(kernel.shape[:2]),
        strides=[stride, stride],
        group=kernel.shape[2] if depthwise else 1,
        **padding,
    )


def _write_relu6(writer: export.GraphWriter, source: str, name: str) -> str:
    limits = [
        writer.constant(f"{name}/{limit}", value) for limit, value in (("low", 0), ("high", 6))
    ]
    return writer.node("Clip", [source, *limits], name)


def _unknown(operator: str) -> PackageRefused:
    return PackageRefused(
        f"A model of the package must have operators that this code writes. Received: {operator}. "
        "Teach mobilenet.py to write it."
    )


def _card(model: PackageModel) -> str:
    return f"""# {model.title}

A model with five classes ({", ".join(LABELS)}) from the npm package nsfwjs 4.3.0 (MIT), converted
without training. Weights: SHA-256 {model.weights_sha256}.

Input: RGB pixels of any size, resized to {SIZE} x {SIZE}. Output: five probabilities that sum to 1.
Its training images were not published. It is here to be compared: see docs/challengers.md.
"""
