"""Which squares of a picture a score hangs on: each is greyed, and the model asked again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Scores = Callable[[Pixels], Mapping[str, float]]

SQUARES = 8
GREY = 128


def edges(length: int, squares: int = SQUARES) -> list[int]:
    """Return where squares begin along one side of a picture, and where the last one ends.

    Parameters
    ----------
    length : int
        Pixels, 1 or more.
    squares : int
        How many are wanted; a side of fewer pixels has one square a pixel.

    Returns
    -------
    list of int
        One more than there are squares, from 0 to `length`, each above the one before.
    """
    many = min(squares, length)
    return [length * n // many for n in range(many + 1)]


def row(
    scores: Scores, pixels: Pixels, number: int, *, label: str, squares: int = SQUARES
) -> list[float]:
    """Return a label's score with each square of one row greyed in turn.

    A row at a time is what one task of a worker does; `sensitivity` asks for all.

    Parameters
    ----------
    scores : callable
        Takes pixels, returns the score of each label.
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
        RGB. It is left as it was.
    number : int
        The row, 0 at the top.
    label : str
    squares : int
        How many squares a side is cut into.
    """
    height, width = pixels.shape[:2]
    top, bottom = edges(height, squares)[number : number + 2]
    across = edges(width, squares)
    found = []
    for left, right in pairwise(across):
        greyed = pixels.copy()
        greyed[top:bottom, left:right] = GREY
        found.append(float(scores(greyed)[label]))
    return found


def sensitivity(
    scores: Scores, pixels: Pixels, *, label: str, squares: int = SQUARES
) -> NDArray[np.float64]:
    """Return by how much a label's score falls when each square of a picture is greyed.

    The occlusion experiment of Zeiler and Fergus, "Visualizing and Understanding Convolutional
    Networks" (2014), section 4.2, with squares side by side. It says what moves this score of this
    picture, and not why: a grey square is itself something to see, and of two squares that each
    suffice neither moves anything.

    Parameters
    ----------
    scores : callable
        Takes pixels, returns the score of each label.
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
        RGB.
    label : str
        The label whose score is watched; usually the one that the model chose.
    squares : int
        How many squares a side is cut into.

    Returns
    -------
    numpy.ndarray of float64, shape [rows, columns]
        The score of the whole picture less that with the square greyed: above 0 where the square
        speaks for the label, below 0 where it speaks against it.
    """
    whole = float(scores(pixels)[label])
    rows = len(edges(len(pixels), squares)) - 1
    greyed = [row(scores, pixels, n, label=label, squares=squares) for n in range(rows)]
    return whole - np.array(greyed)
