import numpy as np
import pytest
from statsmodels.stats.contingency_tables import Table2x2

from modeltrain.audit.signals import Table, count, disproportion, is_signal, odds_ratio


def test_one_source_counts_once_in_a_cell():
    twenty = [("rosa", True, True)] * 20
    assert count([*twenty, ("sam", True, True), ("sam", False, True)]) == Table(2, 0, 1, 0)


def test_the_ratio_can_be_counted_on_fingers():
    table = Table(both=4, only_group=0, only_kind=0, neither=4)
    assert table.expected == 2
    assert disproportion(table).ratio == 4.5 / 2.5


def test_the_interval_is_the_gamma_posteriors():
    draws = np.random.default_rng(0).gamma(8.5, 1 / 2.5, 2_000_000)  # expects 10 * 10 / 50 = 2
    found = disproportion(Table(both=8, only_group=2, only_kind=2, neither=38))
    assert (found.low, found.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), rel=0.01)


def test_the_odds_ratio_is_statsmodels():
    known = Table2x2([[12, 30], [9, 140]])
    found = odds_ratio(Table(12, 30, 9, 140))
    expected = (known.oddsratio, *known.oddsratio_confint())
    assert found == pytest.approx(expected, abs=1e-9)


def test_an_empty_cell_has_no_odds_ratio_and_no_reports_say_nothing():
    assert odds_ratio(Table(5, 0, 3, 9)) is None
    assert disproportion(Table(0, 0, 0, 0)).ratio == 1
    assert not is_signal(Table(0, 0, 0, 0))


def test_few_reports_are_no_signal_however_uneven():
    assert not is_signal(Table(both=4, only_group=0, only_kind=0, neither=400))
    assert is_signal(Table(both=8, only_group=2, only_kind=10, neither=200))
