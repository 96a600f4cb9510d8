"""What reports point at: kinds of error that are reported of a group more than of everything else.

Reports cannot give rates. They say where to look, as reports of side effects do for drugs.
"""

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from scipy.stats import gamma, norm

MINIMUM = 5
SHRINKAGE = 0.5


@dataclass(frozen=True)
class Table:
    """Reports counted by whether they are of a group and of a kind of error.

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
        """Reports in all."""
        return self.both + self.only_group + self.only_kind + self.neither

    @property
    def expected(self) -> float:
        """Reports of both, were group and kind independent among reports."""
        if not self.n:
            return 0.0
        return (self.both + self.only_group) * (self.both + self.only_kind) / self.n


@dataclass(frozen=True)
class Disproportion:
    """How many times as many reports as expected, shrunk towards 1, with its credible interval."""

    ratio: float
    low: float
    high: float


def count(reports: Iterable[tuple[Hashable, bool, bool]]) -> Table:
    """Count each source once in each cell, so that one person's many reports are no signal.

    Parameters
    ----------
    reports : iterable of (source, of the group, of the kind)
    """
    cells = [0, 0, 0, 0]
    for _, of_group, of_kind in set(reports):
        cells[2 * of_group + of_kind] += 1
    return Table(both=cells[3], only_group=cells[2], only_kind=cells[1], neither=cells[0])


def disproportion(table: Table, *, level: float = 0.95) -> Disproportion:
    """Return the shrunk ratio of observed to expected reports.

    Half a report is added to both, which pulls what rests on few reports towards 1. The logarithm
    to base 2 of the ratio is the information component, that of its lower end IC025.

    Source: G. N. Norén, J. Hopstadius and A. Bate (2013), "Shrinkage observed-to-expected ratios
    for robust and transparent large-scale pattern discovery", Statistical Methods in Medical
    Research 22, 57–69.

    Parameters
    ----------
    table : Table
    level : float
        Of the credible interval, between 0 and 1.
    """
    shape, rate = table.both + SHRINKAGE, table.expected + SHRINKAGE
    tail = (1 - level) / 2
    low, high = gamma.ppf([tail, 1 - tail], shape, scale=1 / rate)
    return Disproportion(ratio=shape / rate, low=float(low), high=float(high))


def odds_ratio(table: Table, *, level: float = 0.95) -> tuple[float, float, float] | None:
    """Return the reporting odds ratio without shrinkage and its interval; None with an empty cell.

    Source: B. Woolf (1955), "On estimating the relation between blood group and disease", Annals
    of Human Genetics 19, 251–253.

    Parameters
    ----------
    table : Table
    level : float
    """
    cells = (table.both, table.only_group, table.only_kind, table.neither)
    if not all(cells):
        return None
    middle = math.log(table.both * table.neither / (table.only_group * table.only_kind))
    reach = float(norm.ppf(1 - (1 - level) / 2)) * math.sqrt(sum(1 / cell for cell in cells))
    return math.exp(middle), math.exp(middle - reach), math.exp(middle + reach)


def is_signal(table: Table, *, minimum: int = MINIMUM, level: float = 0.95) -> bool:
    """Say whether enough sources report it, and surely more than expected (IC025 above 0).

    Parameters
    ----------
    table : Table
    minimum : int
        Sources that must have reported both.
    level : float
    """
    return table.both >= minimum and disproportion(table, level=level).low > 1
