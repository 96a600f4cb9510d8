"""What reports point at: kinds of error that are reported for a group more than for all others.

Reports cannot give rates. They say where to look, as reports of side effects do for drugs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gamma, hypergeom
from statsmodels.stats.multitest import multipletests

MINIMUM_SOURCES = 5
SHRINKAGE = 0.5


@dataclass(frozen=True)
class ContingencyTable:
    """Reports counted by whether they concern a group and a kind of error.

    Attributes
    ----------
    both, only_group, only_kind, neither : int
        Reports of this group and this kind; of this group and another kind; of this kind without
        this group; the rest.
    """

    both: int
    only_group: int
    only_kind: int
    neither: int

    @property
    def n(self) -> int:
        """All reports."""
        return self.both + self.only_group + self.only_kind + self.neither

    @property
    def expected(self) -> float:
        """Expected reports of both, if group and kind were independent among reports."""
        if not self.n:
            return 0.0
        return (self.both + self.only_group) * (self.both + self.only_kind) / self.n

    @property
    def largest(self) -> int:
        """The most reports of both that the margins allow."""
        return self.both + min(self.only_group, self.only_kind)


@dataclass(frozen=True)
class Disproportion:
    """The ratio of observed to expected reports, shrunk towards 1, with its credible interval."""

    ratio: float
    low: float
    high: float


def disproportion(table: ContingencyTable, *, level: float = 0.95) -> Disproportion:
    """Return the shrunk ratio of observed to expected reports.

    Half a report is added to both counts, which pulls a ratio that rests on few reports towards 1.
    The base-2 logarithm of the ratio is the information component; that of the interval's lower
    end is IC025.

    Source: G. N. Norén, J. Hopstadius and A. Bate (2013), "Shrinkage observed-to-expected ratios
    for robust and transparent large-scale pattern discovery", Statistical Methods in Medical
    Research 22, 57–69.

    Parameters
    ----------
    table : ContingencyTable
    level : float
        Of the credible interval, between 0 and 1.

    Returns
    -------
    Disproportion
        The interval is that of the gamma posterior.
    """
    shape, rate = table.both + SHRINKAGE, table.expected + SHRINKAGE
    tail = (1 - level) / 2
    low, high = gamma.ppf([tail, 1 - tail], shape, scale=1 / rate)
    return Disproportion(ratio=shape / rate, low=float(low), high=float(high))


def p_values(tables: Sequence[ContingencyTable]) -> NDArray[np.float64]:
    """Return the chance of as many reports of both if independent (Fisher's exact test), each."""
    counts = np.array(
        [
            (table.both - 1, table.n, table.both + table.only_group, table.both + table.only_kind)
            for table in tables
        ]
    )
    chances: NDArray[np.float64] = hypergeom.sf(*counts.reshape(-1, 4).T)
    return chances


def raised(
    tables: Sequence[ContingencyTable],
    *,
    minimum: int = MINIMUM_SOURCES,
    level: float = 0.95,
) -> list[bool]:
    """Return which tables of a page are signals.

    A signal is reported by enough sources, by clearly more than expected (IC025 above 0), and by
    more than chance would explain on a page with so many tables: Fisher's exact test, corrected by
    Benjamini and Hochberg. At most 1 - level of the signals are false on average, and where no
    group has anything to do with any kind of error, at most that share of pages has a signal.
    Tables whose margins are too small for a signal are not counted as tested.

    Source: Y. Benjamini and Y. Hochberg (1995), "Controlling the false discovery rate", Journal of
    the Royal Statistical Society B 57, 289–300, by way of `statsmodels`.

    Parameters
    ----------
    tables : sequence of ContingencyTable
        Of all groups and kinds that a page looks at.
    minimum : int
        Sources that must have reported both.
    level : float
        Of the credible intervals; 1 - level is the false discovery rate.

    Returns
    -------
    list of bool
        In the order of `tables`.
    """
    tested = [table.largest >= minimum for table in tables]
    corrected = np.ones(len(tables))
    if any(tested):
        corrected[tested] = multipletests(p_values(tables)[tested], method="fdr_bh")[1]
    return [
        p_value <= 1 - level and table.both >= minimum and disproportion(table, level=level).low > 1
        for table, p_value in zip(tables, corrected.tolist(), strict=True)
    ]
