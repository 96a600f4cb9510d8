"""A changed copy is the same picture; one in other colours, or of something else, is not."""

import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import resvg_py
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from modeltrain.curate.alignment import Sketch, same, trimmed
from tests.modeltrain.conftest import DRAWINGS, blobs, drawing

HAND = "1F44D"  # thumbs up
TONES = ("1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF")


def openmoji(name: str, size: int = 300) -> np.ndarray:
    data = resvg_py.svg_to_bytes(
        svg_path=str(Path(DRAWINGS) / f"{name}.svg"), width=size, background="white"
    )
    return np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGB"))


def snail() -> Image.Image:
    return Image.fromarray(openmoji("1F40C"))


def jpeg(picture):
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=50)
    return Image.open(io.BytesIO(out.getvalue())).convert("RGB")


def text(picture):
    copy = picture.copy()
    ImageDraw.Draw(copy).text((20, 140), "a sample", fill="red", font=ImageFont.load_default(26))
    return copy


CHANGES = {
    "re-encoded": jpeg,
    "smaller": lambda picture: picture.resize((150, 150)),
    "larger": lambda picture: picture.resize((550, 550)),
    "cropped": lambda picture: picture.crop((30, 20, 270, 260)),
    "mirrored": ImageOps.mirror,
    "turned": lambda picture: picture.rotate(10, expand=True, fillcolor="white"),
    "brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(0.7),
    "flatter": lambda picture: ImageEnhance.Contrast(picture).enhance(0.7),
    "written on": text,
    "framed": lambda picture: ImageOps.expand(picture, 30, (20, 60, 120)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_the_same_picture(change):
    original = snail()
    changed = np.asarray(CHANGES[change](original))
    found = same(Sketch(np.asarray(original)), Sketch(changed))
    assert found is not None
    assert found.mirrored == (change == "mirrored")
    assert abs(found.turn) == pytest.approx(10 if change == "turned" else 0, abs=1)


@pytest.mark.parametrize(("one", "other"), list(pairwise(TONES)))
def test_the_next_skin_tone_is_another_picture(one, other):
    pictures = [openmoji(f"{HAND}-{tone}") for tone in (one, other)]
    assert same(*map(Sketch, pictures)) is None


def test_the_same_flag_in_other_colours_is_another_picture():
    france, italy = openmoji("1F1EB-1F1F7"), openmoji("1F1EE-1F1F9")
    assert same(Sketch(france), Sketch(italy)) is None


@pytest.mark.parametrize(("one", "other"), [(0, 1), (2, 5), (3, 8)])
def test_other_drawings_are_other_pictures(one, other):
    assert same(Sketch(drawing(one)), Sketch(drawing(other))) is None


def test_other_blobs_are_other_pictures():
    assert same(Sketch(blobs(1)), Sketch(blobs(2))) is None


def test_plain_pictures_say_nothing():
    white = np.full((100, 100, 3), 255, dtype=np.uint8)
    assert same(Sketch(white), Sketch(white)) is None


def test_a_border_of_one_colour_is_cut_off():
    framed = np.full((50, 60, 3), 200, dtype=np.uint8)
    framed[10:20, 5:45] = 0
    assert trimmed(framed).shape == (10, 40, 3)
    assert trimmed(framed[:5]).shape == (5, 60, 3)
