"""Is a candidate worse in any of many cells? One test for all of them, by random signs."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.fft import next_fast_len
from scipy.stats import binom

RESAMPLES = 5_000
SEED = 0

_CONVOLVED = 300  # a cell's differences in all, up to which signs are convolved one by one
_FLIPPED = 4_000  # clusters whose signs are flipped one by one; the sum of the others is normal
_BATCH = 500
_TIE = 1e-9  # rounding within which two chances are the same


@dataclass(frozen=True)
class SignFlips:
    """P-values of every cell.

    Attributes
    ----------
    p_values : array of float, shape [cells]
        Of each cell alone: one-sided mid-p.
    adjusted : array of float, shape [cells]
        Of all cells at once: mid-p, which decides.
    exact : array of float, shape [cells]
        The chance that some cell looks as bad as this one, or worse, if no cell is worse. Up to
        twice `adjusted`.
    """

    p_values: NDArray[np.float64]
    adjusted: NDArray[np.float64]
    exact: NDArray[np.float64]


def sign_flips(
    differences: sparse.csc_array, *, resamples: int = RESAMPLES, seed: int = SEED
) -> SignFlips:
    """Test in every cell whether there are more newly wrong than newly right images.

    Were the models equally good, each cluster's differences could as well have the other sign: in
    all cells at once, since a cluster is in several. The smallest p-value of all cells is compared
    with the smallest ones under such flips, step by step. Cells that overlap, or where the models
    hardly disagree, so cost the others little; that is why more is found than by Holm's correction
    with the same promise: no false alarm in any cell with a chance of 95%.

    Small cells have few possible outcomes, and exact p-values waste risk on the steps between
    them. So an outcome as extreme as the observed one counts half (mid-p), in each cell and in the
    comparison of all. Where every cluster is one image, a cell's own p-value is that of McNemar's
    mid-p test. Which order cells and clusters have in the matrix is the caller's matter; cells are
    put into an order of their own first, and equal ones are tested once.

    Sources: P. H. Westfall and S. S. Young (1993), "Resampling-Based Multiple Testing", algorithm
    2.8 (step-down min-p); V. L. Durkalski et al. (2003), "Analysis of clustered matched-pair data",
    Statistics in Medicine 22, 2417–2428, for clusters; M. W. Fagerland et al. (2013), "The McNemar
    test for binary matched-pairs data: mid-p and asymptotic are better than exact conditional", BMC
    Medical Research Methodology 13, 91.

    Parameters
    ----------
    differences : scipy.sparse.csc_array of int, shape [clusters, cells]
        Newly wrong minus newly right images of each cluster in each cell.
    resamples : int
        How many flips of all signs are drawn.
    seed : int
        The same differences and seed give the same p-values.
    """
    differences, cell_of = _distinct(sparse.csc_array(differences))
    starts = differences.indptr
    at_least = [_at_least(differences.data[start:end]) for start, end in pairwise(starts)]
    tails = [_mid_p(chances) for chances in at_least]
    totals = np.asarray(differences.sum(axis=0)).ravel().astype(int)
    reach = np.array([len(tail) // 2 for tail in tails], dtype=int)
    p_values, own_exact = (
        np.array([cell[total + far] for cell, total, far in zip(of, totals, reach, strict=True)])
        for of in (tails, at_least)
    )
    if not differences.nnz:
        return SignFlips(p_values[cell_of], p_values[cell_of], p_values[cell_of])
    order = np.argsort(p_values, kind="stable")
    observed = p_values[order][:, None]
    tie = observed * _TIE + _TIE
    lookup = np.concatenate(tails)
    origin = (np.cumsum([0, *map(len, tails[:-1])]) + reach).astype(np.int32)[:, None]
    furthest, backwards = reach.astype(np.int32)[:, None], order[::-1]
    more_extreme, as_extreme = np.zeros((2, len(order)))
    random = np.random.default_rng(seed)
    flipped_apart, spread = _parted(differences)
    for start in range(0, resamples, _BATCH):
        count = min(_BATCH, resamples - start)
        signs = random.integers(0, 2, (flipped_apart.shape[1], count), dtype=np.int8) * 2 - 1
        flipped = flipped_apart @ signs.astype(np.float32)
        flipped += spread @ random.standard_normal((spread.shape[1], count), dtype=np.float32)
        places = np.clip(np.rint(flipped, out=flipped).astype(np.int32), -furthest, furthest)
        places += origin
        smallest = np.minimum.accumulate(lookup[places[backwards]], axis=0)[::-1]
        more_extreme += np.count_nonzero(smallest < observed - tie, axis=1)
        as_extreme += np.count_nonzero(smallest <= observed + tie, axis=1)
    adjusted, exact = np.empty((2, len(order)))
    mid_p = ((more_extreme + as_extreme) / 2 + 0.5) / (resamples + 1)
    adjusted[order] = np.maximum.accumulate(mid_p)
    exact[order] = np.maximum.accumulate((as_extreme + 1) / (resamples + 1))
    return SignFlips(
        p_values[cell_of],
        np.maximum(adjusted, p_values)[cell_of],
        np.maximum(exact, own_exact)[cell_of],
    )


def _distinct(differences: sparse.csc_array) -> tuple[sparse.csc_array, NDArray[np.intp]]:
    """Return the cells that differ, in an order that only their content decides.

    The second array has, for each cell of `differences`, its place among them.
    """
    differences.eliminate_zeros()
    differences.sort_indices()
    contents = [
        (differences.indices[start:end].tobytes(), differences.data[start:end].tobytes())
        for start, end in pairwise(differences.indptr)
    ]
    columns = {content: cell for cell, content in enumerate(contents)}
    ordered = sorted(columns)
    places = {content: place for place, content in enumerate(ordered)}
    spans = [
        slice(*differences.indptr[cell : cell + 2])
        for cell in (columns[content] for content in ordered)
    ]
    distinct = sparse.csc_array(
        (
            np.concatenate([differences.data[span] for span in spans]),
            np.concatenate([differences.indices[span] for span in spans]),
            np.cumsum([0, *(span.stop - span.start for span in spans)]),
        ),
        shape=(differences.shape[0], len(spans)),
    )
    return distinct, np.array([places[content] for content in contents], dtype=np.intp)


def _mid_p(at_least: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chance of a larger total, and half that of the same; 1 if there is one total."""
    if len(at_least) == 1:
        return at_least
    mid_p: NDArray[np.float64] = (at_least + np.append(at_least[1:], 0.0)) / 2
    return mid_p


def _at_least(differences: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the chance of each total, or a larger one, under random signs: [2 * largest + 1].

    Entry i is of a total of i minus the largest. Right to about 1e-14 where many differ.
    """
    sizes, counts = np.unique(np.abs(differences).astype(int), return_counts=True)
    largest = int((sizes * counts).sum())
    if not largest:
        return np.ones(1)
    if largest <= _CONVOLVED:
        chances = _chances_of_ones(int(counts[sizes == 1].sum()))
        for size in np.repeat(sizes[sizes > 1], counts[sizes > 1]):
            step = np.zeros(2 * size + 1)
            step[[0, -1]] = 0.5
            chances = np.convolve(chances, step)
    else:  # by its characteristic function
        n = next_fast_len(2 * largest + 1, real=True)
        turns = 2 * np.pi * np.outer(sizes, np.arange(n // 2 + 1)) / n
        chances = np.fft.irfft(np.prod(np.cos(turns) ** counts[:, None], axis=0), n)
        chances = np.roll(chances, largest)[: 2 * largest + 1]
    at_least: NDArray[np.float64] = np.clip(np.cumsum(chances[::-1])[::-1], 0.0, 1.0)
    return at_least


@functools.cache
def _chances_of_ones(count: int) -> NDArray[np.float64]:
    """Return the chance of each total of `count` random signs: [2 * count + 1]."""
    chances = np.zeros(2 * count + 1)
    chances[::2] = binom.pmf(np.arange(count + 1), count, 0.5)
    return chances


def _parted(
    differences: sparse.csc_array,
) -> tuple[sparse.csr_array, NDArray[np.float32]]:
    """Part the clusters: those of small cells, and a factor of the covariance of all others.

    Every cluster of a cell is flipped one by one, from the smallest cell on, as long as these are
    not too many. The others are in large cells alone, whose totals are as good as normal.
    """
    apart = np.zeros(differences.shape[0], dtype=bool)
    for cell in np.argsort(np.diff(differences.indptr), kind="stable"):
        members = differences.indices[differences.indptr[cell] : differences.indptr[cell + 1]]
        if apart.sum() + (~apart[members]).sum() > _FLIPPED:
            break
        apart[members] = True
    rows = sparse.csr_array(differences)
    flipped = sparse.csr_array(rows[apart].T.astype(np.float32))
    if apart[differences.indices].all():
        return flipped, np.empty((differences.shape[1], 0), dtype=np.float32)
    rest = rows[~apart].astype(np.float64)
    covariance = (rest.T @ rest).toarray()
    # With a little more on the diagonal, cells that repeat each other are no matter.
    covariance[np.diag_indices_from(covariance)] *= 1 + 1e-9
    covariance[np.diag_indices_from(covariance)] += 1e-9
    return flipped, np.linalg.cholesky(covariance).astype(np.float32)
