"""GIF: a frame on its canvas, which is transparent where the frame does not reach."""

import struct

from modeltrain.images.formats.still import Damaged, Still

_HEADER_BYTES = 13
_EXTENSION, _FRAME = 0x21, 0x2C
_CONTROL = 0xF9
_HAS_PALETTE, _INTERLACED = 0x80, 0x40


def read(data: bytes) -> Still:
    """Find the only frame of a GIF file.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    Still
        Its file has the frame alone. Colours that the palette lacks are black.

    Raises
    ------
    Damaged
        Where there is none.
    """
    try:
        return _read(data)
    except (struct.error, IndexError):
        raise Damaged("it ends too early") from None


def _read(data: bytes) -> Still:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    palette = _palette(data, _HEADER_BYTES, flags)
    at = _HEADER_BYTES + len(palette)
    transparent = None
    while at < len(data) and data[at] in (_EXTENSION, _FRAME):
        if data[at] == _EXTENSION:
            if data[at + 1] == _CONTROL and data[at + 2] == 4:
                transparent = data[at + 6] if data[at + 3] & 1 else None
            at = _behind_blocks(data, at + 2)
            continue
        left, top, across, down, flags = struct.unpack_from("<HHHHB", data, at + 1)
        own = _palette(data, at + 10, flags)
        start = at + 10 + len(own)
        at = _behind_blocks(data, start + 1)
        if at > len(data):
            raise Damaged("a frame that is cut off")
        if not across or not down:
            raise Damaged("a frame of no size")
        return Still(
            _file(own or palette, transparent, (across, down), flags, data[start:at]),
            canvas=(max(width, left + across), max(height, top + down)),
            offset=(left, top),
        )
    raise Damaged("no frame")


def _palette(data: bytes, at: int, flags: int) -> bytes:
    return data[at : at + 3 * 2 ** ((flags & 7) + 1)] if flags & _HAS_PALETTE else b""


def _behind_blocks(data: bytes, at: int) -> int:
    """Where the blocks end that start here; the file may end before them."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1


def _file(
    palette: bytes, transparent: int | None, size: tuple[int, int], flags: int, pixels: bytes
) -> bytes:
    """A GIF file of one frame as large as its canvas, with a palette of 256 colours."""
    parts = [b"GIF89a", struct.pack("<HHBBB", *size, 0xF7, 0, 0), palette.ljust(768, b"\0")]
    if transparent is not None:
        parts.append(bytes([_EXTENSION, _CONTROL, 4, 1, 0, 0, transparent, 0]))
    parts += [b"\x2c", struct.pack("<HHHHB", 0, 0, *size, flags & _INTERLACED), pixels]
    return b"".join([*parts, b";"])
