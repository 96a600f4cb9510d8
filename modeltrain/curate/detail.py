"""Which of several copies of one image is kept: colour, then detail, then what was not compressed.

Measured on pixels, because a dataset's images have all been stored anew, whatever file they came
from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from modeltrain.curate.alignment import Pixels, is_grey, trim_border

MUCH, LITTLE = 1.5, 1.15  # factors by which copies differ in detail
MAX_LOSS = 0.4  # of the mean step between neighbouring pixels
MIN_JPEG = 0.1  # share of coefficients that JPEG's grid makes zero; 0.06 at most without JPEG

_SCALES = np.array([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
_BLOCK = 8  # pixels, of a JPEG
_PLAIN_LEVELS = 2.0  # as a standard deviation; a plainer block says nothing
_MIN_BLOCKS = 20


@dataclass(frozen=True)
class Detail:
    """What a copy of an image has to offer.

    Attributes
    ----------
    is_grey : bool
    needed_pixels : float
        How many pixels its detail needs, without a border of one colour.
    is_jpeg : bool
        Whether it shows the traces of strong JPEG compression.
    inner_pixels, pixels : int
        Without borders of one colour, and with them.
    """

    is_grey: bool
    needed_pixels: float
    is_jpeg: bool
    inner_pixels: int
    pixels: int


def measure(pixels: Pixels) -> Detail:
    """Measure what a copy of an image has to offer.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
    """
    inner = trim_border(pixels)
    while inner.shape != (trimmed := trim_border(inner)).shape:  # a frame, then a margin
        inner = trimmed
    grey = cv2.cvtColor(np.ascontiguousarray(inner), cv2.COLOR_RGB2GRAY)
    levels = np.asarray(grey, dtype=np.float32)
    return Detail(
        is_grey=is_grey(pixels),
        needed_pixels=levels.size * _needed_scale(levels) ** 2,
        is_jpeg=_zeros(levels) - _zeros(levels[_BLOCK // 2 :, _BLOCK // 2 :]) > MIN_JPEG,
        inner_pixels=levels.size,
        pixels=pixels.shape[0] * pixels.shape[1],
    )


def best(copies: Sequence[Detail]) -> int:
    """Return the index of the copy to keep.

    A copy in colour is better than a grey one. Then those that lack much detail are worse, those
    with traces of JPEG, those that were enlarged, and those that lack a little detail, in this
    order. Of the rest, the one with the fewest pixels was not framed, and the one that needs the
    fewest had no edges added.

    Parameters
    ----------
    copies : sequence of Detail
        At least one. Of equals, the first is the best.
    """
    least_grey = min(copy.is_grey for copy in copies)
    most = max(copy.needed_pixels for copy in copies if copy.is_grey == least_grey)
    densest = max(copy.needed_pixels / copy.inner_pixels for copy in copies)

    def rank(index: int) -> tuple[float, ...]:
        copy = copies[index]
        return (
            copy.is_grey,
            copy.needed_pixels * MUCH < most,
            copy.is_jpeg,
            copy.needed_pixels / copy.inner_pixels * MUCH < densest,
            copy.needed_pixels * LITTLE < most,
            copy.pixels,
            copy.needed_pixels,
        )

    return min(range(len(copies)), key=rank)


def _needed_scale(levels: NDArray[np.float32]) -> float:
    """Return the smallest scale from which an image can be enlarged again without much loss.

    The loss is the mean difference, relative to the mean step between neighbouring pixels, which
    contrast and sharpening change as much.
    """
    height, width = levels.shape
    if min(height, width) < 2:
        return 1.0
    step = (np.abs(np.diff(levels, axis=0)).mean() + np.abs(np.diff(levels, axis=1)).mean()) / 2
    losses = [0.0]
    for scale in _SCALES[1:]:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(levels, size, interpolation=cv2.INTER_AREA)
        again = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        losses.append(float(np.abs(again - levels).mean() / max(step, 1e-6)))
    return float(np.interp(MAX_LOSS, np.maximum.accumulate(losses), _SCALES))


def _zeros(levels: NDArray[np.float32]) -> float:
    """Return the share of cosine coefficients of 8 × 8 pixels that are nearly zero.

    JPEG quantizes them on a grid that begins in the corner, so there are fewer on another grid
    (Fan and de Queiroz, "Identification of bitmap compression history", 2003).
    """
    rows, columns = levels.shape[0] // _BLOCK, levels.shape[1] // _BLOCK
    whole = levels[: rows * _BLOCK, : columns * _BLOCK]
    blocks = whole.reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2).reshape(-1, _BLOCK, _BLOCK)
    blocks = blocks[blocks.std(axis=(1, 2)) > _PLAIN_LEVELS]
    if len(blocks) < _MIN_BLOCKS:
        return 0.0
    return float((np.abs(dctn(blocks, axes=(1, 2), norm="ortho")) < 1).mean())
