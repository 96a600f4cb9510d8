from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.multitest import multipletests

from modeltrain.gate import paired
from modeltrain.gate.paired import (
    Pairs,
    count_pairs,
    difference_interval,
    holm,
    images_needed,
    mcnemar_p_value,
)

counts = st.integers(0, 60)
all_pairs = st.builds(Pairs, counts, counts, counts, counts).filter(lambda pairs: pairs.n)


def test_pairs_are_counted():
    pairs = count_pairs(
        champion=[True, True, False, False, False], candidate=[True, False, True, True, False]
    )
    assert pairs == Pairs(both=1, only_candidate=2, only_champion=1, neither=1)
    assert (pairs.n, pairs.champion_wrong, pairs.candidate_wrong) == (5, 2, 3)


def test_models_must_have_as_many_answers():
    with pytest.raises(ValueError, match="as many of each"):
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


def test_fewer_independent_images_make_it_wider():
    pairs = Pairs(5, 9, 3, 83)
    low, high = difference_interval(pairs)
    assert difference_interval(pairs, effective=100) == (low, high)
    wider = difference_interval(pairs, effective=40)
    assert wider[0] < low < high < wider[1]


def test_scaling_every_count_is_what_fewer_independent_images_are():
    half = difference_interval(Pairs(10, 18, 6, 166), effective=100)
    assert half == pytest.approx(difference_interval(Pairs(5, 9, 3, 83)), abs=1e-9)


def test_mcnemar_counts_coin_tosses():
    assert mcnemar_p_value([1, 1, 1, 0]) == pytest.approx(1 / 8)
    assert mcnemar_p_value([-1, -1, -1]) == 1
    assert mcnemar_p_value([0, 0]) == 1
    assert mcnemar_p_value([]) == 1


@given(counts, counts)
def test_mcnemar_is_the_binomial_tail(newly_wrong, newly_right):
    differences = [1] * newly_wrong + [-1] * newly_right
    tail = binom.sf(newly_wrong - 1, newly_wrong + newly_right, 0.5)
    assert mcnemar_p_value(differences) == pytest.approx(tail, abs=1e-9)


@given(st.lists(st.integers(-5, 5), max_size=9))
def test_clusters_are_compared_with_every_choice_of_signs(differences):
    signs = list(product((-1, 1), repeat=len(differences)))
    as_many = sum(
        sum(sign * abs(each) for sign, each in zip(chosen, differences, strict=True))
        >= sum(differences)
        for chosen in signs
    )
    assert mcnemar_p_value(differences) == pytest.approx(as_many / len(signs), abs=1e-9)


def test_four_times_the_margin_needs_a_sixteenth_of_the_images():
    assert images_needed(disagreement=0.05, margin=0.05) == 157
    assert images_needed(disagreement=0.05, margin=0.2) == 10


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=300))
def test_many_clusters_are_compared_as_few_are(differences):
    exact = mcnemar_p_value(differences)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paired, "CONVOLUTION_LIMIT", 0)
        assert mcnemar_p_value(differences) == pytest.approx(exact, abs=1e-10)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_holm_agrees_with_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


def test_holm_multiplies_the_smallest_by_how_many_there_are():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
