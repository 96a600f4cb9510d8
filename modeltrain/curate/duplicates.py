"""Pictures that are there twice: found by hashes and by features, decided by laying them over.

Hashes find pictures that were stored anew, resized, framed, mirrored or turned by a quarter;
whitened features find the rest. Both also find pictures that are merely alike, so every pair is
laid one over the other before it counts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import faiss
import numpy as np
import pdqhash
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from modeltrain.curate import alignment, hash_join
from modeltrain.curate.alignment import Pixels, Same, Sketch
from modeltrain.images.hashing import MIN_QUALITY
from modeltrain.progress import ProgressCallback, quiet

NEIGHBOURS = 12
DIRECTIONS = 192
LEAST_LIKENESS = 0.3  # cosine of whitened features
_REMEMBERED = 4000  # sketches, of about half a megabyte
_AT_ONCE = 512

Read = Callable[[int], Pixels]


@dataclass(frozen=True)
class DuplicatePair:
    """Two images that are one picture.

    Attributes
    ----------
    one, other : int
        Places of the images, the lower first.
    same : Same
        How the other lies on the one.
    """

    one: int
    other: int
    same: Same


def find(
    read: Read,
    count: int,
    features: NDArray[np.float32],
    *,
    progress: ProgressCallback = quiet,
) -> list[DuplicatePair]:
    """Find the images that are one picture.

    Parameters
    ----------
    read : callable
        From an image's place, 0 to count − 1, to its pixels: uint8 [height, width, 3].
    count : int
    features : numpy.ndarray of float32, shape [count, f]
        Of a model's base.
    progress : callable
        Told of images hashed and pairs laid over each other.

    Returns
    -------
    list of DuplicatePair
        Sorted.
    """
    candidates = np.unique(
        np.concatenate([by_hash(read, count, progress=progress), by_features(features)]), axis=0
    )
    sketch = lru_cache(_REMEMBERED)(lambda at: Sketch(read(at)))

    def judge(pair: NDArray[np.int64]) -> DuplicatePair | None:
        one, other = map(int, pair)
        found = alignment.same(sketch(one), sketch(other))
        return DuplicatePair(one, other, found) if found else None

    pairs: list[DuplicatePair] = []
    # One pair on each core: inner threads would only wait for each other.
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as threads:
        for start in range(0, len(candidates), _AT_ONCE):
            chunk = candidates[start : start + _AT_ONCE]
            pairs += [pair for pair in threads.map(judge, chunk) if pair]
            done = start + len(chunk)
            progress("laying over", done, len(candidates), "Laying pictures over each other")
    return pairs


def by_hash(read: Read, count: int, *, progress: ProgressCallback = quiet) -> NDArray[np.int64]:
    """Return pairs whose PDQ hashes are alike, also mirrored, turned or with the border cut off.

    Parameters
    ----------
    read, count
        As for `find`.

    Returns
    -------
    numpy.ndarray of int64, shape [pairs, 2]
        Places, the lower first. Pictures too plain for their hash to tell them apart are left to
        the features.
    """
    hashes: list[NDArray[np.uint8]] = []
    owners: list[int] = []

    def hashed(at: int) -> list[NDArray[np.uint8]]:
        pixels = read(at)
        inner = alignment.trimmed(pixels)
        views = [pixels] if inner.shape == pixels.shape else [pixels, inner]
        return [each for view in views for each in _turned(view)]

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for at, found in enumerate(threads.map(hashed, range(count))):
            hashes += found
            owners += [at] * len(found)
            if at % 50 == 49 or at == count - 1:
                progress("hashing", at + 1, count, "Hashing")
    if not hashes:
        return np.empty((0, 2), dtype=np.int64)
    joined = hash_join.pairs(np.stack(hashes))
    pairs = np.sort(np.array(owners, dtype=np.int64)[joined[:, :2]], axis=1)
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)


def _turned(pixels: Pixels) -> list[NDArray[np.uint8]]:
    """Return the hashes of a picture, its mirror image, and both in quarter turns."""
    vectors, quality = pdqhash.compute_dihedral(np.ascontiguousarray(pixels))
    if quality < MIN_QUALITY:
        return []
    return [np.packbits(np.asarray(vector, dtype=np.uint8)) for vector in vectors]


def by_features(features: NDArray[np.float32], *, neighbours: int = NEIGHBOURS) -> Any:
    """Return each image's nearest others, by whitened features, where they are near at all.

    Pooled features of different pictures are nearly parallel; whitening takes away what they share
    (Jégou and Chum, "Negative evidences and co-occurrences in image retrieval", 2012).

    Parameters
    ----------
    features : numpy.ndarray of float32, shape [n, f]
    neighbours : int

    Returns
    -------
    numpy.ndarray of int64, shape [pairs, 2]
        Places, the lower first.
    """
    count = len(features)
    if count < 2:
        return np.empty((0, 2), dtype=np.int64)
    whitened = np.ascontiguousarray(whiten(features))
    index = faiss.IndexFlatIP(whitened.shape[1])
    index.add(whitened)
    likeness, near = index.search(whitened, min(neighbours + 1, count))
    pairs = np.column_stack([np.repeat(np.arange(count), near.shape[1]), near.ravel()])
    pairs = pairs[(pairs[:, 0] != pairs[:, 1]) & (likeness.ravel() >= LEAST_LIKENESS)]
    return np.unique(np.sort(pairs, axis=1), axis=0)


def whiten(features: NDArray[np.float32], *, directions: int = DIRECTIONS) -> NDArray[np.float32]:
    """Scale features so that every direction varies equally, and to length 1.

    Parameters
    ----------
    features : numpy.ndarray of float32, shape [n, f]
    directions : int
        The most varied ones are kept.

    Returns
    -------
    numpy.ndarray of float32, shape [n, min(directions, n − 1, f)]
    """
    roots = np.sqrt(np.maximum(features, 0))
    centred = roots - roots.mean(axis=0)
    kept = max(1, min(directions, len(features) - 1, features.shape[1]))
    variances, axes = np.linalg.eigh(centred.T @ centred / len(features))
    scale = np.sqrt(np.maximum(variances[::-1][:kept], 1e-9))
    out = centred @ (axes[:, ::-1][:, :kept] / scale)
    length = np.linalg.norm(out, axis=1, keepdims=True)
    whitened: NDArray[np.float32] = (out / np.maximum(length, 1e-9)).astype(np.float32)
    return whitened


def groups(pairs: Sequence[DuplicatePair], count: int) -> list[list[int]]:
    """Join pairs into groups of images that are one picture; images that are alone are left out."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ones = [pair.one for pair in pairs]
    others = [pair.other for pair in pairs]
    graph = coo_array((np.ones(len(pairs)), (ones, others)), shape=(count, count))
    _, group_of = connected_components(graph, directed=False)
    together: dict[int, list[int]] = {}
    for at, group in enumerate(group_of):
        together.setdefault(int(group), []).append(at)
    return [members for members in together.values() if len(members) > 1]
