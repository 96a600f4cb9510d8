"""Classifiers whose answer depends on a known part of the image."""

import numpy as np
import pytest

from modeltrain.audit import occlusion


def brightness(pixels, rows=slice(None), columns=slice(None)) -> dict[str, float]:
    """Certain of "bright" as far as this region is white."""
    white = float((pixels[rows, columns] == 255).mean())
    return {"bright": white, "dark": 1 - white}


def test_the_only_square_that_matters_is_found() -> None:
    pixels = np.full((40, 80, 3), 255, dtype=np.uint8)

    def corner(image):
        return brightness(image, slice(0, 10), slice(60, 80))  # the last square of the first row

    falls = occlusion.sensitivity(corner, pixels, label="bright", squares=4)

    assert falls.tolist() == [[0, 0, 0, 1], [0] * 4, [0] * 4, [0] * 4]
    assert (pixels == 255).all()


def test_where_every_square_counts_the_same_each_takes_its_share() -> None:
    pixels = np.full((16, 16, 3), 255, dtype=np.uint8)
    falls = occlusion.sensitivity(brightness, pixels, label="bright", squares=4)
    assert falls == pytest.approx(np.full((4, 4), 1 / 16))


def test_a_square_that_speaks_against_the_label_is_below_zero() -> None:
    pixels = np.full((16, 16, 3), 255, dtype=np.uint8)
    falls = occlusion.sensitivity(brightness, pixels, label="dark", squares=2)
    assert falls == pytest.approx(np.full((2, 2), -1 / 4))


@pytest.mark.parametrize(
    ("length", "expected"), [(1, [0, 1]), (3, [0, 1, 2, 3]), (10, [0, 2, 5, 7, 10])]
)
def test_squares_cover_a_side_without_gap_or_overlap(length, expected) -> None:
    assert occlusion.edges(length, 4) == expected


def test_a_row_is_a_row_of_the_whole() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (23, 31, 3), dtype=np.uint8)

    def left_half(image):
        return {"left": float(image[:, :15].mean()) / 255}

    falls = occlusion.sensitivity(left_half, pixels, label="left")
    scores = occlusion.row_scores(left_half, pixels, 3, label="left")
    assert falls.shape == (8, 8)
    assert scores == pytest.approx(left_half(pixels)["left"] - falls[3])
