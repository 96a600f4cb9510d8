"""All pairs of 256-bit hashes that differ in few bits, without comparing every pair."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

_BANDS = 16  # of 16 bits each
MAX_BITS = 2 * _BANDS - 1
_BATCH = 2_000_000  # candidates; bounds the memory, whatever the hashes

Indices = NDArray[np.int64]


def pairs(hashes: NDArray[np.uint8], *, max_bits: int = MAX_BITS) -> NDArray[np.int64]:
    """Return every pair of hashes that differ in at most `max_bits` bits.

    Hashes are cut into 16 bands of 16 bits. Two hashes that differ in at most 31 bits have a band
    in which they differ in at most one, so looking up each band and its 16 neighbours misses no
    pair (Norouzi, Punjani and Fleet, "Fast Exact Search in Hamming Space with Multi-Index
    Hashing", 2014). Bands are searched in parallel, one thread per core. Equal hashes are looked
    up once.

    Parameters
    ----------
    hashes : numpy.ndarray of uint8, shape [n, 32]
    max_bits : int
        0 to 31.

    Returns
    -------
    numpy.ndarray of int64, shape [pairs, 3]
        Two indices, the lower one first, and how many bits differ; sorted. Of equal hashes, each
        is paired only with the first, and only the first with other hashes, so that the number of
        pairs does not grow with its square.

    Raises
    ------
    ValueError
        When `max_bits` is outside the range for which the search is exact.
    """
    if not 0 <= max_bits <= MAX_BITS:
        raise ValueError(
            f"Hashes can be joined within 0 to {MAX_BITS} bits. Received: {max_bits}. "
            "Ask for fewer."
        )
    if not len(hashes):
        return np.empty((0, 3), dtype=np.int64)
    unique, first, unique_of = np.unique(hashes, axis=0, return_index=True, return_inverse=True)
    first_of = first[unique_of.ravel()]
    words = np.ascontiguousarray(unique).view(np.uint64)
    bands = np.ascontiguousarray(unique).view(np.uint16)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        by_band = list(threads.map(lambda band: _near_pairs(words, band, max_bits), bands.T))
    joined = np.unique(np.concatenate(by_band), axis=0)
    near = np.column_stack([first[joined[:, 0]], first[joined[:, 1]], joined[:, 2]])
    repeated = np.flatnonzero(first_of != np.arange(len(hashes)))
    equal = np.column_stack([first_of[repeated], repeated, np.zeros(len(repeated))])
    both = np.concatenate([near, equal]).astype(np.int64)
    both[:, :2] = np.sort(both[:, :2], axis=1)
    return both[np.lexsort((both[:, 1], both[:, 0]))]


def _near_pairs(words: NDArray[np.uint64], band: NDArray[np.uint16], max_bits: int) -> Indices:
    """Return the near pairs whose bits in this band are equal or differ in one place."""
    batches = []
    for a, b in _candidates(band):
        half = np.bitwise_count(words[a, :2] ^ words[b, :2]).sum(axis=1, dtype=np.int64)
        half_near = half <= max_bits
        a, b = a[half_near], b[half_near]
        rest = np.bitwise_count(words[a, 2:] ^ words[b, 2:]).sum(axis=1, dtype=np.int64)
        distances = half[half_near] + rest
        near = distances <= max_bits
        batches.append(np.column_stack([a[near], b[near], distances[near]]))
    return np.concatenate(batches) if batches else np.empty((0, 3), dtype=np.int64)


def _candidates(band: NDArray[np.uint16]) -> Iterator[tuple[Indices, Indices]]:
    """Yield pairs of indices whose 16 bits are equal or differ in one, each pair once."""
    order = np.argsort(band, kind="stable")
    values = band[order].astype(np.int64)
    counts = np.bincount(values, minlength=1 << 16)
    starts = np.cumsum(counts) - counts
    positions = np.arange(len(band))
    # Equal values: each with those after it in its bucket.
    ends = starts[values] + counts[values]
    yield from _pair_with(order, positions, positions + 1, ends - positions - 1)
    for bit in range(16):
        low = positions[(values >> bit) & 1 == 0]
        partner = values[low] | (1 << bit)
        yield from _pair_with(order, low, starts[partner], counts[partner])


def _pair_with(
    order: Indices, items: Indices, starts: Indices, counts: Indices
) -> Iterator[tuple[Indices, Indices]]:
    """Pair each item with the `counts` items that begin at `starts`, and yield them in batches."""
    ends = np.cumsum(counts)
    begin = 0
    while begin < len(items):
        base = ends[begin - 1] if begin else 0
        stop = max(int(np.searchsorted(ends, base + _BATCH, side="right")), begin + 1)
        sizes = counts[begin:stop]
        offsets = np.arange(ends[stop - 1] - base) - np.repeat(
            ends[begin:stop] - sizes - base, sizes
        )
        partners = order[np.repeat(starts[begin:stop], sizes) + offsets]
        owners = order[np.repeat(items[begin:stop], sizes)]
        yield np.minimum(owners, partners), np.maximum(owners, partners)
        begin = stop
