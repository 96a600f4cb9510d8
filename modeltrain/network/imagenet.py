"""ImageNet's weights as a start: Keras's own download, moved into the network of this package.

Keras checks the file's hash. Its weights expect pixels from −1 to 1, this package's networks from
0 to 1: the difference is folded into the first convolution, which has no padding, so it is exact.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from modeltrain.model import artifact
from modeltrain.model.artifact import Artifact
from modeltrain.network import export, inception
from modeltrain.progress import ProgressCallback, quiet


class WeightsUnavailable(OSError):
    """ImageNet's weights are not on this machine and cannot be fetched."""


def convert(*, parent: Path, report: ProgressCallback = quiet) -> Artifact:
    """Return an artifact with ImageNet's base and a head that has learned nothing yet.

    Parameters
    ----------
    parent : pathlib.Path
        Folder for it. Not a folder of models that are served.
    report : callable
        Told of each step.

    Raises
    ------
    WeightsUnavailable
    """
    report("imagenet", 0, 2, "Fetching ImageNet's weights")
    try:
        source = keras.applications.InceptionV3(weights="imagenet", include_top=False)
    except Exception as error:  # Keras raises a bare Exception when the download fails
        raise WeightsUnavailable(
            "ImageNet's weights must be on this machine or be fetched once by Keras. Received: "
            f"{str(error)[:200]}. Go online, put Keras's own file into ~/.keras/models, or start "
            "from an artifact."
        ) from error
    report("imagenet", 1, 2, "Writing them as an artifact")
    made = inception.with_head(_whole(source), inception.head(classes=2, seed=0))
    onnx_bytes = export.to_onnx(made)
    config = {
        "name": "imagenet",
        "base_sha256": export.base_sha256(onnx_bytes),
        "parent": None,
        "source": {
            "weights": "keras.applications.InceptionV3, imagenet",
            "keras": keras.__version__,
        },
        "training": None,
    }
    files: dict[str, bytes | Path] = {
        "model.onnx": onnx_bytes,
        "model.keras": export.to_keras(made),
        "labels.json": json.dumps(["nothing", "learned"]).encode(),
        "config.json": json.dumps(config, indent=2, sort_keys=True).encode(),
    }
    written = artifact.write(parent=parent, files=files)
    report("imagenet", 2, 2, f"Wrote {written.version}")
    return written


def _whole(source: keras.Model) -> keras.Model:
    whole = inception.whole(classes=2)
    move(source, whole)
    return whole


def move(source: keras.Model, target: keras.Model) -> None:
    """Put the base of `keras.applications.InceptionV3` into a `network.whole` or `network.base`.

    The n-th convolution that Keras creates goes into the n-th of this package's.

    Parameters
    ----------
    source : keras.Model
        float32 from −1 to 1.
    target : keras.Model
        float32 from 0 to 1.
    """
    convolutions = _by_creation(source, keras.layers.Conv2D)
    normalisations = _by_creation(source, keras.layers.BatchNormalization)
    for n in range(1, inception.CONVOLUTIONS + 1):
        (kernel,) = convolutions[n - 1].get_weights()
        beta, mean, variance = normalisations[n - 1].get_weights()
        if n == 1:  # k · (2x − 1) = 2k · x − Σk
            mean = mean + kernel.sum(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
            kernel = 2 * kernel
        target.get_layer(f"conv_{n:02d}").set_weights([kernel])
        target.get_layer(f"norm_{n:02d}").set_weights([beta, mean, variance])


def _by_creation(model: keras.Model, kind: type[Any]) -> list[Any]:
    """Return a model's layers of a kind in the order of their numbers: conv2d, conv2d_1, …"""
    found = [layer for layer in model.layers if isinstance(layer, kind)]
    numbers = [layer.name.rpartition("_")[2] for layer in found]
    numbered = [int(number) if number.isdigit() else 0 for number in numbers]
    return [layer for _, layer in sorted(zip(numbered, found, strict=True), key=lambda at: at[0])]
