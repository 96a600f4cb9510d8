import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from modeltrain.paired import Pairs, count_pairs, difference_interval, holm, worse_p_value

counts = st.integers(0, 60)
all_pairs = st.builds(Pairs, counts, counts, counts, counts).filter(lambda pairs: pairs.n)


def test_pairs_are_counted():
    pairs = count_pairs(
        champion=[True, True, False, False, False], candidate=[True, False, True, True, False]
    )
    assert pairs == Pairs(both=1, only_candidate=2, only_champion=1, neither=1)
    assert (pairs.n, pairs.champion_wrong, pairs.candidate_wrong) == (5, 2, 3)


def test_models_must_have_as_many_answers():
    with pytest.raises(ValueError, match="shorter"):
        count_pairs(champion=[True], candidate=[])


@pytest.mark.parametrize(
    ("pairs", "interval"),
    [
        # Newcombe (1998), table II, method 10: e, f, g, h = 36, 12, 2, 0.
        (Pairs(36, 12, 2, 0), (0.0569, 0.3404)),
        # Altman, Machin, Bryant and Gardner (2000), "Statistics with confidence", table 6.2.
        (Pairs(14, 5, 0, 22), (0.0115, 0.2265)),
        # Fagerland, Lydersen and Laake (2014), Statistics in Medicine 33: airway responsiveness.
        (Pairs(1, 1, 7, 12), (-0.5069, -0.0256)),
    ],
)
def test_interval_is_the_published_one(pairs, interval):
    assert difference_interval(pairs) == pytest.approx(interval, abs=5e-5)


def test_no_images_have_no_interval():
    assert difference_interval(Pairs(0, 0, 0, 0)) is None


@given(all_pairs)
def test_interval_holds_the_difference_and_stays_in_range(pairs):
    low, high = difference_interval(pairs)
    difference = (pairs.only_candidate - pairs.only_champion) / pairs.n
    assert -1 <= low <= difference + 1e-9
    assert difference - 1e-9 <= high <= 1


@given(all_pairs)
def test_swapping_the_models_mirrors_the_interval(pairs):
    low, high = difference_interval(pairs)
    swapped = Pairs(pairs.both, pairs.only_champion, pairs.only_candidate, pairs.neither)
    assert difference_interval(swapped) == pytest.approx((-high, -low), abs=1e-9)


def test_mcnemar_counts_coin_tosses():
    assert worse_p_value(Pairs(9, 3, 0, 9)) == pytest.approx(1 / 8)
    assert worse_p_value(Pairs(9, 0, 3, 9)) == 1
    assert worse_p_value(Pairs(9, 0, 0, 9)) == 1


@given(all_pairs)
def test_mcnemar_is_the_binomial_tail(pairs):
    tail = binom.sf(pairs.only_candidate - 1, pairs.only_candidate + pairs.only_champion, 0.5)
    assert worse_p_value(pairs) == pytest.approx(tail, abs=1e-9)


def test_holm_multiplies_the_smallest_by_how_many_there_are():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
