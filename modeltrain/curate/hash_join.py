"""All pairs of 256-bit hashes that differ in few bits, found without comparing all with all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

_BANDS = 16  # of 16 bits each
EXACT_WITHIN = 2 * _BANDS - 1
_AT_ONCE = 2_000_000  # candidates; bounds memory, whatever the hashes

Places = NDArray[np.int64]


def pairs(hashes: NDArray[np.uint8], *, within: int = EXACT_WITHIN) -> NDArray[np.int64]:
    """Return every pair of hashes that differ in at most so many bits.

    Hashes are cut into 16 bands of 16 bits. Two that differ in at most 31 bits have a band in which
    they differ in at most one, so looking up each band and its 16 neighbours misses none (Norouzi,
    Punjani and Fleet, "Fast Exact Search in Hamming Space with Multi-Index Hashing", 2014). Bands
    are looked up side by side, one thread for each core. Equal hashes are looked up once.

    Parameters
    ----------
    hashes : numpy.ndarray of uint8, shape [n, 32]
    within : int
        Bits, 0 to 31.

    Returns
    -------
    numpy.ndarray of int64, shape [pairs, 3]
        Two places, the lower first, and how many bits differ; sorted. Of equal hashes, each is
        paired with the first of them only, and only that one with others: their number is not
        squared.

    Raises
    ------
    ValueError
        When `within` is more than is exact.
    """
    if not 0 <= within <= EXACT_WITHIN:
        raise ValueError(
            f"Hashes can be joined within 0 to {EXACT_WITHIN} bits. Received: {within}. "
            "Ask for fewer."
        )
    if not len(hashes):
        return np.empty((0, 3), dtype=np.int64)
    kinds, first, kind_of = np.unique(hashes, axis=0, return_index=True, return_inverse=True)
    words = np.ascontiguousarray(kinds).view(np.uint64)
    bands = np.ascontiguousarray(kinds).view(np.uint16)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found = list(threads.map(lambda band: _near(words, band, within), bands.T))
    joined = np.unique(np.concatenate(found), axis=0)
    near = np.column_stack([first[joined[:, 0]], first[joined[:, 1]], joined[:, 2]])
    repeated = np.flatnonzero(first[kind_of.ravel()] != np.arange(len(hashes)))
    equal = np.column_stack([first[kind_of.ravel()[repeated]], repeated, np.zeros(len(repeated))])
    both = np.concatenate([near, equal]).astype(np.int64)
    both[:, :2] = np.sort(both[:, :2], axis=1)
    return both[np.lexsort((both[:, 1], both[:, 0]))]


def _near(words: NDArray[np.uint64], band: NDArray[np.uint16], within: int) -> Places:
    """Return the pairs that are equal or differ in one bit in this band, and in few bits in all."""
    out = []
    for a, b in _candidates(band):
        half = np.bitwise_count(words[a, :2] ^ words[b, :2]).sum(axis=1, dtype=np.int64)
        few = half <= within
        a, b = a[few], b[few]
        rest = np.bitwise_count(words[a, 2:] ^ words[b, 2:]).sum(axis=1, dtype=np.int64)
        differ = half[few] + rest
        near = differ <= within
        out.append(np.column_stack([a[near], b[near], differ[near]]))
    return np.concatenate(out) if out else np.empty((0, 3), dtype=np.int64)


def _candidates(band: NDArray[np.uint16]) -> Iterator[tuple[Places, Places]]:
    """Yield pairs of places whose 16 bits are equal or differ in one, each pair once."""
    order = np.argsort(band, kind="stable")
    values = band[order].astype(np.int64)
    counts = np.bincount(values, minlength=1 << 16)
    starts = np.cumsum(counts) - counts
    places = np.arange(len(band))
    # Equal: each with those after it in its bucket.
    yield from _with(order, places, places + 1, starts[values] + counts[values] - places - 1)
    for bit in range(16):
        low = places[(values >> bit) & 1 == 0]
        other = values[low] | (1 << bit)
        yield from _with(order, low, starts[other], counts[other])


def _with(
    order: Places, items: Places, starts: Places, counts: Places
) -> Iterator[tuple[Places, Places]]:
    """Yield each item's place with those of `counts` items from `starts` on, some at a time."""
    ends = np.cumsum(counts)
    done = 0
    while done < len(items):
        base = ends[done - 1] if done else 0
        stop = max(int(np.searchsorted(ends, base + _AT_ONCE, side="right")), done + 1)
        many = counts[done:stop]
        within = np.arange(ends[stop - 1] - base) - np.repeat(ends[done:stop] - many - base, many)
        partners = order[np.repeat(starts[done:stop], many) + within]
        owners = order[np.repeat(items[done:stop], many)]
        yield np.minimum(owners, partners), np.maximum(owners, partners)
        done = stop
