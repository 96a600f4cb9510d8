"""The published model: from the npm package `nsfwjs` to an artifact.

The package holds JavaScript modules with the weights in base64. Each weight is one byte, to be
scaled. Only bytes with the pinned hash are used, and only as numbers in a graph that this code
builds.
"""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from modeltrain.labels import LABELS
from modeltrain.model import artifact
from modeltrain.model.artifact import Artifact
from modeltrain.network import export, inception
from modeltrain.progress import ProgressCallback, quiet

WEIGHTS_SHA256 = "8a457f3fdec7db18b16e44323454db0eaeb8f314eda0046b2e293e58a5bfabf4"
TOPOLOGY_SHA256 = "f5882005bdfa95fa82c3d2fe0419b27495736336e1784a3563a8b746f3c3f7e3"
PACKAGE = {"package": "nsfwjs", "version": "4.3.0", "licence": "MIT"}
PATH = "inception_v3"
SOURCE = {**PACKAGE, "path": PATH}

_STEPS = 5


class PackageRefused(ValueError):
    """The package is missing, or its weights are not the pinned ones."""


def convert(package: Path, *, parent: Path, progress: ProgressCallback = quiet) -> Artifact:
    """Convert the published Inception v3 into an artifact.

    The same package gives the same artifact, byte for byte. An interrupted conversion leaves no
    artifact behind.

    Parameters
    ----------
    package : pathlib.Path
        The folder of the npm package `nsfwjs`, version 4.3.0.
    parent : pathlib.Path
        Folder of artifacts.
    progress : callable
        Called after each step.

    Raises
    ------
    PackageRefused
        When Node.js cannot read the package, or its contents have another hash.
    """
    progress("exporting", 0, _STEPS, "Unpacking the published weights")
    topology, data = unpack(
        package, PATH, topology_sha256=TOPOLOGY_SHA256, weights_sha256=WEIGHTS_SHA256
    )
    progress("exporting", 1, _STEPS, "Building the network")
    keras.utils.set_random_seed(0)
    model = inception.full_model(classes=len(LABELS))
    load_weights(model, dequantize(topology["weightsManifest"][0]["weights"], data))
    progress("exporting", 2, _STEPS, "Writing the ONNX graph")
    onnx_bytes = export.to_onnx(model)
    progress("exporting", 3, _STEPS, "Writing the Keras model")
    keras_bytes = export.to_keras(model)
    progress("exporting", 4, _STEPS, "Writing the artifact")
    config = {
        "name": "published",
        "base_sha256": export.base_sha256(onnx_bytes),
        "parent": None,
        "source": {**SOURCE, "weights_sha256": WEIGHTS_SHA256},
        "training": None,
    }
    model_artifact = artifact.write(
        parent=parent,
        files={
            "model.onnx": onnx_bytes,
            "model.keras": keras_bytes,
            "labels.json": json.dumps(list(LABELS)).encode(),
            "config.json": json.dumps(config, indent=2, sort_keys=True).encode(),
            "card.md": _CARD.encode(),
        },
    )
    progress("exporting", _STEPS, _STEPS, f"Wrote {model_artifact.version}")
    return model_artifact


def unpack(
    package: Path, path: str, *, topology_sha256: str, weights_sha256: str
) -> tuple[dict[str, Any], bytes]:
    """Read a model of the package with Node.js and check its contents against pinned hashes.

    Parameters
    ----------
    package : pathlib.Path
        The folder of the npm package `nsfwjs`, version 4.3.0.
    path : str
        The model's folder in the package, such as `inception_v3`.
    topology_sha256, weights_sha256 : str
        Of the topology as Node.js writes it as JSON, and of the bytes of all weights.

    Returns
    -------
    tuple of dict and bytes
        The topology, whose `weightsManifest` has name, shape and scale of each tensor in order, and
        the bytes of all tensors, concatenated.

    Raises
    ------
    PackageRefused
    """
    script = Path(__file__).with_name("unpack.mjs")
    with tempfile.TemporaryDirectory() as folder:
        command = ["node", str(script), str(package), path, folder]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)  # noqa: S603
        except (OSError, subprocess.SubprocessError) as error:
            lines = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
            reason = next((line for line in lines if "Error" in line), lines[-1] if lines else "")
            raise PackageRefused(
                "The package must be nsfwjs 4.3.0, readable by Node.js 20 or later. "
                f"Received: {package} ({reason[:200]}). Run `npm ci` and pass node_modules/nsfwjs."
            ) from error
        topology = (Path(folder) / "model.json").read_bytes()
        data = (Path(folder) / "weights.bin").read_bytes()
    _check_hash("topology", topology, topology_sha256)
    _check_hash("weights", data, weights_sha256)
    return json.loads(topology), data


def _check_hash(name: str, data: bytes, expected: str) -> None:
    received = hashlib.sha256(data).hexdigest()
    if received != expected:
        raise PackageRefused(
            f"The {name} must have SHA-256 {expected}. Received: {received} ({len(data)} bytes). "
            "Install exactly nsfwjs 4.3.0 with `npm ci`."
        )


def dequantize(tensors: Sequence[dict[str, Any]], data: bytes) -> dict[str, NDArray[np.float32]]:
    """Turn bytes into weights: weight = byte × scale + minimum.

    Parameters
    ----------
    tensors : sequence of dict
        `name`, `shape` and `quantization` (`scale`, `min`) of each tensor, in the order of the
        bytes.
    data : bytes
        One byte for each weight.

    Returns
    -------
    dict of str to numpy.ndarray of float32
        Tensors by name, in their own shape.
    """
    values: dict[str, NDArray[np.float32]] = {}
    offset = 0
    for tensor in tensors:
        count = math.prod(tensor["shape"])
        raw = np.frombuffer(data, dtype=np.uint8, count=count, offset=offset)
        offset += count
        scale, low = (np.float32(tensor["quantization"][key]) for key in ("scale", "min"))
        values[tensor["name"]] = (raw.astype(np.float32) * scale + low).reshape(tensor["shape"])
    return values


def load_weights(model: keras.Model, values: dict[str, NDArray[np.float32]]) -> None:
    """Load the published weights into an `inception.full_model`, convolution by convolution.

    The n-th convolution of the network takes the weights of the n-th published one.
    """
    for n in range(1, inception.CONVOLUTIONS + 1):
        model.get_layer(f"conv_{n:02d}").set_weights([values[f"conv2d_{n}/kernel"]])
        model.get_layer(f"norm_{n:02d}").set_weights(
            [
                values[f"batch_normalization_{n}/{part}"]
                for part in ("beta", "moving_mean", "moving_variance")
            ]
        )
    head = model.get_layer("head")
    for name in inception.HEAD_LAYERS:
        head.get_layer(name).set_weights([values[f"{name}/kernel"], values[f"{name}/bias"]])


_CARD = f"""# The published model

Inception v3 with five classes ({", ".join(LABELS)}), from the npm package nsfwjs 4.3.0 (MIT),
converted without training. Weights: SHA-256 {WEIGHTS_SHA256}.

Input: RGB pixels of any size. Output: five probabilities that sum to 1, and 2,048 features.

Known limits: it calls most flat vector drawings neutral, and gives drawings of people a higher
NSFW score than other drawings. Its training images were not published.
"""
