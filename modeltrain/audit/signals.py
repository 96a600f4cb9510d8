"""What reports point at: kinds of error that are reported for a group more than for all others.

Reports cannot give rates. They say where to look, as reports of side effects do for drugs.
"""

from dataclasses import dataclass

from scipy.stats import gamma

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


def is_signal(
    table: ContingencyTable, *, minimum: int = MINIMUM_SOURCES, level: float = 0.95
) -> bool:
    """Return whether enough sources report it, and clearly more than expected (IC025 above 0).

    Parameters
    ----------
    table : ContingencyTable
    minimum : int
        Sources that must have reported both.
    level : float
        Of the credible interval, between 0 and 1.
    """
    return table.both >= minimum and disproportion(table, level=level).low > 1
