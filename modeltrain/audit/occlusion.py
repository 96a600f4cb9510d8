"""Which squares of an image a score depends on: grey each out and ask the model again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
ScoreFunction = Callable[[Pixels], Mapping[str, float]]

SQUARES = 8
GREY = 128


def edges(length: int, squares: int = SQUARES) -> list[int]:
    """Return where squares begin along one side of an image, and where the last one ends.

    Parameters
    ----------
    length : int
        Pixels, 1 or more.
    squares : int
        How many squares to cut the side into; a side of fewer pixels has one square per pixel.

    Returns
    -------
    list of int
        One more than there are squares, from 0 to `length`, strictly increasing.
    """
    count = min(squares, length)
    return [length * n // count for n in range(count + 1)]


def row_scores(
    score: ScoreFunction, pixels: Pixels, row: int, *, label: str, squares: int = SQUARES
) -> list[float]:
    """Return a label's score with each square of one row greyed out in turn.

    One task of a worker does one row; `sensitivity` does all.

    Parameters
    ----------
    score : callable
        Takes pixels and returns the score of each label, 0 to 1.
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
        RGB; not changed.
    row : int
        0 is the top row.
    label : str
        The label whose score is returned.
    squares : int
        How many squares a side is cut into.

    Returns
    -------
    list of float, length [columns]
        From left to right.
    """
    height, width = pixels.shape[:2]
    top, bottom = edges(height, squares)[row : row + 2]
    scores = []
    for left, right in pairwise(edges(width, squares)):
        greyed = pixels.copy()
        greyed[top:bottom, left:right] = GREY
        scores.append(float(score(greyed)[label]))
    return scores


def sensitivity(
    score: ScoreFunction, pixels: Pixels, *, label: str, squares: int = SQUARES
) -> NDArray[np.float64]:
    """Return by how much a label's score falls when each square of an image is greyed out.

    It shows what changes this score of this image, and not why: a grey square is itself something
    to see, and where either of two squares is enough for the score, greying one changes nothing.

    Source: M. D. Zeiler and R. Fergus (2014), "Visualizing and Understanding Convolutional
    Networks", section 4.2; here with squares side by side.

    Parameters
    ----------
    score : callable
        Takes pixels and returns the score of each label, 0 to 1.
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
        RGB; not changed.
    label : str
        The label whose score is observed; usually the one that the model chose.
    squares : int
        How many squares a side is cut into.

    Returns
    -------
    numpy.ndarray of float64, shape [rows, columns]
        The score of the whole image minus the score with the square greyed out: above 0 where the
        square speaks for the label, below 0 where it speaks against it.
    """
    whole = float(score(pixels)[label])
    rows = len(edges(len(pixels), squares)) - 1
    occluded = [row_scores(score, pixels, row, label=label, squares=squares) for row in range(rows)]
    return whole - np.array(occluded)
