import numpy as np
import pytest

from bench.decoding_members import members
from modeltrain.images.codec import decode
from modeltrain.images.formats import gif
from modeltrain.images.formats.still import Damaged

FILES = {name: data for name, data in members().items() if name.startswith("GIF")}


@pytest.mark.parametrize(
    "name",
    [
        "frame smaller than its canvas",
        "such a frame and a background colour",
        "such a frame with a transparent colour",
        "such a frame to be cleared",
        "such a frame to be taken back",
        "transparent background",
    ],
)
def test_the_canvas_is_white_where_the_frame_does_not_reach(name):
    pixels = decode(FILES[f"GIF, {name}"])
    assert pixels.shape == (36, 48, 3)
    outside = np.ones((36, 48), bool)
    outside[6:18, 8:28] = False
    assert (pixels[outside] == 255).all()
    assert pixels[~outside].min() < 100


@pytest.mark.parametrize(
    ("name", "canvas", "offset"),
    [
        ("frame beyond its canvas", (40, 24), (20, 12)),
        ("frame larger than its canvas", (48, 36), (0, 0)),
        ("canvas of no size", (48, 36), (0, 0)),
    ],
)
def test_the_canvas_grows_with_the_frame(name, canvas, offset):
    still = gif.read(FILES[f"GIF, {name}"])
    assert (still.canvas, still.offset) == (canvas, offset)


def test_without_a_palette_all_is_black():
    assert not decode(FILES["GIF, no palette"]).any()


def test_a_file_without_a_frame_is_damaged():
    with pytest.raises(Damaged):
        gif.read(FILES["GIF, no frame"])
