"""PNG: text is skipped unread, and nothing behind the pixels but the name of a chunk is needed."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from modeltrain.images.formats.still import Damaged, Still, exif_orientation

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PROFILE_BYTES = 2**22
_ANCILLARY = 0x20  # this bit of a chunk's name says that the image is readable without it
_PALETTE = 3
_WITHOUT_CHECKSUM = -15
_ZLIB_HEADER_BYTES = 2
_DEFLATE = 8
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
    has_still: bool = False
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
    width, height, depth, colour, *methods = struct.unpack(">IIBBBBB", parts.header)
    if methods not in ([0, 0, 0], [0, 0, 1]):
        raise Damaged("a method that does not exist")
    canvas, offset, pixels = (width, height), (0, 0), parts.data
    if parts.frames and parts.control:
        width, height, left, top = struct.unpack(">IIII", parts.control[4:20])
        offset = (left, top)
        if left + width > canvas[0] or top + height > canvas[1]:
            raise Damaged("a frame beyond the canvas")
        if not pixels:  # the frame is not the still image beside it
            pixels = parts.frame_data
    compressed = b"".join(pixels)
    if not _starts_right(compressed):
        raise Damaged("pixels that are not compressed as they must be")
    header = struct.pack(">II", width, height) + parts.header[8:]
    chunks = [(b"IHDR", header)]
    if colour == _PALETTE:
        chunks += _palette(parts, 1 << depth)
    elif parts.transparency:
        chunks.append((b"tRNS", parts.transparency))
    chunks += [(b"IDAT", compressed), (b"IEND", b"")]
    file = _SIGNATURE + b"".join(_chunk(name, body) for name, body in chunks)
    return Still(file, canvas, offset, parts.orientation, parts.profile)


def _starts_right(compressed: bytes) -> bool:
    """Whether the two bytes before the data name the method, a window and no dictionary."""
    if len(compressed) < _ZLIB_HEADER_BYTES:
        return False
    method, flags = compressed[:_ZLIB_HEADER_BYTES]
    is_deflate = method & 15 == _DEFLATE and method >> 4 <= 7
    return is_deflate and not flags & 32 and (method << 8 | flags) % 31 == 0


def is_complete(file: bytes) -> bool:
    """Return whether the compressed pixels of a `Still` have all of their rows.

    Parameters
    ----------
    file : bytes
    """
    bodies = _bodies(file)
    missing, rest = _row_bytes(bodies[b"IHDR"]), bodies[b"IDAT"][_ZLIB_HEADER_BYTES:]
    inflate = zlib.decompressobj(_WITHOUT_CHECKSUM)
    try:
        while missing > 0 and (piece := inflate.decompress(rest, 2**16)):
            missing -= len(piece)
            rest = inflate.unconsumed_tail
    except zlib.error:
        return False
    return missing <= 0


def without_checksum(file: bytes) -> bytes:
    """Return the file of a `Still` with the checksum of its pixels set right.

    Chromium does not compare this checksum, nor what follows the last row.

    Parameters
    ----------
    file : bytes

    Raises
    ------
    zlib.error
        Where the compressed pixels themselves are damaged.
    """
    bodies = _bodies(file)
    inflate = zlib.decompressobj(_WITHOUT_CHECKSUM)
    rows = inflate.decompress(bodies[b"IDAT"][_ZLIB_HEADER_BYTES:], _row_bytes(bodies[b"IHDR"]))
    bodies[b"IDAT"] = zlib.compress(rows, 0)
    return _SIGNATURE + b"".join(_chunk(name, body) for name, body in bodies.items())


def _bodies(file: bytes) -> dict[bytes, bytes]:
    return {name: body for name, body, _ in _chunks(file)} | {b"IEND": b""}


def _row_bytes(header: bytes) -> int:
    """How many bytes all rows have, each with the number of its filter."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits, count = depth * _CHANNELS[colour], 0
    for left, top, across, down in _ADAM7 if interlaced else _WHOLE:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            count += rows * (1 + (columns * bits + 7) // 8)
    return count


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Name, body, and whether the checksum is right; of the last chunk only the name is needed."""
    at = len(_SIGNATURE)
    while True:
        length, name = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        checksum = data[at + 8 + length : at + 12 + length]
        if len(name) < 4 or (len(checksum) < 4 and name in (b"IDAT", b"fdAT")):
            raise Damaged("no end")
        yield name, body, int.from_bytes(checksum) == zlib.crc32(body, zlib.crc32(name))
        if name == b"IEND":
            return
        at += 12 + length


def _parts(data: bytes) -> _Parts:
    parts = _Parts()
    for name, body, is_right in _chunks(data):
        if (parts.data and name != b"IDAT") or (parts.frame_data and name != b"fdAT"):
            return parts
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
                parts.has_still = True  # and it is not part of the animation
            case b"IDAT":
                parts.data.append(body)
            case b"acTL" if len(body) == 8 and max(body[0], body[4]) < 0x80:
                parts.frames = int.from_bytes(body[:4])
            case b"fcTL" if len(body) == 26 and not parts.control:
                parts.control = body
            case b"fdAT" if parts.has_still:
                parts.frame_data.append(body[4:])
            case b"PLTE":
                parts.palette = body
            case b"tRNS":
                parts.transparency = body
            case b"iCCP" if not parts.profile:
                parts.profile = _profile(body)
            case b"eXIf":
                parts.orientation = exif_orientation(body)
            case _ if not name[0] & _ANCILLARY:
                raise Damaged("an unknown chunk that is needed")
    raise Damaged("no pixels")


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
