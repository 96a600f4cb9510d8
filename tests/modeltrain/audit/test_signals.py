import numpy as np
import pytest

from modeltrain.audit.signals import ContingencyTable, disproportion, is_signal


def test_the_ratio_can_be_counted_on_fingers():
    table = ContingencyTable(both=4, only_group=0, only_kind=0, neither=4)
    assert table.expected == 2
    assert disproportion(table).ratio == 4.5 / 2.5


def test_the_interval_is_the_gamma_posteriors():
    draws = np.random.default_rng(0).gamma(8.5, 1 / 2.5, 2_000_000)  # expects 10 * 10 / 50 = 2
    found = disproportion(ContingencyTable(both=8, only_group=2, only_kind=2, neither=38))
    assert (found.low, found.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), rel=0.01)


def test_no_reports_say_nothing():
    assert disproportion(ContingencyTable(0, 0, 0, 0)).ratio == 1
    assert not is_signal(ContingencyTable(0, 0, 0, 0))


def test_few_reports_are_no_signal_however_uneven():
    assert not is_signal(ContingencyTable(both=4, only_group=0, only_kind=0, neither=400))
    assert is_signal(ContingencyTable(both=8, only_group=2, only_kind=10, neither=200))
