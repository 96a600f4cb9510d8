"""PNG: text is skipped unread; checksums of what is needed must be right, and the end be there."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from modeltrain.images.formats.still import Damaged, Still, exif_orientation

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PROFILE_BYTES = 2**22
_ANCILLARY = 0x20  # this bit of a chunk's name says that the image is readable without it
_PALETTE = 3
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_WHOLE = ((0, 0, 1, 1),)
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


@dataclass
class _Parts:
    """Chunks of one image."""

    header: bytes = b""
    palette: bytes = b""
    transparency: bytes = b""
    profile: bytes | None = None
    orientation: int = 1
    frames: int = 0
    control: bytes = b""
    data: list[bytes] = field(default_factory=list)
    frame_data: list[bytes] = field(default_factory=list)


def read(data: bytes) -> Still:
    """Find what is needed of a PNG file; of an APNG file, its only frame.

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
        Where a needed chunk is wrong or missing.
    """
    parts = _parts(data)
    width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", parts.header)
    canvas, offset, pixels = (width, height), (0, 0), parts.data
    if parts.frames and not parts.data:  # the frame is not the still image beside it
        width, height, *offset_ = struct.unpack(">IIII", parts.control[4:20])
        offset, pixels = (offset_[0], offset_[1]), parts.frame_data
        if offset[0] + width > canvas[0] or offset[1] + height > canvas[1]:
            raise Damaged("a frame beyond the canvas")
    if not pixels:
        raise Damaged("no pixels")
    header = struct.pack(">II", width, height) + parts.header[8:]
    chunks = [(b"IHDR", header)]
    if colour == _PALETTE:
        chunks += _palette(parts, 1 << depth)
    elif parts.transparency:
        chunks.append((b"tRNS", parts.transparency))
    chunks += [(b"IDAT", b"".join(pixels)), (b"IEND", b"")]
    file = _SIGNATURE + b"".join(_chunk(name, body) for name, body in chunks)
    return Still(file, canvas, offset, parts.orientation, parts.profile)


def is_complete(file: bytes) -> bool:
    """Return whether the compressed data of a `Still` has all of its rows.

    Parameters
    ----------
    file : bytes
    """
    bodies = {name: body for name, body, _ in _chunks(file)}
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", bodies[b"IHDR"])
    bits = depth * _CHANNELS[colour]
    missing = 0
    for left, top, across, down in _ADAM7 if interlaced else _WHOLE:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            missing += rows * (1 + (columns * bits + 7) // 8)
    inflate, rest = zlib.decompressobj(), bodies[b"IDAT"]
    try:
        while missing > 0 and (piece := inflate.decompress(rest, 2**16)):
            missing -= len(piece)
            rest = inflate.unconsumed_tail
    except zlib.error:
        return False
    return missing <= 0


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Name, body, and whether the checksum is right, up to the end; without an end it is damaged.

    A checksum behind the end is not read.
    """
    at = len(_SIGNATURE)
    while True:
        length, name = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        checksum = data[at + 8 + length : at + 12 + length]
        if name == b"IEND":
            return
        if len(checksum) < 4:
            raise Damaged("no end")
        yield name, body, int.from_bytes(checksum) == zlib.crc32(body, zlib.crc32(name))
        at += 12 + length


def _parts(data: bytes) -> _Parts:
    parts, is_over = _Parts(), False
    for name, body, is_right in _chunks(data):
        is_over = is_over or (bool(parts.data) and name != b"IDAT")
        if not is_right:
            if name[0] & _ANCILLARY:
                continue
            raise Damaged("a wrong checksum")
        if not parts.header and name != b"IHDR":
            raise Damaged("no header")
        match name:
            case b"IHDR" if len(body) == 13 and not parts.header:
                parts.header = body
            case b"IDAT" if parts.frames == 1 and not parts.control:
                pass  # a still image that is not part of the animation
            case b"IDAT" if not is_over:
                parts.data.append(body)
            case b"acTL" if len(body) == 8 and not parts.data:
                parts.frames = int.from_bytes(body[:4])
            case b"fcTL" if len(body) == 26 and not parts.control:
                parts.control = body
            case b"fdAT":
                parts.frame_data.append(body[4:])
            case b"PLTE" if not is_over:
                parts.palette = body
            case b"tRNS" if not is_over:
                parts.transparency = body
            case b"iCCP" if not is_over and not parts.profile:
                parts.profile = _profile(body)
            case b"eXIf" if not parts.data:
                parts.orientation = exif_orientation(body)
            case _ if not name[0] & _ANCILLARY:
                raise Damaged("an unknown chunk that is needed")
    return parts


def _palette(parts: _Parts, colours: int) -> list[tuple[bytes, bytes]]:
    """The palette, with its last colour for all that it lacks."""
    count = len(parts.palette) // 3
    if not count:
        raise Damaged("no palette")
    palette = parts.palette + parts.palette[-3:] * (colours - count)
    alpha = parts.transparency
    if len(alpha) >= count:
        alpha = alpha[:count] + alpha[count - 1 : count] * (colours - count)
    return [(b"PLTE", palette), *([(b"tRNS", alpha)] if alpha else [])]


def _profile(body: bytes) -> bytes | None:
    """The compressed profile behind its name and the number of the method, which is 0."""
    _, _, rest = body.partition(b"\0")
    try:
        return zlib.decompressobj().decompress(rest[1:], _PROFILE_BYTES) or None
    except zlib.error:
        return None


def _chunk(name: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(body, zlib.crc32(name))
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)
