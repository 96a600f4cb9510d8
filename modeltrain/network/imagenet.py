"""ImageNet's weights as a start: Keras's own download, copied into the network of this package.

Keras checks the file's hash. Its weights expect pixels from −1 to 1; the networks of this package
expect 0 to 1. The difference is folded into the first convolution, which has no padding, so the
result is exact.
"""

from __future__ import annotations

import json
from operator import itemgetter
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


def convert(*, parent: Path, progress: ProgressCallback = quiet) -> Artifact:
    """Return an artifact with ImageNet's base and an untrained head.

    Parameters
    ----------
    parent : pathlib.Path
        Folder for the artifact; not one from which models are served.
    progress : callable
        Called after each step.

    Raises
    ------
    WeightsUnavailable
        When Keras has no copy of the weights and cannot download one.
    """
    progress("imagenet", 0, 2, "Fetching ImageNet's weights")
    try:
        source = keras.applications.InceptionV3(weights="imagenet", include_top=False)
    except Exception as error:  # Keras raises a bare Exception when the download fails
        raise WeightsUnavailable(
            "ImageNet's weights must be on this machine or be downloaded by Keras. Received: "
            f"{str(error)[:200]}. Go online, put Keras's own file into ~/.keras/models, or start "
            "from an artifact."
        ) from error
    progress("imagenet", 1, 2, "Writing them as an artifact")
    base = inception.full_model(classes=2)
    copy_weights(source, base)
    model = inception.replace_head(base, inception.head(classes=2, seed=0))
    onnx_bytes = export.to_onnx(model)
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
        "model.keras": export.to_keras(model),
        "labels.json": json.dumps(["nothing", "learned"]).encode(),
        "config.json": json.dumps(config, indent=2, sort_keys=True).encode(),
    }
    model_artifact = artifact.write(parent=parent, files=files)
    progress("imagenet", 2, 2, f"Wrote {model_artifact.version}")
    return model_artifact


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copy the base of `keras.applications.InceptionV3` into an `inception.full_model` or `.base`.

    The n-th convolution that Keras creates is copied into the n-th of this package.

    Parameters
    ----------
    source : keras.Model
        Takes float32 pixels from −1 to 1.
    target : keras.Model
        Takes float32 pixels from 0 to 1.
    """
    convolutions = _layers_by_number(source, keras.layers.Conv2D)
    normalisations = _layers_by_number(source, keras.layers.BatchNormalization)
    for n in range(1, inception.CONVOLUTIONS + 1):
        (kernel,) = convolutions[n - 1].get_weights()
        beta, mean, variance = normalisations[n - 1].get_weights()
        if n == 1:  # k · (2x − 1) = 2k · x − Σk
            mean = mean + kernel.sum(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
            kernel = 2 * kernel
        target.get_layer(f"conv_{n:02d}").set_weights([kernel])
        target.get_layer(f"norm_{n:02d}").set_weights([beta, mean, variance])


def _layers_by_number(model: keras.Model, kind: type[Any]) -> list[Any]:
    """Return a model's layers of one type in the order of their numbers: conv2d, conv2d_1, …"""
    layers = [layer for layer in model.layers if isinstance(layer, kind)]
    suffixes = [layer.name.rpartition("_")[2] for layer in layers]
    numbers = [int(suffix) if suffix.isdigit() else 0 for suffix in suffixes]
    return [layer for _, layer in sorted(zip(numbers, layers, strict=True), key=itemgetter(0))]
