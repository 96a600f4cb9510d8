"""Recognise blocked pictures by their PDQ hashes, also mirrored, turned or changed a little.

Hash lists hold one hash of each picture, so what is asked about is hashed in eight ways: turned by
quarters, and mirrored. The hash of the changed picture is taken, not PDQ's own shortcut from one
transform: that is up to 60 bits off where the sides are no multiple of 64.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from modeltrain.images.hashing import PDQ_BITS, SAME_PICTURE_BITS, TELLING_QUALITY, Pdq, pdq

# PDQ's reference program hashes a picture at this size. A small one keeps its hash at half its size
# only if both are brought to one size first.
SIDE = 512
_WAYS = [
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
    """A line of a hash list that is not one."""


def views(pixels: Pixels) -> list[Pdq]:
    """Hash a picture in its eight ways: as it is first, then turned and mirrored.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
        RGB.

    Returns
    -------
    list of Pdq
        Those whose quality tells; empty for a picture that is too plain.
    """
    square = _square(Image.fromarray(pixels))
    found = (_hashed(square.transpose(way) if way is not None else square) for way in _WAYS)
    return [one for one in found if one.quality >= TELLING_QUALITY]


def to_block(pixels: Pixels) -> list[str]:
    """Return the hashes by which a picture at hand is blocked.

    Some pictures lose more than 31 bits when they are stored badly, made small or made so bright
    that their light parts run into each other. Of a picture that is here, the hashes of such copies
    are known beforehand; of a picture known by its hash alone, they are not.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
        RGB.

    Returns
    -------
    list of str
        64 hexadecimal digits each, that of the picture itself first; empty when it is too plain.
    """
    picture = Image.fromarray(pixels)
    first = _hashed(_square(picture))
    if first.quality < TELLING_QUALITY:
        return []
    changed = (_hashed(_square(copy)) for copy in _copies(picture))
    return list(
        dict.fromkeys([first.bits, *(h.bits for h in changed if h.quality >= TELLING_QUALITY)])
    )


def _copies(picture: Image.Image) -> Iterable[Image.Image]:
    stored = io.BytesIO()
    picture.save(stored, "JPEG", quality=30)
    with Image.open(io.BytesIO(stored.getvalue())) as copy:
        yield copy.convert("RGB")
    yield picture.resize([max(1, side // 2) for side in picture.size], Image.Resampling.LANCZOS)
    for factor in (1.2, 1.4):
        yield ImageEnhance.Brightness(picture).enhance(factor)


def _square(picture: Image.Image) -> Image.Image:
    return picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def _hashed(picture: Image.Image) -> Pdq:
    return pdq(np.asarray(picture))


class Blocklist:
    """Hashes that can be searched; a million of them take 32 MB.

    Parameters
    ----------
    hashes : sequence of str
        64 hexadecimal digits each.
    """

    def __init__(self, hashes: Sequence[str]) -> None:
        self._words = np.ascontiguousarray(_words(hashes).T)

    def holds(self, prints: Sequence[Pdq]) -> bool:
        """Say whether any of these hashes is within 31 bits of a blocked one.

        Parameters
        ----------
        prints : sequence of Pdq
            As `views` makes them, of one picture or of several.
        """
        return any(
            self._nearest(asked) <= SAME_PICTURE_BITS
            for asked in _words([one.bits for one in prints])
        )

    def _nearest(self, asked: Words) -> int:
        differ = np.zeros(self._words.shape[1], np.uint16)
        for known, word in zip(self._words, asked, strict=True):
            differ += np.bitwise_count(known ^ word)
        return int(differ.min(initial=PDQ_BITS))


def _words(hashes: Sequence[str]) -> Words:
    return np.frombuffer(bytes.fromhex("".join(hashes)), np.uint64).reshape(len(hashes), 4)


def parse(line: str) -> tuple[str, int | None] | None:
    """Read one line of a hash list: `hash`, or `hash,quality` as PDQ's programs write it.

    What follows a second comma, such as a file's name, is not looked at. An empty line, a comment
    after `#` and a heading that begins with `hash` hold no hash.

    Parameters
    ----------
    line : str

    Returns
    -------
    tuple of str and int or None, or None
        The hash in small letters and its quality, where the line has one.

    Raises
    ------
    MalformedHash
        Where the line is none of these.
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
