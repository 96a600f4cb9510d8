import numpy as np
import pytest
from scipy.stats import gamma

from modeltrain.audit.signals import ContingencyTable, disproportion, is_signal


def test_the_ratio_can_be_counted_on_fingers():
    table = ContingencyTable(both=4, only_group=0, only_kind=0, neither=4)
    assert table.n == 8
    assert table.expected == 2
    assert disproportion(table).ratio == 4.5 / 2.5


def test_the_expected_count_is_the_product_of_the_margins():
    assert ContingencyTable(both=1, only_group=2, only_kind=3, neither=4).expected == 3 * 4 / 10


def test_the_interval_is_that_of_the_gamma_posterior():
    table = ContingencyTable(both=8, only_group=2, only_kind=2, neither=38)  # 10 * 10 / 50 = 2
    draws = np.random.default_rng(0).gamma(8.5, 1 / 2.5, 2_000_000)
    ratio = disproportion(table)
    assert (ratio.low, ratio.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), rel=0.01)
    ratio = disproportion(table, level=0.8)
    assert (ratio.low, ratio.high) == pytest.approx(gamma.ppf([0.1, 0.9], 8.5, scale=1 / 2.5))


def test_no_reports_are_no_signal():
    assert disproportion(ContingencyTable(0, 0, 0, 0)).ratio == 1
    assert not is_signal(ContingencyTable(0, 0, 0, 0))


def test_five_sources_are_the_fewest_that_make_a_signal():
    assert not is_signal(ContingencyTable(both=4, only_group=0, only_kind=0, neither=400))
    assert is_signal(ContingencyTable(both=5, only_group=0, only_kind=0, neither=400))
    assert is_signal(ContingencyTable(both=4, only_group=0, only_kind=0, neither=400), minimum=4)


def test_a_ratio_that_may_be_chance_is_no_signal():
    assert is_signal(ContingencyTable(both=8, only_group=2, only_kind=10, neither=200))
    table = ContingencyTable(both=8, only_group=12, only_kind=30, neither=100)
    assert disproportion(table).ratio > 1
    assert not is_signal(table)
    assert is_signal(table, level=0.5)


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - low >= 1: the interval would have to end at 1 to the last bit.
