"""Near-duplicates: candidates found by hashes and by features, then confirmed by alignment.

Hashes find images that were re-encoded, resized, framed, mirrored or rotated by quarter turns;
whitened features find the rest. Both also find images that merely look alike, so a pair counts only
once its images have been aligned.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import faiss
import numpy as np
import pdqhash
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from threadpoolctl import threadpool_limits

from modeltrain.curate import alignment, hash_join
from modeltrain.curate.alignment import Alignment, KeypointImage, Pixels
from modeltrain.images.hashing import MIN_QUALITY
from modeltrain.progress import ProgressCallback, quiet

NEIGHBOURS = 12
MAX_DIRECTIONS = 192
IMAGES_PER_DIRECTION = 6
MIN_SIMILARITY = 0.3  # cosine of whitened features
_CACHED_IMAGES = 4000  # with their keypoints, about half a megabyte each
_BATCH = 512

ReadPixels = Callable[[int], Pixels]


@dataclass(frozen=True)
class DuplicatePair:
    """Two images that are near-duplicates.

    Attributes
    ----------
    first, second : int
        Indices of the images, the lower one first.
    alignment : Alignment
        How the second image lies on the first.
    """

    first: int
    second: int
    alignment: Alignment


def find(
    read_pixels: ReadPixels,
    count: int,
    features: NDArray[np.float32],
    *,
    progress: ProgressCallback = quiet,
) -> list[DuplicatePair]:
    """Find all pairs of near-duplicates.

    Parameters
    ----------
    read_pixels : callable
        From an image's index, 0 to count − 1, to its pixels: uint8 [height, width, 3].
    count : int
    features : numpy.ndarray of float32, shape [count, f]
        From the base of a model.
    progress : callable
        Called with the number of images hashed, then of pairs aligned.

    Returns
    -------
    list of DuplicatePair
        Sorted.
    """
    by_hash = candidates_by_hash(read_pixels, count, progress=progress)
    candidates = np.unique(np.concatenate([by_hash, candidates_by_features(features)]), axis=0)
    keypoint_image = lru_cache(_CACHED_IMAGES)(lambda index: KeypointImage(read_pixels(index)))

    def confirm(candidate: NDArray[np.int64]) -> DuplicatePair | None:
        first, second = map(int, candidate)
        aligned = alignment.align(keypoint_image(first), keypoint_image(second))
        return DuplicatePair(first, second, aligned) if aligned else None

    pairs: list[DuplicatePair] = []
    # One pair per core: inner threads would only wait for each other.
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as threads:
        for start in range(0, len(candidates), _BATCH):
            batch = candidates[start : start + _BATCH]
            pairs += [pair for pair in threads.map(confirm, batch) if pair]
            done = start + len(batch)
            progress("aligning", done, len(candidates), "Aligning images")
    return pairs


def candidates_by_hash(
    read_pixels: ReadPixels, count: int, *, progress: ProgressCallback = quiet
) -> NDArray[np.int64]:
    """Return pairs whose PDQ hashes are near, also when mirrored, rotated or without a border.

    Parameters
    ----------
    read_pixels, count, progress
        As for `find`.

    Returns
    -------
    numpy.ndarray of int64, shape [pairs, 2]
        Indices, the lower one first. Images too plain for a distinctive hash are left to
        `candidates_by_features`.
    """
    hashes: list[NDArray[np.uint8]] = []
    owners: list[int] = []

    def hash_image(index: int) -> list[NDArray[np.uint8]]:
        pixels = read_pixels(index)
        inner = alignment.trim_border(pixels)
        views = [pixels] if inner.shape == pixels.shape else [pixels, inner]
        return [view_hash for view in views for view_hash in _dihedral_hashes(view)]

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for index, image_hashes in enumerate(threads.map(hash_image, range(count))):
            hashes += image_hashes
            owners += [index] * len(image_hashes)
            if index % 50 == 49 or index == count - 1:
                progress("hashing", index + 1, count, "Hashing")
    if not hashes:
        return np.empty((0, 2), dtype=np.int64)
    near = hash_join.pairs(np.stack(hashes))
    pairs = np.sort(np.array(owners, dtype=np.int64)[near[:, :2]], axis=1)
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)


def _dihedral_hashes(pixels: Pixels) -> list[NDArray[np.uint8]]:
    """Return the hashes of an image and its mirror image, both in all quarter turns."""
    vectors, quality = pdqhash.compute_dihedral(np.ascontiguousarray(pixels))
    if quality < MIN_QUALITY:
        return []
    return [np.packbits(np.asarray(vector, dtype=np.uint8)) for vector in vectors]


def candidates_by_features(
    features: NDArray[np.float32], *, neighbours: int = NEIGHBOURS
) -> NDArray[np.int64]:
    """Return each image with its nearest neighbours by whitened features, if they are near at all.

    Pooled features of different images are almost parallel; whitening removes what they share
    (Jégou and Chum, "Negative evidences and co-occurrences in image retrieval", 2012).

    Parameters
    ----------
    features : numpy.ndarray of float32, shape [n, f]
    neighbours : int
        Per image, at most.

    Returns
    -------
    numpy.ndarray of int64, shape [pairs, 2]
        Indices, the lower one first.
    """
    count = len(features)
    if count < 2:
        return np.empty((0, 2), dtype=np.int64)
    whitened = np.ascontiguousarray(whiten(features))
    index = faiss.IndexFlatIP(whitened.shape[1])
    index.add(whitened)
    similarity, nearest = index.search(whitened, min(neighbours + 1, count))
    pairs = np.column_stack([np.repeat(np.arange(count), nearest.shape[1]), nearest.ravel()])
    pairs = pairs[(pairs[:, 0] != pairs[:, 1]) & (similarity.ravel() >= MIN_SIMILARITY)]
    candidates: NDArray[np.int64] = np.unique(np.sort(pairs, axis=1), axis=0)
    return candidates


def whiten(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale features so that they vary equally in every direction, then to length 1.

    Directions of the greatest variance are kept, one for every six images and at most 192. With
    nearly as many directions as images, all images would be equally far from each other.

    Parameters
    ----------
    features : numpy.ndarray of float32, shape [n, f]

    Returns
    -------
    numpy.ndarray of float32, shape [n, directions]
    """
    roots = np.sqrt(np.maximum(features, 0))
    centred = roots - roots.mean(axis=0)
    directions = min(MAX_DIRECTIONS, -(-len(features) // IMAGES_PER_DIRECTION), features.shape[1])
    if len(centred) < centred.shape[1]:  # the same directions in less time
        _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
        variances = lengths**2 / len(centred)
    else:
        ascending, columns = np.linalg.eigh(centred.T @ centred / len(centred))
        variances, axes = ascending[::-1], columns.T[::-1]
    scale = np.sqrt(np.maximum(variances[:directions], 1e-9))
    scaled = centred @ (axes[:directions].T / scale)
    length = np.linalg.norm(scaled, axis=1, keepdims=True)
    whitened: NDArray[np.float32] = (scaled / np.maximum(length, 1e-9)).astype(np.float32)
    return whitened


def clusters(pairs: Iterable[tuple[int, int]], count: int) -> list[list[int]]:
    """Join pairs into clusters of near-duplicates.

    Parameters
    ----------
    pairs : iterable of (int, int)
        Indices.
    count : int
        How many images there are.

    Returns
    -------
    list of list of int
        Indices; images without a duplicate are left out.
    """
    indices = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(indices)), tuple(indices.T)), shape=(count, count))
    _, cluster_of = connected_components(graph, directed=False)
    members: dict[int, list[int]] = {}
    for index, cluster in enumerate(cluster_of):
        members.setdefault(int(cluster), []).append(index)
    return [cluster for cluster in members.values() if len(cluster) > 1]
