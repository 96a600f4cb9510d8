import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from modeltrain.gate import paired
from modeltrain.gate.paired import (
    Pairs,
    count_pairs,
    difference_interval,
)

counts = st.integers(0, 60)
all_pairs = st.builds(Pairs, counts, counts, counts, counts).filter(lambda pairs: pairs.n)
examples = settings(max_examples=50, deadline=None)


def test_pairs_are_counted():
    pairs = count_pairs(
        champion=[True, True, False, False, False], candidate=[True, False, True, True, False]
    )
    assert pairs == Pairs(both=1, only_candidate=2, only_champion=1, neither=1)
    assert (pairs.n, pairs.champion_wrong, pairs.candidate_wrong) == (5, 2, 3)


def test_images_that_both_models_got_right_are_pairs_too():
    assert count_pairs(champion=[False], candidate=[False]) == Pairs(0, 0, 0, 1)
    assert count_pairs(champion=[], candidate=[]) == Pairs(0, 0, 0, 0)


def test_models_must_have_the_same_number_of_answers():
    with pytest.raises(ValueError, match="Both") as refusal:
        count_pairs(champion=[True], candidate=[])
    assert str(refusal.value) == (
        "Both models must have an answer for each image. Received: 1 and 0. Give as many of each."
    )


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
def test_the_interval_is_the_published_one(pairs, interval):
    assert difference_interval(pairs) == pytest.approx(interval, abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@examples
def test_the_interval_of_each_rate_agrees_with_statsmodels(case):
    count, n = case
    for level in (0.8, 0.95):
        z = float(norm.ppf(1 - (1 - level) / 2))
        expected = proportion_confint(count, n, 1 - level, "wilson")
        assert paired._wilson(count / n, n, z) == pytest.approx(expected, abs=1e-12)


def test_the_correlation_is_counted_by_hand():
    # 4·6 - 2·2 = 20 less 14 / 2 is 13; margins 6·8·6·8 = 48².
    assert paired._correlation(Pairs(4, 2, 2, 6), 1.0) == 13 / 48
    # With half as many independent images, twice as much is subtracted.
    assert paired._correlation(Pairs(4, 2, 2, 6), 0.5) == 6 / 48
    # 4·5 - 4·4 = 4 is less than 17 / 2; 1·1 - 2·2 = -3 is not corrected; margins 3·3·3·3 = 9².
    assert paired._correlation(Pairs(4, 4, 4, 5), 1.0) == 0
    assert paired._correlation(Pairs(1, 2, 2, 1), 1.0) == -3 / 9
    assert paired._correlation(Pairs(1, 0, 0, 1), 1.0) == 0  # 1·1 less 2 / 2
    # Margins may differ: 2·4 - 1·3 = 5 less 10 / 2 is 0; 3·4 - 1·2 = 10 less 5 is 5.
    assert paired._correlation(Pairs(2, 1, 3, 4), 1.0) == 0
    assert paired._correlation(Pairs(3, 1, 2, 4), 1.0) == 5 / (4 * 6 * 5 * 5) ** 0.5


@pytest.mark.parametrize(
    "pairs", [Pairs(0, 0, 3, 5), Pairs(0, 3, 0, 5), Pairs(3, 5, 0, 0), Pairs(3, 0, 5, 0)]
)
def test_there_is_no_correlation_if_a_model_is_always_wrong_or_never(pairs):
    assert paired._correlation(pairs, 1.0) == 0.0


def test_no_images_have_no_interval():
    assert difference_interval(Pairs(0, 0, 0, 0)) is None


@given(all_pairs)
@examples
def test_the_interval_contains_the_difference_and_stays_in_range(pairs):
    low, high = difference_interval(pairs)
    difference = (pairs.only_candidate - pairs.only_champion) / pairs.n
    assert -1 <= low <= difference + 1e-9
    assert difference - 1e-9 <= high <= 1


def test_the_difference_of_opposite_models_ends_at_one():
    for n in (1, 2, 3, 7, 60):
        assert difference_interval(Pairs(0, n, 0, 0))[1] == 1.0
        assert difference_interval(Pairs(0, 0, n, 0))[0] == -1.0


@given(all_pairs)
@examples
def test_swapping_the_models_mirrors_the_interval(pairs):
    low, high = difference_interval(pairs)
    swapped = Pairs(pairs.both, pairs.only_champion, pairs.only_candidate, pairs.neither)
    assert difference_interval(swapped) == pytest.approx((-high, -low), abs=1e-9)


def test_a_lower_level_gives_a_narrower_interval():
    pairs = Pairs(0, 0, 0, 20)
    # Wilson's interval of 0 of 20 at 90% ends at z² / (20 + z²), z = 1.645; both models have it.
    assert difference_interval(pairs, level=0.9) == pytest.approx((-0.1192, 0.1192), abs=5e-5)
    assert difference_interval(pairs) == pytest.approx((-0.1611, 0.1611), abs=5e-5)


def test_fewer_independent_images_make_it_wider():
    pairs = Pairs(5, 9, 3, 83)
    low, high = difference_interval(pairs)
    assert difference_interval(pairs, effective=100) == (low, high)
    wider = difference_interval(pairs, effective=40)
    assert wider[0] < low < high < wider[1]


def test_scaling_every_count_is_what_fewer_independent_images_are():
    half = difference_interval(Pairs(10, 18, 6, 166), effective=100)
    assert half == pytest.approx(difference_interval(Pairs(5, 9, 3, 83)), abs=1e-9)


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - minlength=5: a fifth count is not read.
# - determinant >= 0: at 0 both branches give 0.
