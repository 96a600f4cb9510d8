"""Whether two images are near-duplicates: aligned on each other, their pixels must agree.

Hashes and features find images that look alike; this module decides. An image in other colours (a
skin tone, a flag) is a different image, however alike the two are. A copy that was cropped,
rotated, mirrored, framed, brightened or written on is a near-duplicate.
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

SIDE = 256  # pixels of the longer side, at which images are compared
KEYPOINTS = 400
MAX_SCALE = 2.0
MAX_ROTATION = 25.0  # degrees
MIN_MATCHES = 6
MIN_OVERLAP = 0.5  # of the smaller image
MIN_CONTRAST = 4.0  # levels, as a standard deviation; a plainer overlap is no evidence
MIN_CORRELATION = 0.7  # of grey levels
CHANGED_LEVELS = 26  # of 255; a pixel that differs by more has changed
RECOLOURED_LEVELS = 11  # of 255; a thick patch that differs by more has another colour
MAX_CHANGED = 0.2  # of the overlap; thin changes, such as letters
MAX_RECOLOURED = 0.0008  # of the overlap; changes too thick for letters
PATCH_SIDE = 5  # pixels; a change at least this thick is a patch

_GREY = np.full(3, 1 / 3, dtype=np.float32)
_RATIO = 0.8  # Lowe, "Distinctive Image Features from Scale-Invariant Keypoints" (2004), 7.1
_REPROJECTION_PIXELS = 4.0  # between a match and where the other matches predict it


@dataclass(frozen=True)
class Alignment:
    """How one image lies on a near-duplicate of it.

    Attributes
    ----------
    mirrored : bool
    matches : int
        Keypoints that agree on the alignment; 0 if the images align without any.
    rotation : float
        Degrees.
    scale : float
    changed : float
        Share of the overlap that differs.
    """

    mirrored: bool
    matches: int
    rotation: float
    scale: float
    changed: float


class KeypointImage:
    """An image at comparison size with its keypoints, which `align` needs.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
    """

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = _resize(pixels)
        self.points, self.descriptors = _keypoints(self.pixels)
        self.mirrored_points, self.mirrored_descriptors = _keypoints(self.mirrored)

    @property
    def mirrored(self) -> Pixels:
        """The pixels with left and right exchanged."""
        return np.ascontiguousarray(self.pixels[:, ::-1])


def align(first: KeypointImage, second: KeypointImage) -> Alignment | None:
    """Return how the second image lies on the first, or None if they are not near-duplicates.

    Parameters
    ----------
    first, second : KeypointImage
    """
    for mirrored in (False, True):
        pixels = second.mirrored if mirrored else second.pixels
        for matrix, matches in _candidate_transforms(first, second, mirrored):
            changed = _changed_share(first.pixels, pixels, matrix)
            if changed is not None:
                return Alignment(
                    mirrored=mirrored,
                    matches=matches,
                    rotation=float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))),
                    scale=float(np.hypot(matrix[0, 0], matrix[1, 0])),
                    changed=changed,
                )
    return None


def trim_border(pixels: Pixels) -> Pixels:
    """Cut off a border of one colour; an image that is all border stays whole.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
    """
    inner = (np.abs(pixels.astype(np.int16) - pixels[0, 0]) > 12).any(axis=2)
    rows, columns = np.flatnonzero(inner.any(axis=1)), np.flatnonzero(inner.any(axis=0))
    if not len(rows):
        return pixels
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _resize(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=interpolation), dtype=np.uint8)


def _keypoints(pixels: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    framed = cv2.copyMakeBorder(grey, 16, 16, 16, 16, cv2.BORDER_REPLICATE)
    detector: Any = cv2.SIFT.create(nfeatures=KEYPOINTS, contrastThreshold=0.02)
    points, descriptors = detector.detectAndCompute(framed, None)
    if descriptors is None:
        return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
    coordinates = np.array([point.pt for point in points], dtype=np.float32) - 16
    # RootSIFT: Arandjelović and Zisserman, "Three things everyone should know" (2012)
    roots = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6))
    return coordinates, roots.astype(np.float32)


def _candidate_transforms(
    first: KeypointImage, second: KeypointImage, mirrored: bool
) -> Iterator[tuple[Matrix, int]]:
    """Yield how `second` may lie on `first`: edge to edge, or as the keypoints say."""
    height, width = first.pixels.shape[:2]
    second_height, second_width = second.pixels.shape[:2]
    if abs(height / width - second_height / second_width) < 0.05:
        scales = width / second_width, height / second_height
        yield np.array([[scales[0], 0, 0], [0, scales[1], 0]], dtype=float), 0
    points = second.mirrored_points if mirrored else second.points
    descriptors = second.mirrored_descriptors if mirrored else second.descriptors
    if min(len(points), len(first.points)) < MIN_MATCHES:
        return
    similarity = first.descriptors @ descriptors.T  # of unit vectors: 1 is equal
    nearest = similarity.argmax(axis=1)
    indices = np.arange(len(similarity))
    best = similarity[indices, nearest]
    similarity[indices, nearest] = -1
    distances = np.sqrt(np.maximum(2 - 2 * np.stack([best, similarity.max(axis=1)]), 0))
    distinct = distances[0] < _RATIO * distances[1] + 1e-6
    if distinct.sum() < MIN_MATCHES:
        return
    matrix, inliers = cv2.estimateAffinePartial2D(
        points[nearest[distinct]],
        first.points[distinct],
        method=cv2.RANSAC,
        ransacReprojThreshold=_REPROJECTION_PIXELS,
        maxIters=500,
        confidence=0.995,
    )
    if matrix is None or not np.isfinite(matrix).all():
        return
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    rotation = abs(float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))))
    matches = int(inliers.sum())
    if matches >= MIN_MATCHES and 1 / MAX_SCALE <= scale <= MAX_SCALE and rotation <= MAX_ROTATION:
        yield matrix, matches


def _changed_share(first: Pixels, second: Pixels, matrix: Matrix) -> float | None:
    """Return the share of the overlap that differs, or None if too much of it does."""
    height, width = first.shape[:2]
    warped: Any = cv2.warpAffine(second, matrix, (width, height), flags=cv2.INTER_LINEAR)
    cover = cv2.warpAffine(np.full(second.shape[:2], 255, np.uint8), matrix, (width, height))
    overlap = cv2.erode((cover > 250).astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    scale = abs(float(np.linalg.det(matrix[:, :2])))
    smaller = min(height * width, second.shape[0] * second.shape[1] * scale)
    if overlap.sum() < MIN_OVERLAP * smaller or not _looks_alike(first, warped, overlap):
        return None
    differences = [_difference(first, warped, overlap), _difference(warped, first, overlap)]
    accepted = [
        changed
        for changed, recoloured in differences
        if recoloured <= MAX_RECOLOURED and changed <= MAX_CHANGED
    ]
    return min(accepted) if accepted else None


def _looks_alike(first: Pixels, warped: Pixels, overlap: NDArray[np.bool_]) -> bool:
    """Say, from a sample of pixels, whether comparing all of them is worthwhile.

    The overlap must show something, because plain areas match anything, and light and dark must be
    in the same places.
    """
    sampled = overlap[::4, ::4]
    a, b = (pixels[::4, ::4][sampled].astype(np.float32) @ _GREY for pixels in (first, warped))
    if len(a) < 100 or min(a.std(), b.std()) < MIN_CONTRAST:
        return False
    return bool(np.corrcoef(a, b)[0, 1] >= MIN_CORRELATION)


def _difference(first: Pixels, second: Pixels, overlap: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the shares of the overlap that differ at all, and that differ in thick patches.

    The second image is first adjusted to the brightness and contrast of the first. A pixel may be
    one off its place: it differs by how far it is outside the range of the nine pixels around it.
    """
    adjusted = _match_brightness(second, first, overlap)
    neighbourhood = np.ones((3, 3), np.uint8)
    # OpenCV's overloads do not know float images of three channels.
    low: Any = cv2.erode(adjusted, neighbourhood)
    high: Any = cv2.dilate(adjusted, neighbourhood)
    values = cv2.blur(first.astype(np.float32), (2, 2))
    red, green, blue = cv2.split(np.maximum(values - high, low - values))
    outside = np.maximum(np.maximum(red, green), blue)
    changed = (outside > CHANGED_LEVELS) & overlap
    recoloured = ((outside > RECOLOURED_LEVELS) & overlap).astype(np.uint8)
    patch = np.ones((PATCH_SIDE, PATCH_SIDE), np.uint8)
    patches = cv2.morphologyEx(recoloured, cv2.MORPH_OPEN, patch)
    return float(changed.sum() / overlap.sum()), float(patches.sum() / overlap.sum())


def _match_brightness(
    pixels: Pixels, target: Pixels, overlap: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Fit one brightness and one contrast for all channels, three times, without outliers.

    An image that was made too bright or too dark is clipped at its own levels: the target's highest
    and lowest levels therefore bound the result, and pixels at those levels are not fitted.
    """
    values, target_values = pixels.astype(np.float32), target.astype(np.float32)
    sample = np.flatnonzero(overlap)[::7]  # enough to fit two numbers
    x, y = (levels.reshape(-1, 3)[sample].ravel() for levels in (values, target_values))
    floor, ceiling = (float(level) for level in np.quantile(y, (0.005, 0.995)))
    between = (y > floor + 3) & (y < ceiling - 3)
    fitted = between if between.sum() > 100 else np.ones_like(between)
    gain, offset = 1.0, 0.0
    for _ in range(3):
        a, b = x[fitted], y[fitted]
        variance = float(a.var())
        if variance < 1:
            break
        gain = float(np.clip(((a - a.mean()) * (b - b.mean())).mean() / variance, 0.4, 2.5))
        offset = float(b.mean() - gain * a.mean())
        residuals = np.abs(np.clip(gain * x + offset, floor, ceiling) - y)
        near = residuals <= max(10.0, float(np.quantile(residuals, 0.8)))
        fitted = near & between if (near & between).sum() > 100 else near
    adjusted: NDArray[np.float32] = np.clip(gain * values + offset, floor, ceiling).astype(
        np.float32
    )
    return adjusted
