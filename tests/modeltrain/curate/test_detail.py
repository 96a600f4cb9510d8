"""Of several copies, the one nearest to the original is kept."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from modeltrain.curate import detail
from modeltrain.curate.detail import Detail
from tests.modeltrain.conftest import drawing
from tests.modeltrain.curate.test_alignment import snail


def photograph() -> Image.Image:
    """A drawing with the noise of a camera."""
    noise = np.random.default_rng(0).normal(0, 12, (300, 300, 3))
    pixels = np.asarray(Image.fromarray(drawing(0)).resize((300, 300)), dtype=float)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def jpeg(image, quality=20):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


WORSE = {
    "strongly compressed": jpeg,
    "made smaller": lambda image: image.resize((180, 180)),
    "enlarged": lambda image: image.resize((600, 600)),
    "cropped": lambda image: image.crop((60, 60, 240, 240)),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "framed": lambda image: ImageOps.expand(image, 30, (20, 60, 120)),
    "made small and large again": lambda image: image.resize((100, 100)).resize((400, 400)),
}


@pytest.mark.parametrize("original", [photograph, snail])
@pytest.mark.parametrize("change", WORSE)
def test_the_original_is_kept(original, change):
    pair = [original(), WORSE[change](original())]
    assert detail.best([detail.measure(np.asarray(image)) for image in pair]) == 0
    assert detail.best([detail.measure(np.asarray(image)) for image in reversed(pair)]) == 1


def test_a_frame_adds_no_detail():
    framed = ImageOps.expand(snail(), 40, (200, 30, 90))
    assert detail.measure(np.asarray(framed)).needed_pixels == pytest.approx(
        detail.measure(np.asarray(snail())).needed_pixels, rel=0.4
    )


def test_what_was_never_compressed_shows_no_traces_of_it():
    assert not detail.measure(np.asarray(photograph())).is_jpeg
    assert not detail.measure(np.asarray(snail())).is_jpeg
    assert detail.measure(np.asarray(jpeg(photograph()))).is_jpeg


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (9, 9)])
def test_tiny_and_plain_images_can_be_measured(shape):
    pixels = np.full((*shape, 3), 90, np.uint8)
    assert detail.measure(pixels).pixels == shape[0] * shape[1]


def test_colour_comes_before_detail_and_detail_before_compression():
    colour = Detail(False, needed_pixels=100, is_jpeg=True, inner_pixels=100, pixels=100)
    grey = Detail(True, needed_pixels=900, is_jpeg=False, inner_pixels=900, pixels=900)
    sharper = Detail(False, needed_pixels=160, is_jpeg=True, inner_pixels=160, pixels=160)
    clean = Detail(False, needed_pixels=120, is_jpeg=False, inner_pixels=160, pixels=160)
    assert detail.best([grey, colour]) == 1
    assert detail.best([colour, sharper]) == 1
    assert detail.best([sharper, clean, grey]) == 1
    assert detail.best([sharper, sharper]) == 0
