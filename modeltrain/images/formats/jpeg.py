"""JPEG: stray bytes between segments are skipped, and the end marker must be there."""

import math
import re

from modeltrain.images.formats.still import Damaged, Still, exif_orientation

_END, _SCAN = 0xD9, 0xDA
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD8)}  # TEM and restart markers
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # what libjpeg reads of SOF0 to SOF15
_PROGRESSIVE = {0xC2, 0xCA}
_BLOCK = 8  # pixels, in each direction
_COEFFICIENT_BYTES = 2
_PIXEL_BYTES = {1: 1, 3: 4, 4: 4}  # of Pillow's images, by channels
_NEEDED = _FRAMES | {0xC4, 0xCC, 0xDB, 0xDD}  # and tables
_SKIPPED = {0xDC, 0xFE, *range(0xE0, 0xF0)}  # number of lines, comments, applications
_KNOWN = _NEEDED | _SKIPPED | {_SCAN, _END} | _WITHOUT_LENGTH
_EXIF = b"Exif\0"
_PROFILE = b"ICC_PROFILE\0"
_INKS = 4
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def read(data: bytes) -> Still:
    """Find what is needed of a JPEG file.

    A profile for CMYK is left out, as in `decoding.js`: Chromium and Little CMS interpolate in its
    table of four dimensions in different ways, which differ by up to 10 of 255.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    Still

    Raises
    ------
    Damaged
        Where a marker is wrong or missing.
    """
    parts = [data[:2]]
    orientation, channels, icc = None, set[int](), list[bytes]()
    frame, progressive, decoder_bytes = b"", False, 0
    at = 2
    while True:
        at = data.find(b"\xff", at)
        while data[at : at + 1] == b"\xff":
            at += 1
        if at <= 0 or at >= len(data):
            raise Damaged("no scan")
        marker = data[at]
        if marker == 0 or marker in _WITHOUT_LENGTH:
            at += 1
            continue
        if marker not in _KNOWN or marker == _END:
            raise Damaged("an unknown segment, or an end before the first scan")
        length = max(2, int.from_bytes(data[at + 1 : at + 3]))
        body = data[at + 3 : at + 1 + length]
        if marker == _SCAN:
            parts.append(data[at - 1 : _end(data, at - 1, channels)])
            if progressive or body[:1] < frame[5:6]:  # the first scan lacks channels
                decoder_bytes = _decoder_bytes(frame)
            break
        if marker in _NEEDED or (marker == 0xE0 and body[:5] == b"JFIF\0") or marker == 0xEE:
            parts.append(data[at - 1 : at + 1 + length])
        if marker in _FRAMES:
            channels = set(body[6::3])
            frame, progressive = body, marker in _PROGRESSIVE
        elif marker == 0xE1 and body.startswith(_EXIF) and orientation is None:
            orientation = exif_orientation(body[len(_EXIF) + 1 :])
        elif marker == 0xE2 and body.startswith(_PROFILE):
            icc.append(body[len(_PROFILE) :])
        at += 1 + length
    profile = None if len(channels) == _INKS else _joined(icc)
    return Still(
        b"".join(parts),
        orientation=orientation or 1,
        profile=profile,
        decoder_bytes=decoder_bytes,
    )


def _decoder_bytes(frame: bytes) -> int:
    """What decoding a file of several scans needs: all of its coefficients, and all of its pixels.

    libjpeg keeps whole blocks of 8 by 8 coefficients, as many as the sampling factors of the
    channel make of the image, rounded up to those of one unit (ITU-T T.81, A.2.4).
    """
    height, width = int.from_bytes(frame[1:3]), int.from_bytes(frame[3:5])
    factors = [(value >> 4, value & 15) for value in frame[7::3]]
    if not factors or not all(all(pair) for pair in factors):
        raise Damaged("sampling factors of 0")
    across, down = (max(pair[axis] for pair in factors) for axis in (0, 1))
    units = math.ceil(width / (_BLOCK * across)) * math.ceil(height / (_BLOCK * down))
    blocks = units * sum(horizontal * vertical for horizontal, vertical in factors)
    coefficients = blocks * _BLOCK**2 * _COEFFICIENT_BYTES
    return coefficients + width * height * _PIXEL_BYTES.get(len(factors), 4)


def _end(data: bytes, at: int, channels: set[int]) -> int:
    """Where the image ends, behind its end marker; `at` is the marker of its first scan."""
    while match := _MARKER.search(data, at):
        marker, at = data[match.start() + 1], match.end()
        if marker not in _KNOWN:
            raise Damaged("an unknown segment")
        if marker == _SCAN:
            channels = channels - set(data[at + 3 : at + 3 + 2 * data[at + 2] : 2])
        elif marker == _END:
            if channels:
                raise Damaged("a channel without a scan")
            return at
        if marker not in _WITHOUT_LENGTH:
            at += max(2, int.from_bytes(data[at : at + 2]))
    raise Damaged("no end marker")


def _joined(parts: list[bytes]) -> bytes | None:
    """The profile of its numbered parts; None where one is missing, doubled or without number."""
    numbered = {part[0]: part[2:] for part in parts if len(part) >= 2}
    counts = {part[1] for part in parts if len(part) >= 2}
    whole = range(1, len(parts) + 1)
    if counts != {len(parts)} or sorted(numbered) != list(whole):
        return None
    return b"".join(numbered[number] for number in whole)
