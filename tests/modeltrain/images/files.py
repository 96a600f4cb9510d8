"""Image files to decode: generated with Pillow, or damaged by hand."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

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


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def words():
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "a word", zip=True)
    info.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    return info


WHOLE_FILES = {
    kind: encoded(red_and_blue(), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP")
} | {
    "CMYK": encoded(red_and_blue("CMYK"), "JPEG"),
    "RGBA": encoded(red_and_blue("RGBA")),
    "1": encoded(red_and_blue("1")),
    "palette": encoded(red_and_blue("P"), transparency=0),
    "16 bits": encoded(Image.fromarray(np.full((9, 9), 32896, np.uint16))),
    "profile": encoded(red_and_blue(), "JPEG", icc_profile=SRGB),
    "EXIF": encoded(red_and_blue(), "JPEG", exif=turned()),
    "EXIF in PNG": encoded(red_and_blue(), exif=turned()),
    "several images": encoded(red_and_blue(), "MPO", save_all=True, append_images=[red_and_blue()]),
    "progressive": encoded(red_and_blue(), "JPEG", progressive=True),
    "lossless": encoded(red_and_blue("RGBA"), "WEBP", lossless=True, exif=turned()),
    "text": encoded(red_and_blue(), pnginfo=words()),
}
