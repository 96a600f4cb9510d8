"""Decoding in a child process, PNG files, and the hash of pixels."""

import io

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from modeltrain.images.codec import decode, decode_in_child, pixel_sha256, to_png
from modeltrain.images.decoder import Limits
from tests.modeltrain.images.files import WHOLE_FILES, decode_error, encoded, red_and_blue


@pytest.mark.parametrize("kind", sorted(WHOLE_FILES))
def test_child_gives_the_same_pixels(kind):
    data = WHOLE_FILES[kind]
    assert (decode_in_child(data) == decode(data)).all()


@pytest.mark.parametrize(
    ("data", "code"), [(b"", "empty"), (b"letter", "not_an_image"), (b"BMxx", "broken")]
)
def test_child_passes_on_its_error(data, code):
    error = decode_error(data, decode_in_child)
    assert error.code == code
    assert str(error) == str(decode_error(data, decode))


def heic(image, **options):
    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, quality=90, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["HEIC", "AVIF"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_child_alone_reads_what_phones_send(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = red_and_blue(size=(128, 64))
    if kind == "HEIC":
        data = heic(image, exif=exif.tobytes())
    else:
        data = encoded(image, "AVIF", quality=90, exif=exif)
    pixels = decode_in_child(data).astype(int)
    assert pixels.shape[:2] == ((64, 128) if orientation == 1 else (128, 64))
    assert abs(pixels[5, 5] - [255, 0, 0]).max() < 16
    assert abs(pixels[-5, -5] - [0, 0, 255]).max() < 16
    assert decode_error(data, decode).code == "not_an_image"


@pytest.mark.parametrize("kind", ["HEIC", "AVIF"])
def test_child_refuses_a_cut_off_file_of_a_phone(kind):
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    data = heic(noise) if kind == "HEIC" else encoded(noise, "AVIF")
    assert decode_error(data[: len(data) // 2], decode_in_child).code == "broken"


def test_child_refuses_an_image_that_needs_too_much_memory():
    big = encoded(Image.new("RGB", (6000, 6000)), compress_level=1)
    limits = Limits(memory_bytes=150 * 2**20)
    assert decode_error(big, decode_in_child, limits).code == "too_much_memory"


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (64, 48)])
def test_a_png_holds_the_same_pixels_for_every_reader(size):
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    for image in (pixels, pixels[::-1]):
        with Image.open(io.BytesIO(to_png(image))) as png:
            png.verify()
        assert (np.asarray(Image.open(io.BytesIO(to_png(image)))) == image).all()
        assert (decode(to_png(image)) == image).all()


def test_a_png_is_reproducible_and_holds_only_pixels():
    pixels = decode(encoded(red_and_blue()))
    assert to_png(pixels) == to_png(pixels.copy())
    chunks, data = [], to_png(pixels)[8:]
    while data:
        chunks.append(data[4:8])
        data = data[12 + int.from_bytes(data[:4], "big") :]
    assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}


def test_the_pixel_hash_depends_on_pixels_and_shape():
    pixels = decode(encoded(red_and_blue()))
    assert pixel_sha256(pixels) == pixel_sha256(decode(encoded(red_and_blue(), "BMP")))
    assert pixel_sha256(pixels) != pixel_sha256(pixels.reshape(24, 16, 3))
    changed = pixels.copy()
    changed[0, 0, 0] ^= 1
    assert pixel_sha256(pixels) != pixel_sha256(changed)


def test_pixels_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="shape"):
        to_png(np.zeros((4, 4), np.uint8))
