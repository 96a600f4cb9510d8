"""BMP, decoded here: Pillow refuses many masks, and fills what runs skip with the first colour."""

import struct
from dataclasses import dataclass

from PIL import Image, ImageChops

from modeltrain.images.formats.still import Damaged

_CORE_HEADER = 12
_VERSION_3, _VERSION_4 = 56, 108  # headers with a mask for opacity
_HEADERS = (_CORE_HEADER, 40, 52, _VERSION_3, _VERSION_4, 124)
_PLAIN, _RUNS_OF_8, _RUNS_OF_4, _MASKS, _ALPHA_MASKS = 0, 1, 2, 3, 6
_MASKS_AT = 54
_DEPTHS = {_RUNS_OF_8: (8,), _RUNS_OF_4: (4,), _MASKS: (16, 32), _ALPHA_MASKS: (16, 32)}
_INDEXED = {1: "P;1", 2: "P;2", 4: "P;4", 8: "P"}
_END_OF_ROW, _END_OF_IMAGE, _SKIP = 0, 1, 2
Masks = tuple[int, int, int, int]


@dataclass(frozen=True)
class _Header:
    size: int
    width: int
    height: int
    from_the_top: bool
    bits: int
    compression: int
    colours: int
    pixels_at: int

    @property
    def stride(self) -> int:
        return (self.width * self.bits + 31) // 32 * 4


def decode(data: bytes) -> Image.Image:
    """Decode a BMP file whose size was checked.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    PIL.Image.Image
        Mode RGB or RGBA. Pixels without data of their own are black: those that runs skip, and
        those of a colour that the palette lacks.

    Raises
    ------
    Damaged
        Where the header is wrong or pixels are missing.
    """
    try:
        header = _read_header(data)
        size = (header.width, header.height)
        if header.compression in (_RUNS_OF_8, _RUNS_OF_4):
            pixels = _run_pixels(data, header, _palette(data, header))
            return Image.frombytes("RGB", size, pixels, "raw", "RGB", 0, -1)
        body = data[header.pixels_at : header.pixels_at + header.stride * header.height]
        if len(body) < header.stride * header.height:
            raise Damaged("pixels are missing")
        way = (header.stride, 1 if header.from_the_top else -1)
        if header.bits in _INDEXED:
            image = Image.frombytes("P", size, body, "raw", _INDEXED[header.bits], *way)
            image.putpalette(_palette(data, header).ljust(768, b"\0"))
            return image.convert("RGB")
        if header.bits == 24:
            return Image.frombytes("RGB", size, body, "raw", "BGR", *way)
        if header.bits == 16:
            bands = Image.frombytes("LA", size, body, "raw", "LA", *way).split()
        else:
            bands = Image.frombytes("RGBA", size, body, "raw", "RGBA", *way).split()
        return _masked(bands, _masks(data, header), header.bits)
    except struct.error:
        raise Damaged("it ends inside its header") from None


def _read_header(data: bytes) -> _Header:
    pixels_at, size = struct.unpack_from("<II", data, 10)
    if size not in _HEADERS:
        raise Damaged("a header of unknown size")
    compression = colours = 0
    if size == _CORE_HEADER:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        (colours,) = struct.unpack_from("<I", data, 46)
    from_the_top = height < 0
    if compression not in (_PLAIN, *_DEPTHS) or (from_the_top and compression in (1, 2)):
        raise Damaged("a compression that is not read")
    depths = _DEPTHS.get(compression, (*_INDEXED, 16, 24, 32))
    if width < 0 or bits not in depths:
        raise Damaged("a width or depth that is not read")
    return _Header(size, width, abs(height), from_the_top, bits, compression, colours, pixels_at)


def _palette(data: bytes, header: _Header) -> bytes:
    """The colours that the file announces, as RGB."""
    entry = 3 if header.size == _CORE_HEADER else 4
    most = 1 << header.bits
    count = min(header.colours or most, most)
    at = 14 + header.size
    table = data[at : at + entry * count]
    if len(table) < entry * count:
        raise Damaged("colours are missing")
    return b"".join(
        table[start + 2 : start + 3] + table[start + 1 : start + 2] + table[start : start + 1]
        for start in range(0, len(table) - 2, entry)
    )


def _run_pixels(data: bytes, header: _Header, palette: bytes) -> bytearray:
    """The rows from the bottom, as RGB; what runs skip stays black."""
    width, at, end = header.width, header.pixels_at, len(data)
    colours = [palette[n : n + 3].ljust(3, b"\0") for n in range(0, 768, 3)]
    pixels = bytearray(3 * width * header.height)
    x = y = 0
    while y < header.height:
        if at + 2 > end:
            raise Damaged("runs without an end")
        count, value = data[at], data[at + 1]
        at += 2
        if count:
            pair = (value >> 4, value & 15) if header.bits == 4 else (value, value)
            indices = bytes(pair) * 128
        elif value == _END_OF_ROW:
            x, y = 0, y + 1
            continue
        elif value == _END_OF_IMAGE:
            break
        elif value == _SKIP:
            if at + 2 > end:
                raise Damaged("runs without an end")
            x, y = x + data[at], y + data[at + 1]
            at += 2
            continue
        else:
            count, length = value, (value if header.bits == 8 else (value + 1) // 2)
            indices = data[at : at + length]
            if len(indices) < length:
                raise Damaged("runs without an end")
            if header.bits == 4:
                indices = bytes(half for byte in indices for half in (byte >> 4, byte & 15))
            at += length + length % 2
        count = max(0, min(count, width - x))
        start = 3 * (y * width + x)
        run = b"".join(colours[index] for index in indices[:count])
        pixels[start : start + len(run)] = run
        x += count
    return pixels


def _masks(data: bytes, header: _Header) -> Masks:
    """Which bits of a pixel are red, green, blue and opacity."""
    if header.compression == _PLAIN and header.bits == 16:
        return 0x7C00, 0x3E0, 0x1F, 0
    red, green, blue, alpha = 0xFF0000, 0xFF00, 0xFF, 0
    if header.compression != _PLAIN:
        red, green, blue = struct.unpack_from("<III", data, _MASKS_AT)
    has_alpha = header.size >= (_VERSION_4 if header.compression == _PLAIN else _VERSION_3)
    if has_alpha or header.compression == _ALPHA_MASKS:
        (alpha,) = struct.unpack_from("<I", data, _MASKS_AT + 12)
        if alpha and header.compression == _PLAIN:
            alpha = 0xFF000000
    return red, green, blue, alpha


def _masked(bands: tuple[Image.Image, ...], masks: Masks, bits: int) -> Image.Image:
    """The channels that the masks pick out of the bytes of each pixel; lowest byte first."""
    used = masks if masks[3] else masks[:3]
    channels = [_channel(bands, mask, bits) for mask in used]
    return Image.merge("RGBA" if masks[3] else "RGB", channels)


def _channel(bands: tuple[Image.Image, ...], mask: int, bits: int) -> Image.Image:
    if not mask:
        return Image.new("L", bands[0].size)
    shift = (mask & -mask).bit_length() - 1
    length = mask.bit_length() - shift
    if mask >> shift != (1 << length) - 1 or mask.bit_length() > bits:
        raise Damaged("a mask with gaps, or beyond the pixel")
    if length > 8:
        shift, length = shift + length - 8, 8
    channel = None
    for number, band in enumerate(bands):
        first = 8 * number - shift  # where this byte's lowest bit falls in the channel
        if not -8 < first < length:
            continue
        part = band.point(
            [
                ((value << first) if first >= 0 else value >> -first) & (1 << length) - 1
                for value in range(256)
            ]
        )
        channel = part if channel is None else ImageChops.add(channel, part)
    assert channel is not None
    top = (1 << length) - 1
    return channel.point([(min(value, top) * 255 + top // 2) // top for value in range(256)])
