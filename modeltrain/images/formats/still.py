"""What a file says about its one still image."""

import struct
from dataclasses import dataclass

_ORIENTATION = 0x0112
_SHORT = 3
_ENTRY_BYTES = 12


class Damaged(ValueError):
    """The file breaks the rules of its format where Chromium refuses it, too."""


@dataclass(frozen=True)
class Still:
    """One still image of a file, and how to show it.

    Attributes
    ----------
    file : bytes
        A file of the same format with this image and without what can be left out.
    canvas : tuple of int, or None
        Width and height in pixels, where they are not those of the image.
    offset : tuple of int
        Pixels from the left and from the top of the canvas to the image.
    orientation : int
        As in EXIF, 1 to 8.
    profile : bytes or None
        The colour profile that the file names.
    decoder_bytes : int
        The memory that decoding needs, where a file with few pixels may need much; else 0.
    """

    file: bytes
    canvas: tuple[int, int] | None = None
    offset: tuple[int, int] = (0, 0)
    orientation: int = 1
    profile: bytes | None = None
    decoder_bytes: int = 0


def exif_orientation(exif: bytes) -> int:
    """Return the orientation that the first directory of an EXIF block names; 1 if none.

    Parameters
    ----------
    exif : bytes
        A TIFF file, without the mark that JPEG files put before it.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, directory)
        for number in range(count):
            entry = directory + 2 + _ENTRY_BYTES * number
            tag, kind, values, value = struct.unpack_from(f"{order}HHIH", exif, entry)
            if (tag, kind, values) == (_ORIENTATION, _SHORT, 1):
                return value if 1 <= value <= 8 else 1
    except struct.error:  # an image with broken EXIF is still an image
        pass
    return 1
