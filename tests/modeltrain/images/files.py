"""Image files to decode: generated with Pillow, or damaged by hand."""

import io
import struct
import zlib

import pytest
from PIL import Image

from modeltrain.images.decoder import DecodeError, Limits


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def red_and_blue(mode="RGB", size=(24, 16)):
    """Red on the left, blue on the right, so that rotations and flips are visible."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, *size))
    return image.convert(mode)


def animation(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)


def png_header(width, height):
    """A PNG of a few bytes whose header claims this size."""
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = b""
    for name, body in ((b"IHDR", ihdr), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")):
        checksum = struct.pack(">I", zlib.crc32(name + body))
        chunks += struct.pack(">I", len(body)) + name + body + checksum
    return b"\x89PNG\r\n\x1a\n" + chunks


def decode_error(data, decoder, limits=None):
    with pytest.raises(DecodeError) as error:
        decoder(data, limits=limits or Limits())
    return error.value
