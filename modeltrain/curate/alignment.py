"""Whether two pictures are one: laid over each other, they must show the same.

Hashes and features find pictures that are alike; this decides. A picture in other colours (a skin
tone, a flag) is another picture, however alike the two are; one that was cut, turned, mirrored,
framed, made brighter or written on is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Matrix = NDArray[np.float64]

SIDE = 256  # pixels of the longer side, at which pictures are compared
KEYPOINTS = 400
MOST_SCALE = 2.0
MOST_TURN = 25.0  # degrees
LEAST_MATCHES = 6
LEAST_OVERLAP = 0.5  # of the smaller picture
PLAIN = 4.0  # levels, as a standard deviation; a plainer overlap says nothing
LEAST_ALIKE = 0.7  # correlation of grey levels
LEVELS = 26  # of 255; a pixel that differs by more has changed
TINT = 11  # of 255; a thick patch that differs by more has another colour
WRITTEN = 0.2  # of the overlap; thin changes, such as letters
REPAINTED = 0.0008  # of the overlap; changes too thick for letters
THICK = 5  # pixels

_GREY = np.full(3, 1 / 3, dtype=np.float32)
_RATIO = 0.8  # Lowe, "Distinctive Image Features from Scale-Invariant Keypoints" (2004), 7.1
_WITHIN = 4.0  # pixels, of a match from where the others say it should be


@dataclass(frozen=True)
class Same:
    """Two pictures are one.

    Attributes
    ----------
    mirrored : bool
    matches : int
        Keypoints that agree on how one lies on the other; 0 where they lie as they are.
    turn : float
        Degrees.
    scale : float
    changed : float
        Share of the overlap that differs.
    """

    mirrored: bool
    matches: int
    turn: float
    scale: float
    changed: float


class Sketch:
    """What is needed of a picture to lay it over others.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
    """

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = _sized(pixels)
        self.points, self.described = _keypoints(self.pixels)
        self.mirrored_points, self.mirrored_described = _keypoints(self.mirrored)

    @property
    def mirrored(self) -> Pixels:
        """The pixels with left and right exchanged."""
        return np.ascontiguousarray(self.pixels[:, ::-1])


def same(one: Sketch, other: Sketch) -> Same | None:
    """Say how one picture lies on the other, or None where they are two.

    Parameters
    ----------
    one, other : Sketch
    """
    for mirrored in (False, True):
        pixels = other.mirrored if mirrored else other.pixels
        for matrix, matches in _ways(one, other, mirrored):
            changed = _changed(one.pixels, pixels, matrix)
            if changed is not None:
                return Same(
                    mirrored=mirrored,
                    matches=matches,
                    turn=float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))),
                    scale=float(np.hypot(matrix[0, 0], matrix[1, 0])),
                    changed=changed,
                )
    return None


def trimmed(pixels: Pixels) -> Pixels:
    """Cut off a border of one colour; a picture that is all border stays whole.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
    """
    far = (np.abs(pixels.astype(np.int16) - pixels[0, 0]) > 12).any(axis=2)
    rows, columns = np.flatnonzero(far.any(axis=1)), np.flatnonzero(far.any(axis=0))
    if not len(rows):
        return pixels
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _sized(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    share = SIDE / max(height, width)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    how = cv2.INTER_AREA if share < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=how), dtype=np.uint8)


def _keypoints(pixels: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    framed = cv2.copyMakeBorder(grey, 16, 16, 16, 16, cv2.BORDER_REPLICATE)
    detector: Any = cv2.SIFT.create(nfeatures=KEYPOINTS, contrastThreshold=0.02)
    points, described = detector.detectAndCompute(framed, None)
    if described is None:
        return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
    places = np.array([point.pt for point in points], dtype=np.float32) - 16
    rooted = np.sqrt(described / np.maximum(described.sum(axis=1, keepdims=True), 1e-6))
    return places, rooted.astype(np.float32)


def _ways(one: Sketch, other: Sketch, mirrored: bool) -> Iterator[tuple[Matrix, int]]:
    """Yield how `other` may lie on `one`: as it is, framed away, or as the keypoints say."""
    height, width = one.pixels.shape[:2]
    its_height, its_width = other.pixels.shape[:2]
    if abs(height / width - its_height / its_width) < 0.05:
        yield np.array([[width / its_width, 0, 0], [0, height / its_height, 0]], dtype=float), 0
    points = other.mirrored_points if mirrored else other.points
    described = other.mirrored_described if mirrored else other.described
    if min(len(points), len(one.points)) < LEAST_MATCHES:
        return
    near = one.described @ described.T  # of unit vectors: 1 is equal
    best = near.argmax(axis=1)
    at = np.arange(len(near))
    first = near[at, best]
    near[at, best] = -1
    distances = np.sqrt(np.maximum(2 - 2 * np.stack([first, near.max(axis=1)]), 0))
    good = distances[0] < _RATIO * distances[1] + 1e-6
    if good.sum() < LEAST_MATCHES:
        return
    matrix, inliers = cv2.estimateAffinePartial2D(
        points[best[good]],
        one.points[good],
        method=cv2.RANSAC,
        ransacReprojThreshold=_WITHIN,
        maxIters=500,
        confidence=0.995,
    )
    if matrix is None or not np.isfinite(matrix).all():
        return
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    turn = abs(float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))))
    matches = int(inliers.sum())
    if matches >= LEAST_MATCHES and 1 / MOST_SCALE <= scale <= MOST_SCALE and turn <= MOST_TURN:
        yield matrix, matches


def _changed(one: Pixels, other: Pixels, matrix: Matrix) -> float | None:
    """Return the share of the overlap that differs, or None where it is another picture."""
    height, width = one.shape[:2]
    laid: Any = cv2.warpAffine(other, matrix, (width, height), flags=cv2.INTER_LINEAR)
    there = cv2.warpAffine(np.full(other.shape[:2], 255, np.uint8), matrix, (width, height))
    inside = cv2.erode((there > 250).astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    scale = abs(float(np.linalg.det(matrix[:, :2])))
    smaller = min(height * width, other.shape[0] * other.shape[1] * scale)
    if inside.sum() < LEAST_OVERLAP * smaller or not _alike(one, laid, inside):
        return None
    found = [_difference(one, laid, inside), _difference(laid, one, inside)]
    allowed = [written for written, thick in found if thick <= REPAINTED and written <= WRITTEN]
    return min(allowed) if allowed else None


def _alike(one: Pixels, laid: Pixels, inside: NDArray[np.bool_]) -> bool:
    """Say, from a few pixels, whether it is worth looking at all of them.

    There must be something to see in the overlap, for plain areas match anything, and light and
    dark must be in the same places.
    """
    few = inside[::4, ::4]
    a, b = (each[::4, ::4][few].astype(np.float32) @ _GREY for each in (one, laid))
    if len(a) < 100 or min(a.std(), b.std()) < PLAIN:
        return False
    return bool(np.corrcoef(a, b)[0, 1] >= LEAST_ALIKE)


def _difference(one: Pixels, laid: Pixels, inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the shares of the overlap that differ at all, and that differ in thick patches.

    One is made as bright and as contrasted as the other first. A pixel may lie one off: it differs
    by what it is outside the range of the nine around it.
    """
    lit = _lit(laid, one, inside)
    around = np.ones((3, 3), np.uint8)
    # OpenCV's overloads do not know float images of three channels.
    low: Any = cv2.erode(lit, around)
    high: Any = cv2.dilate(lit, around)
    values = cv2.blur(one.astype(np.float32), (2, 2))
    red, green, blue = cv2.split(np.maximum(values - high, low - values))
    outside = np.maximum(np.maximum(red, green), blue)
    differs = (outside > LEVELS) & inside
    tinted = ((outside > TINT) & inside).astype(np.uint8)
    thick = cv2.morphologyEx(tinted, cv2.MORPH_OPEN, np.ones((THICK, THICK), np.uint8))
    return float(differs.sum() / inside.sum()), float(thick.sum() / inside.sum())


def _lit(laid: Pixels, like: Pixels, inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Fit one brightness and one contrast for all channels, three times, without outliers.

    What was made too bright or too dark was cut at a level of its own: the target's highest and
    lowest levels bound what is fitted, and pixels at them do not take part.
    """
    values, target = laid.astype(np.float32), like.astype(np.float32)
    few = np.flatnonzero(inside)[::7]  # enough to fit two numbers
    x, y = (each.reshape(-1, 3)[few].ravel() for each in (values, target))
    floor, ceiling = (float(each) for each in np.quantile(y, (0.005, 0.995)))
    between = (y > floor + 3) & (y < ceiling - 3)
    kept = between if between.sum() > 100 else np.ones_like(between)
    gain, offset = 1.0, 0.0
    for _ in range(3):
        a, b = x[kept], y[kept]
        spread = float(a.var())
        if spread < 1:
            break
        gain = float(np.clip(((a - a.mean()) * (b - b.mean())).mean() / spread, 0.4, 2.5))
        offset = float(b.mean() - gain * a.mean())
        off = np.abs(np.clip(gain * x + offset, floor, ceiling) - y)
        near = off <= max(10.0, float(np.quantile(off, 0.8)))
        kept = near & between if (near & between).sum() > 100 else near
    lit: NDArray[np.float32] = np.clip(gain * values + offset, floor, ceiling).astype(np.float32)
    return lit
