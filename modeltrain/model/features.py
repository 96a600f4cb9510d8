"""Features of many images, computed once: the base is frozen, so its output never changes.

Each image has its own file in a folder named after the base. Adding 1% more images costs 1% more
time, and models that share a base share the folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modeltrain.data import arrays
from modeltrain.data.manifest import Row
from modeltrain.images.codec import decode, erasable_name, pixel_sha256
from modeltrain.model.classifier import Classifier
from modeltrain.progress import ProgressCallback, quiet


class ImageMissing(ValueError):
    """A manifest names an image that is missing, or a file holds another image."""


def read_image_paths(path: Path) -> dict[str, Path]:
    """Read an `images` file: JSON from pixel hash to path, relative to the file's own folder."""
    relative_paths: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return {sha256: path.parent / relative for sha256, relative in relative_paths.items()}


def load_pixels(sha256: str, images: Mapping[str, Path | str]) -> NDArray[np.uint8]:
    """Read one image and check that its pixels have the given hash.

    Parameters
    ----------
    sha256 : str
        `images.pixel_sha256` of its pixels, or `images.erasable_name` of them in this file.
    images : mapping of str to path
        Each image's path, by that name.

    Returns
    -------
    numpy.ndarray of uint8, shape [height, width, 3]

    Raises
    ------
    ImageMissing
        When the image has no path, cannot be read, or has pixels with another hash.
    """
    rule = f"Image {sha256} must be readable, with the pixels that its hash names."
    remedy = "Restore the file, or build the manifest and its images again."
    if sha256 not in images:
        raise ImageMissing(f"{rule} Received: no path for it. {remedy}")
    path = Path(images[sha256])
    try:
        pixels = decode(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ImageMissing(f"{rule} Received: {path} ({error}). {remedy}") from error
    received = pixel_sha256(pixels)
    if sha256 not in (received, erasable_name(path, received)):
        raise ImageMissing(f"{rule} Received: {path} with other pixels. {remedy}")
    return pixels


def compute_features(
    rows: Sequence[Row],
    images: Mapping[str, Path | str],
    classifier: Classifier,
    cache: Path,
    progress: ProgressCallback = quiet,
) -> NDArray[np.float32]:
    """Return the pooled features of each row's image, from the cache if they are in it.

    Parameters
    ----------
    rows : sequence of Row
    images : mapping of str to path
        Each image's path, by pixel hash.
    classifier : Classifier
        Its artifact's `base_sha256` names the folder in the cache.
    cache : pathlib.Path
        Created if missing. Features in a damaged file are computed again.
    progress : callable
        Called after each image.

    Returns
    -------
    numpy.ndarray of float32, shape [n, width]
        In the order of `rows`.

    Raises
    ------
    ImageMissing
        When an image that is not in the cache cannot be read.
    """
    folder = cache / str(classifier.artifact.config["base_sha256"])[:12]
    folder.mkdir(parents=True, exist_ok=True)
    features = np.empty((len(rows), classifier.feature_width), dtype=np.float32)
    for number, row in enumerate(rows):
        path = arrays.path_of(folder, row.sha256)
        row_features = arrays.read(path, shape=(classifier.feature_width,), dtype=np.float32)
        if row_features is None:
            row_features = classifier.classify(load_pixels(row.sha256, images)).features
            arrays.write(path, row_features)
        features[number] = row_features
        progress("features", number + 1, len(rows), "Computing features")
    return features
