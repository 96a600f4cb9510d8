"""Size of an image and whether it moves, from its first bytes: what `image-file.js` reads, too."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from modeltrain.images.formats.still import Damaged

_WITHOUT_SIZE = {0xC4, 0xC8, 0xCC}  # of the markers from 0xC0 to 0xCF
_CORE_HEADER = 12


@dataclass(frozen=True)
class Header:
    """What is checked before anything is decoded; width and height in pixels."""

    width: int
    height: int
    animated: bool = False


def format_of(data: bytes) -> str | None:
    """Return Pillow's name of the accepted format that the first bytes announce, or None.

    Parameters
    ----------
    data : bytes
        The whole file.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if data[4:8] == b"ftyp":
        brands = data[8 : min(int.from_bytes(data[:4]), 256)]
        if b"avif" in brands or b"avis" in brands:
            return "AVIF"
        if brands[:3] in (b"hei", b"hev", b"mif"):
            return "HEIF"
    return "BMP" if data.startswith(b"BM") else None


def read_header(kind: str, data: bytes) -> Header | None:
    """Read the size of a file of a format.

    Parameters
    ----------
    kind : str
        Pillow's name of the format.
    data : bytes
        The whole file.

    Returns
    -------
    Header or None
        None where the size is only known after decoding: for HEIC.

    Raises
    ------
    Damaged
        Where the file ends inside its header, or has no size.
    """
    reader = _READERS.get(kind)
    if reader is None:
        return None
    try:
        header = reader(data)
    except (struct.error, IndexError):
        raise Damaged("it ends inside its header") from None
    if not header.width or not header.height:
        raise Damaged("it has no size")
    return header


def _jpeg(data: bytes) -> Header:
    at = 2
    while at < len(data):
        if data[at] != 0xFF:
            at += 1  # a stray byte
            continue
        marker = data[at + 1]
        if marker in (0xFF, 0x00, 0x01) or 0xD0 <= marker <= 0xD7:
            at += 1 if marker == 0xFF else 2
        elif 0xC0 <= marker <= 0xCF and marker not in _WITHOUT_SIZE:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Header(width, height)
        elif marker in (0xD8, 0xD9, 0xDA):
            break
        else:
            at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
    raise Damaged("it has no frame header")


def _png(data: bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    at, frames = 8, 0
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"acTL":
            (frames,) = struct.unpack_from(">I", data, at + 8)
            break
        if name == b"IDAT":
            break
        at += 12 + length
    return Header(width, height, frames > 1)


def _webp(data: bytes) -> Header:
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Header(width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Header((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind != b"VP8X":
        raise Damaged("it has no image header")
    low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", data, 24)
    at, frames = 12, 0
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        frames += name == b"ANMF"
        at += 8 + length + length % 2
    return Header(
        1 + (low_width | high_width << 16), 1 + (low_height | high_height << 16), frames > 1
    )


def _gif(data: bytes) -> Header:
    width, height, flags = struct.unpack_from("<HHB", data, 6)

    def palette_bytes(flags: int) -> int:
        return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0

    def behind_blocks(at: int) -> int:
        while at < len(data) and data[at]:
            at += 1 + data[at]
        return at + 1

    at, frames = 13 + palette_bytes(flags), 0
    while at < len(data) and data[at] in (0x21, 0x2C):
        if data[at] == 0x21:
            at = behind_blocks(at + 2)
            continue
        frames += 1
        if at + 9 >= len(data):
            break
        left, top, across, down, flags = struct.unpack_from("<HHHHB", data, at + 1)
        if frames == 1:
            width, height = max(width, left + across), max(height, top + down)
        at = behind_blocks(at + 11 + palette_bytes(flags))
    return Header(width, height, frames > 1)


def _bmp(data: bytes) -> Header:
    if struct.unpack_from("<I", data, 14)[0] == _CORE_HEADER:
        return Header(*struct.unpack_from("<HH", data, 18))
    width, height = struct.unpack_from("<ii", data, 18)
    return Header(abs(width), abs(height))


def _avif(data: bytes) -> Header:
    """The largest of the images inside: tiles and thumbnails are smaller."""
    width = height = 0
    at = 0
    while (at := data.find(b"ispe", at, 2**16)) >= 0:
        across, down = struct.unpack_from(">II", data, at + 8)
        if across * down > width * height:
            width, height = across, down
        at += 16
    return Header(width, height, data[8:12] == b"avis")


_READERS: dict[str, Callable[[bytes], Header]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _webp,
    "GIF": _gif,
    "BMP": _bmp,
    "AVIF": _avif,
}
