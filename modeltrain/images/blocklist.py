"""Recognize blocked images by their PDQ hashes, even when mirrored, rotated or slightly changed.

Hash lists hold one hash per image, so the image being checked is hashed in eight orientations:
rotated by quarter turns, and mirrored. Each orientation is hashed from its own pixels. PDQ's
shortcut, which derives all eight hashes from one transform, is up to 60 bits off where the sides
are not a multiple of 64.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from modeltrain.images.hashing import MIN_QUALITY, PDQ_BITS, SAME_IMAGE_BITS, Pdq, pdq

# PDQ's reference program hashes an image at this size. An image keeps its hash at half its size
# only if both are resized to one size first.
SIDE = 512
_ORIENTATIONS = [
    None,
    *(
        Image.Transpose[name]
        for name in (
            "FLIP_LEFT_RIGHT", "FLIP_TOP_BOTTOM", "ROTATE_90", "ROTATE_180", "ROTATE_270",
            "TRANSPOSE", "TRANSVERSE",
        )
    ),
]  # fmt: skip
_HASH = re.compile(f"[0-9a-fA-F]{{{PDQ_BITS // 4}}}")
_PERCENT = re.compile("[0-9]{1,3}")

Pixels = NDArray[np.uint8]
Words = NDArray[np.uint64]


class MalformedHash(ValueError):
    """A line of a hash list does not hold a valid hash."""


def dihedral_hashes(pixels: Pixels) -> list[Pdq]:
    """Hash an image in its eight orientations: first as it is, then rotated and mirrored.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
        RGB.

    Returns
    -------
    list of Pdq
        The hashes of sufficient quality; empty for an image that is too plain.
    """
    square = _square(Image.fromarray(pixels))
    hashes = (
        _hash(square if orientation is None else square.transpose(orientation))
        for orientation in _ORIENTATIONS
    )
    return [pdq_hash for pdq_hash in hashes if pdq_hash.quality >= MIN_QUALITY]


def hashes_to_block(pixels: Pixels) -> list[str]:
    """Return the hashes that block an image whose pixels are available.

    Some images lose more than 31 bits when they are compressed heavily, made small, or brightened
    until their light parts merge. When the image itself is available, the hashes of such copies can
    be computed in advance; when only its hash is known, they cannot.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
        RGB.

    Returns
    -------
    list of str
        64 hexadecimal digits each, the hash of the image itself first; empty when the image is too
        plain.
    """
    image = Image.fromarray(pixels)
    original = _hash(_square(image))
    if original.quality < MIN_QUALITY:
        return []
    copies = (_hash(_square(copy)) for copy in _altered_copies(image))
    bits = [original.bits, *(copy.bits for copy in copies if copy.quality >= MIN_QUALITY)]
    return list(dict.fromkeys(bits))


def _altered_copies(image: Image.Image) -> Iterator[Image.Image]:
    compressed = io.BytesIO()
    image.save(compressed, "JPEG", quality=30)
    with Image.open(io.BytesIO(compressed.getvalue())) as copy:
        yield copy.convert("RGB")
    yield image.resize([max(1, side // 2) for side in image.size], Image.Resampling.LANCZOS)
    for factor in (1.2, 1.4):
        yield ImageEnhance.Brightness(image).enhance(factor)


def _square(image: Image.Image) -> Image.Image:
    return image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def _hash(image: Image.Image) -> Pdq:
    return pdq(np.asarray(image))


class Blocklist:
    """A searchable set of hashes; a million of them take 32 MB.

    Parameters
    ----------
    hashes : sequence of str
        64 hexadecimal digits each.
    """

    def __init__(self, hashes: Sequence[str]) -> None:
        self._words = np.ascontiguousarray(_words(hashes).T)

    def matches(self, hashes: Sequence[Pdq]) -> bool:
        """Say whether any of these hashes is within 31 bits of a blocked one.

        Parameters
        ----------
        hashes : sequence of Pdq
            From `dihedral_hashes`, of one image or of several.
        """
        return any(
            self._nearest(words) <= SAME_IMAGE_BITS
            for words in _words([pdq_hash.bits for pdq_hash in hashes])
        )

    def _nearest(self, words: Words) -> int:
        distances = np.zeros(self._words.shape[1], np.uint16)
        for blocked, word in zip(self._words, words, strict=True):
            distances += np.bitwise_count(blocked ^ word)
        return int(distances.min(initial=PDQ_BITS))


def _words(hashes: Sequence[str]) -> Words:
    return np.frombuffer(bytes.fromhex("".join(hashes)), np.uint64).reshape(len(hashes), 4)


def parse_line(line: str) -> tuple[str, int | None] | None:
    """Read one line of a hash list: `hash`, or `hash,quality` as PDQ's programs write it.

    Anything after a second comma, such as a file name, is ignored. An empty line, a comment after
    `#` and a heading that begins with `hash` hold no hash.

    Parameters
    ----------
    line : str

    Returns
    -------
    tuple of str and int or None, or None
        The hash in lower case and its quality, if the line has one.

    Raises
    ------
    MalformedHash
        When the line is none of these.
    """
    text = line.partition("#")[0].strip()
    first, *rest = (part.strip().strip('"') for part in text.split(","))
    if not text or first.lower() in ("hash", "pdq_hash", "pdq"):
        return None
    if not _HASH.fullmatch(first):
        raise MalformedHash(f"A PDQ hash has 64 hexadecimal digits. Received: {first[:80]!r}.")
    if not rest or not rest[0]:
        return first.lower(), None
    if not _PERCENT.fullmatch(rest[0]) or int(rest[0]) > 100:
        raise MalformedHash(f"A quality is a whole number, 0 to 100. Received: {rest[0][:80]!r}.")
    return first.lower(), int(rest[0])
