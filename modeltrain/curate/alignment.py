"""Whether two images are near-duplicates: aligned on each other, their pixels must agree.

Hashes and features find images that look alike; this module decides. An image in other colours (a
skin tone, a flag) is a different image, however alike the two are. A copy that was cropped,
rotated, mirrored, framed, brightened, sharpened, made grey or written on is a near-duplicate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

Pixels = NDArray[np.uint8]
Matrix = NDArray[np.float64]
Box = tuple[int, int, int, int]

SIDE = 256  # pixels of the longer side, at which images are compared
KEYPOINTS = 400
MAX_SCALE = 2.0
MAX_ROTATION = 25.0  # degrees
MIN_MATCHES = 6
MIN_OVERLAP = 0.5  # of the smaller image
MIN_CONTRAST = 4.0  # levels, as a standard deviation; a plainer overlap is no evidence
MIN_CORRELATION = 0.7  # of grey levels
CHANGED_LEVELS = 26  # of 255; a pixel that differs by more has changed
RECOLOURED_LEVELS = 6  # of 255; a thick patch that differs by more has another colour
MAX_CHANGED = 0.2  # of the overlap; thin changes, such as letters
MAX_RECOLOURED = 0.0008  # of the overlap; changes too thick for letters
BLUR = 2.0  # pixels, as a standard deviation
GREY_LEVELS = 8  # of 255; in a grey image, the channels of nearly all pixels differ by less
MAX_GAIN = 2.5  # of contrast
PATCH_SIDE = 5  # pixels; a change at least this thick is a patch

_GREY = np.full(3, 1 / 3, dtype=np.float32)
_SAMPLED = 127  # one pixel of so many is enough to fit two numbers
_EXTREME = 0.001  # of the levels; how few may lie beyond the bounds
_SAME_SHAPE = 0.05  # difference of height / width
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
        # An image that was enlarged to SIDE is compared at the sharpness that it has.
        self.blur = max(BLUR, SIDE / max(pixels.shape[:2]))
        self.is_grey = is_grey(self.pixels)
        self.boxes = [(0, 0, *self.pixels.shape[:2]), _inner_box(self.pixels)]
        self.points, self.descriptors = _keypoints(self.pixels)
        self.mirrored_points, self.mirrored_descriptors = _keypoints(self.mirrored)

    @property
    def mirrored(self) -> Pixels:
        """The pixels with left and right exchanged."""
        return np.ascontiguousarray(self.pixels[:, ::-1])


def align(first: KeypointImage, second: KeypointImage) -> Alignment | None:
    """Return how the second image lies on the first, or None if they are not near-duplicates.

    An image is a near-duplicate of itself, and the order of the images makes no difference.

    Parameters
    ----------
    first, second : KeypointImage
    """
    if np.array_equal(first.pixels, second.pixels):
        return Alignment(mirrored=False, matches=0, rotation=0.0, scale=1.0, changed=0.0)
    if first.pixels.tobytes() < second.pixels.tobytes():
        return _align_in_order(first, second)
    inverse = _align_in_order(second, first)
    if inverse is None:
        return None
    # A mirror image turns the other way.
    rotation = inverse.rotation if inverse.mirrored else -inverse.rotation
    return replace(inverse, rotation=rotation, scale=1 / inverse.scale)


def _align_in_order(first: KeypointImage, second: KeypointImage) -> Alignment | None:
    blur = max(first.blur, second.blur)
    # Grey tells fewer images apart, so a grey copy must also be as bright as its original.
    in_grey = first.is_grey != second.is_grey
    max_gain = 1.0 if in_grey else MAX_GAIN
    for mirrored in (False, True):
        pair = first.pixels, second.mirrored if mirrored else second.pixels
        target, pixels = map(_to_grey, pair) if in_grey else pair
        for matrix, matches in _candidate_transforms(first, second, mirrored):
            changed = _changed_share(target, pixels, matrix, blur, max_gain)
            if changed is not None:
                return Alignment(
                    mirrored=mirrored,
                    matches=matches,
                    rotation=float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))),
                    scale=float(np.hypot(matrix[0, 0], matrix[1, 0])),
                    changed=changed,
                )
    return None


def _to_grey(pixels: Pixels) -> Pixels:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.merge([grey, grey, grey]), dtype=np.uint8)


def is_grey(pixels: Pixels) -> bool:
    """Say whether nearly all pixels are grey.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
    """
    return bool(np.quantile(np.ptp(pixels, axis=2), 0.99) < GREY_LEVELS)


def trim_border(pixels: Pixels) -> Pixels:
    """Cut off a border of one colour; an image that is all border stays whole.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
    """
    top, left, bottom, right = _inner_box(pixels)
    return pixels[top:bottom, left:right]


def _inner_box(pixels: Pixels) -> Box:
    """Return the top, left, bottom and right of what is inside a border of one colour."""
    inner = (np.abs(pixels.astype(np.int16) - pixels[0, 0]) > 12).any(axis=2)
    rows, columns = np.flatnonzero(inner.any(axis=1)), np.flatnonzero(inner.any(axis=0))
    if not len(rows):
        return 0, 0, *pixels.shape[:2]
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


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
    """Yield how `second` may lie on `first`: edge to edge, without borders, or by keypoints."""
    width = second.pixels.shape[1]
    for top, left, bottom, right in dict.fromkeys(first.boxes):
        for box in dict.fromkeys(second.boxes):
            second_top, second_left, second_bottom, second_right = box
            if mirrored:
                second_left, second_right = width - second_right, width - second_left
            x_scale = (right - left) / (second_right - second_left)
            y_scale = (bottom - top) / (second_bottom - second_top)
            shape = (bottom - top) / (right - left)
            if abs(shape - shape * x_scale / y_scale) < _SAME_SHAPE:
                x, y = left - x_scale * second_left, top - y_scale * second_top
                yield np.array([[x_scale, 0, x], [0, y_scale, y]]), 0
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


def _changed_share(
    first: Pixels, second: Pixels, matrix: Matrix, blur: float, max_gain: float
) -> float | None:
    """Return the share of the overlap that differs, or None if too much of it does."""
    height, width = first.shape[:2]
    warped: Any = cv2.warpAffine(second, matrix, (width, height), flags=cv2.INTER_LINEAR)
    cover = cv2.warpAffine(np.full(second.shape[:2], 255, np.uint8), matrix, (width, height))
    overlap = cv2.erode((cover > 250).astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    scale = abs(float(np.linalg.det(matrix[:, :2])))
    smaller = min(height * width, second.shape[0] * second.shape[1] * scale)
    if overlap.sum() < MIN_OVERLAP * smaller or not _looks_alike(first, warped, overlap):
        return None
    for target, fitted in ((first, warped), (warped, first)):
        changed, recoloured = _difference(target, fitted, overlap, blur, max_gain)
        if recoloured <= MAX_RECOLOURED and changed <= MAX_CHANGED:
            return changed
    return None


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


def _difference(
    first: Pixels, second: Pixels, overlap: NDArray[np.bool_], blur: float, max_gain: float
) -> tuple[float, float]:
    """Return the shares of the overlap that differ at all, and that differ in thick patches.

    The second image is first adjusted to the brightness and contrast of the first. A pixel counts
    only if it also differs once both images are blurred: sharpening changes edges, but not the
    average around them.
    """
    values, adjusted, gain = _match_brightness(first, second, overlap, max_gain)
    outside = np.minimum(
        _outside(cv2.blur(values, (2, 2)), adjusted),
        _outside(cv2.GaussianBlur(values, (0, 0), blur), cv2.GaussianBlur(adjusted, (0, 0), blur)),
    )
    outside /= min(gain, 1)  # in levels of whichever has more contrast
    changed = (outside > CHANGED_LEVELS) & overlap
    recoloured = ((outside > RECOLOURED_LEVELS) & overlap).astype(np.uint8)
    patch = np.ones((PATCH_SIDE, PATCH_SIDE), np.uint8)
    patches = cv2.morphologyEx(recoloured, cv2.MORPH_OPEN, patch)
    return float(changed.sum() / overlap.sum()), float(patches.sum() / overlap.sum())


def _outside(values: Any, others: Any) -> NDArray[np.float32]:
    """Return how far each pixel is outside the range of the nine pixels around it in the others.

    A pixel may thus be one off its place. Of the three channels the farthest counts.
    """
    neighbourhood = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(others, neighbourhood), cv2.dilate(others, neighbourhood)
    red, green, blue = cv2.split(np.maximum(values - high, low - values))
    outside: NDArray[np.float32] = np.maximum(np.maximum(red, green), blue)
    return outside


def _match_brightness(
    target: Pixels, pixels: Pixels, overlap: NDArray[np.bool_], max_gain: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Return the target, pixels fitted to it by one brightness and contrast, and the contrast.

    An image that was made too bright or too dark is clipped at its own levels: both are therefore
    bounded by the target's highest and lowest levels, in the fit as well. With a `max_gain` of 1,
    nothing is fitted.
    """
    target_values, values = target.astype(np.float32), pixels.astype(np.float32)
    sample = np.flatnonzero(overlap)[::_SAMPLED]
    x, y = (levels.reshape(-1, 3)[sample].ravel() for levels in (values, target_values))
    floor, ceiling = (float(level) for level in np.quantile(y, (_EXTREME, 1 - _EXTREME)))
    if max_gain == 1:
        return np.clip(target_values, floor, ceiling), np.clip(values, floor, ceiling), 1.0
    y = np.clip(y, floor, ceiling)

    def residuals(fit: NDArray[np.float64]) -> Any:
        return np.clip(fit[0] * x + fit[1], floor, ceiling) - y

    gain = float(np.clip(y.std() / max(float(x.std()), 1.0), 1.01 / max_gain, 0.99 * max_gain))
    fit = least_squares(
        residuals,
        (gain, float(y.mean() - gain * x.mean())),
        bounds=((1 / max_gain, -np.inf), (max_gain, np.inf)),
        x_scale=(0.1, 10.0),
        loss="cauchy",
        f_scale=5.0,
        max_nfev=30,
    )
    gain, offset = map(float, fit.x)
    return (
        np.clip(target_values, floor, ceiling),
        np.clip(gain * values + offset, floor, ceiling),
        gain,
    )
