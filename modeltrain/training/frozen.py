"""What the frozen layers make of each image, changed or not, run once and kept.

Kept by the hash of the frozen weights, the number of the change and the hash of the image. Adding
1 % of images costs 1 % of the time, and models that share frozen weights share what is kept.
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
from modeltrain.training.augment import Pixels, Variants, fit

POOLED = "features"
MIXED_5 = "mixed_5"
SHAPES: Mapping[str, tuple[int, ...]] = {POOLED: (inception.FEATURES,), MIXED_5: (17, 17, 768)}
DTYPES: Mapping[str, np.dtype[Any]] = {POOLED: np.dtype(np.float32), MIXED_5: np.dtype(np.float16)}

_CHUNK = 32


def bytes_each(cut: str) -> int:
    """Return what one image's activations at a cut take on disk, in bytes."""
    return int(np.prod(SHAPES[cut])) * DTYPES[cut].itemsize


class Frozen:
    """The layers of a model from its pixels to a cut.

    On a CPU they run in onnxruntime, several times faster than Keras there; on an accelerator in
    Keras, many images at once.

    Parameters
    ----------
    artifact : Artifact
    cut : {"features", "mixed_5"}
        The pooled features, or the last block below the 56th convolution's.

    Attributes
    ----------
    sha256 : str
        Of everything that decides what comes out.
    """

    def __init__(self, artifact: Artifact, cut: str) -> None:
        self.cut = cut
        data = export.below(onnx.load(artifact.onnx), cut)
        self.sha256 = hashlib.sha256(data).hexdigest()
        self._run = self._in_keras(artifact) if devices.accelerators() else self._in_onnx(data)
        if devices.accelerators():  # half precision is not what a CPU computes
            self.sha256 = hashlib.sha256(f"{self.sha256} mixed".encode()).hexdigest()

    def run(self, pixels: Sequence[Pixels]) -> NDArray[Any]:
        """Return the activations of images of any size: [n, *shape] in the cut's precision."""
        return self._run(pixels).astype(DTYPES[self.cut])  # type: ignore[no-any-return]

    def _in_onnx(self, data: bytes) -> Any:
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])

        def one(pixels: Pixels) -> NDArray[Any]:
            (found,) = session.run([self.cut], {"image": np.ascontiguousarray(pixels)})
            return found if self.cut == POOLED else found[0].transpose(1, 2, 0)  # type: ignore[no-any-return]

        return lambda many: np.stack([one(pixels) for pixels in many])

    def _in_keras(self, artifact: Artifact) -> Any:
        whole = inception.whole(classes=len(artifact.labels))
        whole.load_weights(artifact.keras)
        model = keras.Model(whole.input, whole.get_layer(self.cut).output)

        def batch(many: Sequence[Pixels]) -> NDArray[Any]:
            sized = np.stack([fit(pixels, inception.SIZE) for pixels in many])
            return model.predict(sized.astype(np.float32) / 255, batch_size=_CHUNK, verbose=0)  # type: ignore[no-any-return]

        return batch


def keep(
    frozen: Frozen,
    rows: Sequence[Row],
    images: Mapping[str, Path],
    cache: Path,
    *,
    variants: Variants | None = None,
    number: int = 0,
    progress: ProgressCallback = quiet,
) -> list[Path]:
    """Run the frozen layers on the images that they have not seen, and return where all are kept.

    Parameters
    ----------
    frozen : Frozen
    rows : sequence of Row
    images : mapping of str to pathlib.Path
        Where images are, by pixel hash.
    cache : pathlib.Path
    variants : Variants, optional
        Makes the changed copies; needed where `number` is not 0.
    number : int
        Of the changed copy; 0 is the image itself.
    progress : callable
        Told after each image that was run.

    Returns
    -------
    list of pathlib.Path
        A file for each row, for `arrays.read`. What was kept before and is damaged is run again.

    Raises
    ------
    ImageMissing
        When an image that must be run cannot be read.
    """
    folder = cache / frozen.sha256[:12]
    if number:
        assert variants is not None
        how = json.dumps(asdict(variants.how), sort_keys=True)
        folder = folder / f"changed-{hashlib.sha256(how.encode()).hexdigest()[:8]}-{number}"
    paths = [arrays.path_of(folder, row.sha256) for row in rows]
    missing = [
        (row, path) for row, path in zip(rows, paths, strict=True) if not _kept(path, frozen)
    ]

    def pixels_of(row: Row) -> Pixels:
        pixels = load_pixels(row.sha256, images)
        if not number:
            return pixels
        assert variants is not None
        return variants.make(pixels, sha256=row.sha256, number=number)

    done = 0
    # The changes are Keras layers with one state: only where there are none, read side by side.
    with ThreadPoolExecutor(1 if number else 4) as threads:
        for chunk in _chunks(missing):
            ready = list(threads.map(pixels_of, [row for row, _ in chunk]))
            for (_, path), values in zip(chunk, frozen.run(ready), strict=True):
                arrays.write(path, values)
            done += len(chunk)
            what = f"changed copy {number}" if number else "images"
            progress(f"{frozen.cut}, {what}", done, len(missing), f"Running frozen layers, {what}")
    return paths


def load(paths: Sequence[Path], cut: str) -> NDArray[Any]:
    """Read what `keep` kept: [n, *shape] in the cut's precision.

    Raises
    ------
    OSError
        When a file was damaged or removed since.
    """
    out = np.empty((len(paths), *SHAPES[cut]), dtype=DTYPES[cut])
    for number, path in enumerate(paths):
        values = arrays.read(path, shape=SHAPES[cut], dtype=DTYPES[cut])
        if values is None:
            raise OSError(
                "What was kept of an image must stay while a training runs. "
                f"Received: {path}, damaged or gone. Run it again: it is computed anew."
            )
        out[number] = values
    return out


def _kept(path: Path, frozen: Frozen) -> bool:
    values = arrays.read(path, shape=SHAPES[frozen.cut], dtype=DTYPES[frozen.cut])
    return values is not None


def _chunks(items: Sequence[tuple[Row, Path]]) -> Iterator[list[tuple[Row, Path]]]:
    left = iter(items)
    while chunk := list(islice(left, _CHUNK)):
        yield chunk
