import numpy as np
import pytest
from scipy.stats import fisher_exact, gamma

from modeltrain.audit.signals import ContingencyTable, disproportion, p_values, raised

SHARES = (0.5, 0.3, 0.2)  # of the kinds of error among reports


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


def is_signal(table, **options):
    """Of a page with this table alone."""
    return raised([table], **options)[0]


def test_no_reports_are_no_signal():
    assert disproportion(ContingencyTable(0, 0, 0, 0)).ratio == 1
    assert not is_signal(ContingencyTable(0, 0, 0, 0))
    assert raised([]) == []


def test_five_sources_are_the_fewest_that_make_a_signal():
    assert not is_signal(ContingencyTable(both=4, only_group=1, only_kind=1, neither=400))
    assert is_signal(ContingencyTable(both=5, only_group=0, only_kind=0, neither=400))
    assert is_signal(ContingencyTable(both=4, only_group=0, only_kind=0, neither=400), minimum=4)


def test_a_ratio_that_may_be_chance_is_no_signal():
    assert is_signal(ContingencyTable(both=8, only_group=2, only_kind=10, neither=200))
    table = ContingencyTable(both=8, only_group=12, only_kind=30, neither=100)
    assert disproportion(table).ratio > 1
    assert not is_signal(table)
    assert is_signal(table, level=0.5)


def test_an_interval_above_one_is_needed_as_well():
    """Fisher's test knows that ratios are limited where nearly everything is of the kind."""
    table = ContingencyTable(both=100, only_group=0, only_kind=400, neither=40)
    assert p_values([table])[0] < 0.001
    assert disproportion(table).low < 1
    assert not is_signal(table)


def test_the_p_value_is_that_of_fishers_exact_test():
    table = ContingencyTable(both=8, only_group=2, only_kind=10, neither=200)
    other = ContingencyTable(both=3, only_group=4, only_kind=5, neither=6)
    assert p_values([table, other]) == pytest.approx(
        [
            fisher_exact([[8, 2], [10, 200]], "greater").pvalue,
            fisher_exact([[3, 4], [5, 6]], "greater").pvalue,
        ]
    )


def test_what_stands_out_alone_may_be_chance_among_many():
    table = ContingencyTable(both=12, only_group=20, only_kind=60, neither=300)
    assert 0.005 < p_values([table])[0] < 0.05
    other = ContingencyTable(both=6, only_group=26, only_kind=66, neither=294)
    assert raised([table])[0]
    assert not any(raised([table, *[other] * 20]))
    strong = ContingencyTable(both=30, only_group=2, only_kind=42, neither=318)
    assert raised([other, strong, *[other] * 20]) == [False, True, *[False] * 20]


def test_signals_that_many_groups_share_are_corrected_by_benjamini_and_hochberg():
    """Ten tables of which none would pass a correction of the chance of any false one."""
    table = ContingencyTable(both=8, only_group=10, only_kind=60, neither=300)
    assert 0.005 < p_values([table])[0] < 0.05
    assert raised([table] * 10) == [True] * 10


def test_tables_that_cannot_be_signals_are_not_counted():
    table = ContingencyTable(both=12, only_group=20, only_kind=60, neither=300)
    tiny = ContingencyTable(both=1, only_group=3, only_kind=60, neither=300)
    assert tiny.largest == 4
    assert raised([table, *[tiny] * 50]) == [True, *[False] * 50]


def null_page(random, *, networks, values):
    """Tables of a page on which groups and kinds have nothing to do with each other."""
    groups, kinds = random.integers(0, values, networks), random.choice(3, networks, p=SHARES)
    counts = np.zeros((values, 3), dtype=int)
    np.add.at(counts, (groups, kinds), 1)
    return [
        ContingencyTable(
            both=int(counts[value, kind]),
            only_group=int(counts[value].sum() - counts[value, kind]),
            only_kind=int(counts[:, kind].sum() - counts[value, kind]),
            neither=int(networks - counts[value].sum() - counts[:, kind].sum())
            + int(counts[value, kind]),
        )
        for value in range(values)
        for kind in range(3)
        if counts[value, kind]
    ]


@pytest.mark.parametrize(("networks", "values"), [(100, 5), (2000, 20), (2000, 100)])
def test_where_nothing_is_the_matter_at_most_one_page_in_twenty_has_a_signal(networks, values):
    random = np.random.default_rng(4)
    pages = [any(raised(null_page(random, networks=networks, values=values))) for _ in range(100)]
    assert sum(pages) <= 5


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - low >= 1: the interval would have to end at 1 to the last bit.
