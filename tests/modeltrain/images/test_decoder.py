"""What becomes of the bytes of an image file: upright sRGB pixels, or a refusal that says why."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from modeltrain.images import decoder
from modeltrain.images.codec import decode, decode_in_child, to_png
from modeltrain.images.decoder import DecodeError, Limits, open_rgb
from tests.modeltrain.images import files
from tests.modeltrain.images.files import (
    SRGB,
    WHOLE_FILES,
    animation,
    encoded,
    png_header,
    red_and_blue,
)


def decode_error(data, decoder=decode, limits=None):
    return files.decode_error(data, decoder, limits)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "BMP"])
def test_accepted_formats_give_their_pixels(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    pixels = decode(encoded(red_and_blue(), kind, **options))
    assert pixels.shape == (16, 24, 3)
    assert pixels.dtype == np.uint8
    assert pixels[0, 0].tolist() == [255, 0, 0]
    assert pixels[-1, -1].tolist() == [0, 0, 255]


def test_jpeg_gives_nearly_its_pixels():
    pixels = decode(encoded(red_and_blue(), "JPEG", quality=95)).astype(int)
    assert abs(pixels[0, 0] - [255, 0, 0]).max() < 12


def test_one_pixel_is_an_image():
    assert decode(encoded(Image.new("RGB", (1, 1), "white"))).tolist() == [[[255, 255, 255]]]


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA"])
def test_every_png_mode_becomes_rgb(mode):
    assert decode(encoded(red_and_blue().convert(mode))).shape == (16, 24, 3)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_pixels_show_on_white(mode):
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    image.putpixel((0, 0), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 128))
    pixels = decode(encoded(image.convert(mode)))
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[0, 1].tolist() == [127, 127, 127]
    assert pixels[3, 3].tolist() == [255, 255, 255]


def test_transparent_palette_entry_shows_on_white():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    pixels = decode(encoded(image, "GIF", transparency=0))
    assert pixels.tolist() == [[[255, 255, 255], [200, 100, 50]]]


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_transparent_colour_without_an_alpha_channel_shows_on_white(mode):
    black = (0, 0, 0) if mode == "RGB" else 0
    data = encoded(Image.new(mode, (2, 2), black), transparency=black)
    assert (decode(data) == 255).all()


def test_sixteen_bit_grey_is_scaled_not_clipped():
    levels = np.array([[0, 257, 511, 32896, 65535]], dtype=np.uint16)
    pixels = decode(encoded(Image.fromarray(levels)))
    assert pixels[0, :, 0].tolist() == [0, 1, 1, 128, 255]


def test_cmyk_jpeg_becomes_rgb():
    pixels = decode(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG")).astype(int)
    assert abs(pixels[4, 4] - [255, 0, 0]).max() < 12


@pytest.mark.parametrize(("orientation", "shape"), [(1, (16, 24)), (3, (16, 24)), (6, (24, 16))])
def test_exif_orientation_is_applied(orientation, shape):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode(encoded(red_and_blue(), exif=exif))
    assert pixels.shape[:2] == shape
    red_first = orientation != 3  # 6: a quarter turn to the right puts the left edge on top
    assert pixels[0, 0].tolist() == ([255, 0, 0] if red_first else [0, 0, 255])


def test_an_image_with_broken_exif_is_readable():
    data = encoded(red_and_blue(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert decode(data).shape == (16, 24, 3)


def test_embedded_profile_is_converted_to_srgb():
    plain, tagged = encoded(red_and_blue()), encoded(red_and_blue(), icc_profile=SRGB)
    assert abs(decode(plain).astype(int) - decode(tagged)).max() <= 1


@pytest.mark.parametrize("profile", [b"no profile at all", b"\0" * 200])
def test_broken_profile_is_ignored(profile):
    assert decode(encoded(red_and_blue(), icc_profile=profile))[0, 0].tolist() == [255, 0, 0]


def test_profile_of_another_colour_space_is_ignored():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert decode(encoded(red_and_blue(), icc_profile=lab))[0, 0].tolist() == [255, 0, 0]


def test_trailing_bytes_and_metadata_do_not_survive():
    polyglot = encoded(red_and_blue(), exif=b"Exif\0\0secret") + b"PK\x03\x04 a zip behind it"
    clean = to_png(decode(polyglot))
    assert b"secret" not in clean
    assert b"PK\x03\x04" not in clean
    assert clean.endswith(b"IEND\xaeB`\x82")
    assert (decode(clean) == decode(polyglot)).all()


@pytest.mark.parametrize(
    ("data", "code", "received"),
    [
        (b"", "empty", "0 bytes"),
        (b"hello, this is a letter", "not_an_image", "none of these"),
        (b"<?xml version='1.0'?><svg xmlns='x'/>", "unsupported_format", "SVG"),
        (b"II*\0" + b"\0" * 50, "unsupported_format", "TIFF"),
        (b"\x89PNG\r\n\x1a\n", "broken", "PNG"),
        (b"BM and some words", "broken", "BMP"),
    ],
)
def test_a_file_that_is_not_a_readable_image_is_refused(data, code, received):
    error = decode_error(data)
    assert error.code == code
    assert received in error.received


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_truncated_file_is_refused(kind):
    noise = np.random.default_rng(1).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    whole = encoded(Image.fromarray(noise), kind)
    assert decode_error(whole[: len(whole) // 2]).code == "broken"


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_animation_is_refused(kind):
    assert decode_error(animation(kind)).code == "animated"


def test_a_phone_photo_with_a_second_image_gives_the_first():
    data = encoded(red_and_blue(), "MPO", save_all=True, append_images=[red_and_blue()])
    assert decode(data).shape == (16, 24, 3)


@pytest.mark.parametrize("size", [(8000, 8000), (12000, 12000), (60000, 60000)])
@pytest.mark.parametrize("decoder", [decode, decode_in_child])
def test_pixel_bomb_is_refused_from_its_header(size, decoder):
    error = decode_error(png_header(*size), decoder)
    assert error.code == "too_many_pixels"
    assert error.rule == "An image must have at most 40 million pixels."


@pytest.mark.parametrize("size", [(1, 20_001), (20_001, 1)])
def test_a_very_long_thin_image_is_refused_before_decoding(size):
    error = decode_error(encoded(Image.new("1", size)), decode_in_child)
    assert error.code == "too_long"
    assert error.rule == "An image must be at most 20,000 pixels wide and high."
    assert decode(encoded(Image.new("1", (20_000, 1)))).shape == (1, 20_000, 3)


def test_a_decode_error_states_rule_value_and_remedy():
    error = decode_error(b"\xff\xd8\xff" * (15 * 2**20 // 2))
    assert str(error) == (
        "An image must be at most 15 MiB. Received: 22.5 MiB. Make it smaller and send it again."
    )


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(sorted(WHOLE_FILES)),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=8),
    keep=st.integers(0, 2000),
)
def test_damaged_bytes_give_pixels_or_a_decode_error(kind, changes, keep):
    data = bytearray(WHOLE_FILES[kind])
    for place, value in changes:
        data[place % len(data)] = value
    try:
        pixels = decode(bytes(data[: max(keep, 1)]), limits=Limits(max_pixels=1_000_000))
    except DecodeError as error:
        pixels = None
        is_explained = error.rule and error.received and error.remedy
    assert is_explained if pixels is None else pixels.shape[2] == 3


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_pixels_or_a_decode_error(data):
    with contextlib.suppress(DecodeError):
        decode(data)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_large_image_is_averaged_in_squares_after_it_was_turned_upright(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    noise = np.random.default_rng(1).integers(0, 255, (131, 77, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), exif=exif)
    limits = Limits(kept_pixels=700)  # 131 × 77 pixels in squares of 4 × 4
    whole = open_rgb(data, limits=limits)
    shrunk = open_rgb(data, limits=limits, caged=True)
    assert shrunk.width * shrunk.height == 33 * 20
    assert (np.asarray(shrunk) == np.asarray(whole.reduce(4))).all()


@pytest.mark.parametrize("kind", sorted(WHOLE_FILES))
@pytest.mark.parametrize("strip_pixels", [1, 10, 1000])
def test_strips_do_not_show(kind, strip_pixels, monkeypatch):
    """Colour, transparency and profile of a strip are those of the image."""
    monkeypatch.setattr(decoder, "_STRIP_PIXELS", strip_pixels)
    limits = Limits(kept_pixels=20)
    whole = open_rgb(WHOLE_FILES[kind], limits=limits)
    shrunk = open_rgb(WHOLE_FILES[kind], limits=limits, caged=True)
    factor = next(n for n in range(1, 99) if -(-whole.width // n) * -(-whole.height // n) <= 20)
    assert (np.asarray(shrunk) == np.asarray(whole.reduce(factor))).all()


def test_an_image_that_is_not_large_keeps_its_pixels():
    limits = Limits(kept_pixels=24 * 16)
    data = encoded(red_and_blue())
    shrunk = open_rgb(data, limits=limits, caged=True)
    assert (np.asarray(shrunk) == decode(data)).all()


def test_webp_has_a_limit_of_its_own():
    """Its decoder needs four times the memory of others."""
    error = decode_error(encoded(red_and_blue(), "WEBP"), limits=Limits(max_webp_pixels=383))
    assert str(error).startswith("A WebP image must have at most 0.000383 million pixels. ")
    assert decode(encoded(red_and_blue(), "WEBP"), limits=Limits(max_webp_pixels=384)).any()
