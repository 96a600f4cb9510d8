"""Hashes: a perceptual one for images that look alike, an exact one for files."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pdqhash
from numpy.typing import NDArray

PDQ_BITS = 256
SAME_IMAGE_BITS = 31
MIN_QUALITY = 50


@dataclass(frozen=True)
class Pdq:
    """A PDQ hash.

    Attributes
    ----------
    bits : str
        256 bits as 64 hexadecimal digits.
    quality : int
        0 to 100, from the image's gradients. Below 50 the image is too plain for its hash to
        distinguish it from others.
    """

    bits: str
    quality: int


def pdq(pixels: NDArray[np.uint8]) -> Pdq:
    """Hash how an image looks. Resizing, recompressing and small edits change few bits.

    Source: Facebook, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm"
    (2019), computed by the reference code in `pdqhash`.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
        RGB.
    """
    vector, quality = pdqhash.compute(np.ascontiguousarray(pixels))
    return Pdq(bits=np.packbits(vector.astype(np.uint8)).tobytes().hex(), quality=int(quality))


def distance(a: Pdq, b: Pdq) -> int:
    """Return how many of the 256 bits differ; PDQ's own rule calls 31 or fewer the same image."""
    return (int(a.bits, 16) ^ int(b.bits, 16)).bit_count()


def is_near_duplicate(a: Pdq, b: Pdq) -> bool:
    """Say whether two hashes are of the same image, by the distance and quality PDQ advises."""
    return min(a.quality, b.quality) >= MIN_QUALITY and distance(a, b) <= SAME_IMAGE_BITS


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits, reading it in chunks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
