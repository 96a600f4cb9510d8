import numpy as np
import pytest

from bench.decoding_members import members
from modeltrain.images.codec import decode
from modeltrain.images.formats import png
from modeltrain.images.formats.still import Damaged

FILES = {name: data for name, data in members().items() if "PNG, " in name}
PLAIN = FILES["PNG, plain"]


@pytest.mark.parametrize(
    "name",
    [
        "orientation in XMP alone",
        "EXIF orientation behind the image",
        "2 MiB of compressed text",
        "2 MiB of compressed international text",
        "90 texts of 1 MiB",
        "text with a bad checksum",
        "unknown chunk with a bad checksum",
        "profile with a bad checksum",
        "end with a bad checksum",
        "gamma",
        "words behind the end",
    ],
)
def test_what_is_not_needed_changes_nothing(name):
    assert (decode(FILES[f"PNG, {name}"]) == decode(PLAIN)).all()


@pytest.mark.parametrize(
    "name",
    [
        "end missing",
        "cut in half",
        "header with a bad checksum",
        "image data with a bad checksum",
        "unknown chunk that is critical",
        "palette missing",
    ],
)
def test_what_is_needed_must_be_whole(name):
    with pytest.raises(Damaged):
        png.read(FILES[f"PNG, {name}"])


@pytest.mark.parametrize("name", ["plain", "interlaced", "1 bit", "too much image data"])
def test_a_file_with_all_of_its_rows_is_complete(name):
    assert png.is_complete(png.read(FILES[f"PNG, {name}"]).file)


def test_a_file_without_some_of_its_rows_is_not():
    assert not png.is_complete(png.read(FILES["PNG, too little image data"]).file)


def test_exif_turns():
    still = png.read(FILES["PNG, EXIF orientation 6"])
    assert still.orientation == 6


def test_the_last_colour_stands_for_those_that_the_palette_lacks():
    pixels = decode(FILES["PNG, palette too short"])
    assert pixels[0, 9:].tolist() == [[28, 29, 30]] * 7


def test_one_level_of_16_bits_is_transparent_and_not_all_with_its_high_byte():
    pixels = decode(FILES["PNG, 16 bits of grey, one of them transparent"])
    assert pixels[3, 5].tolist() == [255, 255, 255]
    assert pixels[3, 6].max() < 30


def test_the_one_frame_of_an_animation_is_on_white():
    pixels = decode(FILES["APNG, one frame with an offset, not the still"])
    assert pixels.shape == (36, 48, 3)
    outside = np.ones((36, 48), bool)
    outside[6:16, 8:28] = False
    assert (pixels[outside] == 255).all()
    assert pixels[~outside].min() < 100


def test_a_wrong_checksum_of_the_pixels_themselves_does_not_matter():
    """The one that zlib puts behind them; that of the chunk must be right."""
    whole = png.read(PLAIN).file
    at = whole.index(b"IEND") - 12  # before the chunk's own checksum and the end
    changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
    assert png.without_checksum(changed) == png.without_checksum(whole)
