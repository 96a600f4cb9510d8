"""A model in the form in which Misskey's detector of sensitive images takes one from a folder.

https://github.com/misskey-dev/sensitive-detector/blob/main/nsfw-model/README.md
"""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper, numpy_helper

from modeltrain.files import write_whole
from modeltrain.labels import LABELS
from modeltrain.model.artifact import Artifact

FILE = "nsfw_model.onnx"
INPUT, OUTPUT = "input", "dense_3"
# In our own graph: what preprocessing gives, the row of probabilities, and the size of images.
_PREPROCESSED, _ROW, _SHAPE = "input", "probability_row", "resized_shape"


def write(artifact: Artifact, folder: Path) -> Path:
    """Write the graph of a model without its preprocessing.

    Parameters
    ----------
    artifact : Artifact
        With the five labels of the published model, in their order.
    folder : pathlib.Path
        Created if it is missing.

    Returns
    -------
    pathlib.Path
        `folder/nsfw_model.onnx`, with input `input` (float32 [1, 299, 299, 3], RGB from 0 to 1) and
        output `dense_3` (float32 [1, 5]).

    Raises
    ------
    ValueError
        When the labels are others, or the graph is not one that this program wrote.
    FileExistsError
        When the folder has a model already.
    """
    target = folder / FILE
    if target.exists():
        raise FileExistsError(
            f"The folder must have no {FILE}. Received: {folder}, which has one. Choose another."
        )
    if artifact.labels != LABELS:
        raise ValueError(
            f"A detector's model must have the labels {', '.join(LABELS)}, in this order. "
            f"Received: {', '.join(artifact.labels)}. Use a model of this site."
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(target, _without_preprocessing(onnx.load(artifact.onnx)))
    return target


def _without_preprocessing(model: onnx.ModelProto) -> bytes:
    graph = model.graph
    shapes = {constant.name: constant for constant in graph.initializer if constant.name == _SHAPE}
    outputs = {name for node in graph.node for name in node.output}
    if _SHAPE not in shapes or not {_PREPROCESSED, _ROW} <= outputs:
        raise ValueError(
            f"A graph must have {_SHAPE}, {_PREPROCESSED} and {_ROW}. Received: one without. "
            "Use a model.onnx that this program wrote."
        )
    _, channels, height, width = map(int, numpy_helper.to_array(shapes[_SHAPE]))
    nodes = [helper.make_node("Transpose", [INPUT], ["planes"], name="planes", perm=[0, 3, 1, 2])]
    # Our own `dense_3` is what goes into the softmax.
    new_names = {_PREPROCESSED: "planes", OUTPUT: "logits", _ROW: OUTPUT}
    for node in _between(graph, _PREPROCESSED, _ROW):
        for names in (node.input, node.output):
            names[:] = [new_names.get(name, name) for name in names]
        nodes.append(node)
    used = {name for node in nodes for name in node.input}
    detector = helper.make_model(
        helper.make_graph(
            nodes,
            graph.name,
            [_float_tensor(INPUT, [1, height, width, channels])],
            [_float_tensor(OUTPUT, [1, len(LABELS)])],
            [constant for constant in graph.initializer if constant.name in used],
        ),
        opset_imports=model.opset_import,
        ir_version=model.ir_version,
        producer_name=model.producer_name,
    )
    onnx.checker.check_model(detector)
    return bytes(detector.SerializeToString(deterministic=True))


def _between(graph: onnx.GraphProto, start: str, end: str) -> list[onnx.NodeProto]:
    """Return the nodes that compute `end` from `start`, in order."""
    needed = {end}
    nodes = []
    for node in reversed(graph.node):  # a node comes after its inputs
        if needed & set(node.output) and start not in node.output:
            needed |= set(node.input) - {start}
            nodes.append(node)
    return nodes[::-1]


def _float_tensor(name: str, shape: list[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
