"""Features of many images, computed once: the base is frozen, so its output never changes.

Each image has its own file under a folder named after the base. Adding 1 % of images costs 1 % of
the time, and models that share a base share the folder.
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

FEATURES = 2048


class ImageMissing(ValueError):
    """A manifest names an image that is not there, or a file holds another image."""


def read_images(path: Path) -> dict[str, Path]:
    """Read an `images` file: JSON from pixel hash to path, relative to the file's own folder."""
    listed: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return {sha256: path.parent / each for sha256, each in listed.items()}


def load_pixels(sha256: str, images: Mapping[str, Path | str]) -> NDArray[np.uint8]:
    """Read one image and check that it is the one that was asked for.

    Parameters
    ----------
    sha256 : str
        `images.pixel_sha256` of its pixels, or `images.erasable_name` of them in this file.
    images : mapping of str to path
        Where images are, by that name.

    Returns
    -------
    numpy.ndarray of uint8, shape [height, width, 3]

    Raises
    ------
    ImageMissing
        When there is no such image, it cannot be read, or its pixels have another hash.
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


def features(
    rows: Sequence[Row],
    images: Mapping[str, Path | str],
    classifier: Classifier,
    cache: Path,
    progress: ProgressCallback = quiet,
) -> NDArray[np.float32]:
    """Return the pooled features of each row's image, from the cache where they are there.

    Parameters
    ----------
    rows : sequence of Row
    images : mapping of str to path
        Where images are, by pixel hash.
    classifier : Classifier
        Its artifact's `base_sha256` names the folder in the cache.
    cache : pathlib.Path
        Made if missing. A file in it that is damaged is computed again.
    progress : callable
        Told after each image.

    Returns
    -------
    numpy.ndarray of float32, shape [n, 2048]
        In the order of `rows`.

    Raises
    ------
    ImageMissing
        When an image that is not in the cache cannot be read.
    """
    folder = cache / str(classifier.artifact.config["base_sha256"])[:12]
    folder.mkdir(parents=True, exist_ok=True)
    out = np.empty((len(rows), FEATURES), dtype=np.float32)
    for number, row in enumerate(rows):
        path = arrays.path_of(folder, row.sha256)
        known = arrays.read(path, shape=(FEATURES,), dtype=np.float32)
        if known is None:
            known = classifier.classify(load_pixels(row.sha256, images)).features
            arrays.write(path, known)
        out[number] = known
        progress("features", number + 1, len(rows), "Computing features")
    return out
