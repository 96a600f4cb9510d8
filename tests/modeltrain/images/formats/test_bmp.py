import numpy as np
import pytest

from bench.decoding_members import members
from modeltrain.images.formats import bmp
from modeltrain.images.formats.still import Damaged

FILES = {name: data for name, data in members().items() if name.startswith("BMP")}


def pixels_of(name: str) -> np.ndarray:
    return np.asarray(bmp.decode(FILES[f"BMP, {name}"]))


def test_skipped_pixels_are_black_whatever_the_first_colour_is():
    pixels = pixels_of("runs with pixels that are skipped")
    assert pixels.shape == (3, 48, 3)
    assert pixels[2, :8].min(axis=(0, 1)) > 0
    assert not pixels[2, 8:].any()


def test_rows_that_no_run_reaches_are_black():
    pixels = pixels_of("runs that end early")
    assert pixels[3:, :8].any()
    assert not pixels[:3].any()


def test_runs_of_4_bits_alternate():
    pixels = pixels_of("runs of 4 bits with pixels that are skipped")
    assert (pixels[2, 0] == pixels[2, 2]).all()
    assert (pixels[2, 0] != pixels[2, 1]).any()


@pytest.mark.parametrize("name", ["words behind the end", "OS/2"])
def test_the_same_pixels_in_another_order(name):
    assert (pixels_of(name) == pixels_of("plain")).all()


def test_a_negative_height_means_from_the_top():
    assert (pixels_of("from the top") == pixels_of("plain")[::-1]).all()


@pytest.mark.parametrize("name", ["16 bits", "16 bits of which 6 are green"])
def test_16_bits_are_rounded_colours(name):
    assert np.abs(pixels_of(name).astype(int) - pixels_of("plain")).max() <= 8


def test_masks_say_where_the_colours_are():
    plain, swapped = pixels_of("32 bits"), pixels_of("32 bits, channels in another order")
    assert (plain == swapped[..., ::-1]).all()
    assert not pixels_of("mask of nothing").any()


@pytest.mark.parametrize("size", [56, 108, 124])
def test_a_mask_for_opacity_counts(size):
    name = {56: "32 bits with a mask for transparency", 108: "version 4 with transparency"}
    pixels = pixels_of(name.get(size, "version 5 with transparency"))
    assert pixels.shape == (36, 48, 4)
    assert (pixels[0, :, 3] == np.linspace(0, 255, 48).astype(int)).all()


@pytest.mark.parametrize("name", ["cut in half", "JPEG inside"])
def test_a_file_that_lacks_pixels_is_damaged(name):
    with pytest.raises(Damaged):
        bmp.decode(FILES[f"BMP, {name}"])
