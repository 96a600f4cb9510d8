import struct

import pytest

from modeltrain.images.formats.still import exif_orientation


def tiff(order: str, kind: int, value: int) -> bytes:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}IHHHIHH", 8, 1, 0x0112, kind, 1, value, 0)


@pytest.mark.parametrize("order", "<>")
def test_either_order_of_bytes_is_read(order):
    assert exif_orientation(tiff(order, 3, 6)) == 6


BROKEN = [b"", b"II*\0", b"II*\0\xff\xff\xff\xff"]


@pytest.mark.parametrize("exif", [*BROKEN, tiff("<", 3, 0), tiff("<", 3, 9), tiff("<", 4, 6)])
def test_what_cannot_be_read_turns_nothing(exif):
    assert exif_orientation(exif) == 1
