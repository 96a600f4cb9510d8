"""The activations of frozen layers for each image and augmented copy, computed once and cached.

The cache is keyed by the hash of the frozen weights, the number of the copy and the hash of the
image. Adding 1% more images costs 1% more time, and models with the same frozen weights share it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from modeltrain.data import arrays
from modeltrain.data.manifest import Row
from modeltrain.model.artifact import Artifact
from modeltrain.model.features import load_pixels
from modeltrain.network import devices, export, inception
from modeltrain.progress import ProgressCallback, quiet
from modeltrain.training.augment import AugmentedCopies, Pixels, resize_square

POOLED = "features"
MIXED_5 = "mixed_5"
SHAPES: Mapping[str, tuple[int, ...]] = {POOLED: (inception.FEATURES,), MIXED_5: (17, 17, 768)}
DTYPES: Mapping[str, np.dtype[Any]] = {POOLED: np.dtype(np.float32), MIXED_5: np.dtype(np.float16)}

_CHUNK = 32


def bytes_per_image(cut: str) -> int:
    """Return the size of one image's activations at a cut, in bytes."""
    return int(np.prod(SHAPES[cut])) * DTYPES[cut].itemsize


class FrozenLayers:
    """The layers of a model from its pixels to a cut.

    On a CPU they run in onnxruntime, which is several times faster than Keras there; on an
    accelerator they run in Keras, in batches.

    Parameters
    ----------
    artifact : Artifact
    cut : {"features", "mixed_5"}
        The pooled features, or the last block below the one with the 56th convolution.

    Attributes
    ----------
    sha256 : str
        Hash of everything that determines the activations.
    """

    def __init__(self, artifact: Artifact, cut: str) -> None:
        self.cut = cut
        data = export.subgraph_to(onnx.load(artifact.onnx), cut)
        self.sha256 = hashlib.sha256(data).hexdigest()
        self._run = self._in_keras(artifact) if devices.accelerators() else self._in_onnx(data)
        if devices.accelerators():  # half precision gives other activations than a CPU
            self.sha256 = hashlib.sha256(f"{self.sha256} mixed".encode()).hexdigest()

    def run(self, pixels: Sequence[Pixels]) -> NDArray[Any]:
        """Return the activations of images of any size: [n, *shape] in the precision of the cut."""
        return self._run(pixels).astype(DTYPES[self.cut])  # type: ignore[no-any-return]

    def _in_onnx(self, data: bytes) -> Any:
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])

        def run_image(pixels: Pixels) -> NDArray[Any]:
            (output,) = session.run([self.cut], {"image": np.ascontiguousarray(pixels)})
            return output if self.cut == POOLED else output[0].transpose(1, 2, 0)  # type: ignore[no-any-return]

        return lambda images: np.stack([run_image(pixels) for pixels in images])

    def _in_keras(self, artifact: Artifact) -> Any:
        full_model = export.from_keras(artifact.keras, classes=len(artifact.labels))
        model = keras.Model(full_model.input, full_model.get_layer(self.cut).output)

        def run_batch(images: Sequence[Pixels]) -> NDArray[Any]:
            resized = np.stack([resize_square(pixels, inception.SIZE) for pixels in images])
            return model.predict(resized.astype(np.float32) / 255, batch_size=_CHUNK, verbose=0)  # type: ignore[no-any-return]

        return run_batch


def cache_activations(
    frozen: FrozenLayers,
    rows: Sequence[Row],
    images: Mapping[str, Path],
    cache: Path,
    *,
    augmented_copies: AugmentedCopies | None = None,
    number: int = 0,
    progress: ProgressCallback = quiet,
) -> list[Path]:
    """Run the frozen layers on the images that are not in the cache yet.

    Parameters
    ----------
    frozen : FrozenLayers
    rows : sequence of Row
    images : mapping of str to pathlib.Path
        Each image's path, by pixel hash.
    cache : pathlib.Path
        Folder of activations.
    augmented_copies : AugmentedCopies, optional
        Makes the copies; required if `number` is not 0.
    number : int
        Number of the augmented copy; 0 is the image itself.
    progress : callable
        Called after each batch.

    Returns
    -------
    list of pathlib.Path
        A file for each row, for `arrays.read`. Activations in a damaged file are computed again.

    Raises
    ------
    ImageMissing
        When an image that is not in the cache cannot be read.
    """
    folder = cache / frozen.sha256[:12]
    if number:
        assert augmented_copies is not None
        limits = json.dumps(asdict(augmented_copies.augmentation), sort_keys=True)
        folder = folder / f"changed-{hashlib.sha256(limits.encode()).hexdigest()[:8]}-{number}"
    paths = [arrays.path_of(folder, row.sha256) for row in rows]
    missing = [
        (row, path) for row, path in zip(rows, paths, strict=True) if not _is_cached(path, frozen)
    ]

    def load_copy(row: Row) -> Pixels:
        pixels = load_pixels(row.sha256, images)
        if not number:
            return pixels
        assert augmented_copies is not None
        return augmented_copies.augment(pixels, sha256=row.sha256, number=number)

    inputs = f"changed copy {number}" if number else "images"
    stage, completed = f"{frozen.cut}, {inputs}", 0
    # The augmentation layers have one shared state, so only plain images are read in parallel.
    with ThreadPoolExecutor(1 if number else 4) as threads:
        for chunk in _chunks(missing):
            batch = list(threads.map(load_copy, [row for row, _ in chunk]))
            for (_, path), values in zip(chunk, frozen.run(batch), strict=True):
                arrays.write(path, values)
            completed += len(chunk)
            progress(stage, completed, len(missing), f"Running frozen layers, {inputs}")
    return paths


def load_activations(paths: Sequence[Path], cut: str) -> NDArray[Any]:
    """Read what `cache_activations` wrote: [n, *shape] in the precision of the cut.

    Raises
    ------
    OSError
        When a file has been damaged or removed since.
    """
    activations = np.empty((len(paths), *SHAPES[cut]), dtype=DTYPES[cut])
    for number, path in enumerate(paths):
        values = arrays.read(path, shape=SHAPES[cut], dtype=DTYPES[cut])
        if values is None:
            raise OSError(
                "Cached activations must not change while a training runs. Received: "
                f"{path}, damaged or deleted. Run it again: the activations are computed again."
            )
        activations[number] = values
    return activations


def _is_cached(path: Path, frozen: FrozenLayers) -> bool:
    values = arrays.read(path, shape=SHAPES[frozen.cut], dtype=DTYPES[frozen.cut])
    return values is not None


def _chunks(items: Sequence[tuple[Row, Path]]) -> Iterator[list[tuple[Row, Path]]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk
