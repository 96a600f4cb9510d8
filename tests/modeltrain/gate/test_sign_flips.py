"""The test of all cells at once, against an enumeration of every choice of signs."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import binom, binomtest
from statsmodels.stats.contingency_tables import mcnemar

from modeltrain.gate import sign_flips as module
from modeltrain.gate.sign_flips import sign_flips

RESAMPLING_ERROR = 0.02  # 2.8 standard errors of a share near 1/2 in 5,000 resamples

small_matrices = st.integers(1, 4).flatmap(
    lambda cells: st.lists(
        st.lists(st.integers(-3, 3), min_size=cells, max_size=cells), min_size=1, max_size=8
    )
)


def flipped(differences, **options):
    return sign_flips(sparse.csc_array(np.array(differences)), **options)


def enumerated(differences):
    """Return each cell's p-value, its step-down min-p, mid and exact, by all choices of signs."""
    matrix = np.array(differences)
    signs = np.array(list(product((-1, 1), repeat=len(matrix))))
    totals = signs @ matrix
    # p_of[i, j]: the chance in cell j of a larger total than under the i-th choice, or half of it
    # the same; 1 in cells in which nothing changed.
    larger = (totals[None, :, :] > totals[:, None, :]).mean(axis=1)
    as_large = (totals[None, :, :] >= totals[:, None, :]).mean(axis=1)
    p_of = np.where(matrix.any(axis=0), (larger + as_large) / 2, 1.0)
    observed = p_of[len(signs) - 1]  # all signs are +1
    order = np.argsort(observed, kind="stable")
    adjusted, exact, largest, most = np.empty(len(order)), np.empty(len(order)), 0.0, 0.0
    for step, cell in enumerate(order):
        smallest = p_of[:, order[step:]].min(axis=1)
        fewer = (smallest < observed[cell] - 1e-12).mean()
        as_small = (smallest <= observed[cell] + 1e-12).mean()
        largest, most = max(largest, (fewer + as_small) / 2), max(most, as_small)
        adjusted[cell], exact[cell] = largest, most
    return observed, np.maximum(adjusted, observed), exact


@given(small_matrices)
@settings(max_examples=25, deadline=None)
def test_p_values_are_those_of_every_choice_of_signs(differences):
    p_values, adjusted, exact = enumerated(differences)
    result = flipped(differences)
    assert result.p_values == pytest.approx(p_values, abs=1e-9)
    # The worst of some hundred shares.
    assert result.adjusted == pytest.approx(adjusted, abs=2 * RESAMPLING_ERROR)
    assert result.exact == pytest.approx(exact, abs=2 * RESAMPLING_ERROR)


@pytest.mark.parametrize(("newly_wrong", "newly_right"), [(5, 0), (14, 2), (3, 3), (0, 4), (1, 9)])
def test_single_images_have_mcnemars_mid_p_test(newly_wrong, newly_right):
    changes = [[1]] * newly_wrong + [[-1]] * newly_right
    p_value = flipped(changes).p_values[0]
    n = newly_wrong + newly_right
    half = binom.pmf(newly_wrong, n, 0.5) / 2
    assert p_value == pytest.approx(binomtest(newly_wrong, n, alternative="greater").pvalue - half)
    exact = binomtest(newly_wrong, n, alternative="greater").pvalue
    assert flipped(changes).exact[0] == pytest.approx(exact, abs=RESAMPLING_ERROR)
    assert flipped(changes).exact[0] >= exact
    two_sided = mcnemar([[0, newly_right], [newly_wrong, 0]], exact=True).pvalue
    smaller_tail = min(p_value, flipped([[-change] for [change] in changes]).p_values[0])
    assert min(2 * (smaller_tail + half), 1) == pytest.approx(two_sided)


def test_the_adjusted_p_value_is_never_below_the_cells_own():
    random = np.random.default_rng(3)
    result = flipped(random.integers(-1, 3, (40, 12)))
    assert (result.adjusted >= result.p_values).all()
    assert (result.adjusted <= 1).all()


def test_cells_with_the_same_images_cost_nothing():
    alone = flipped([[1]] * 8)
    thrice = flipped([[1, 1, 1]] * 8)
    assert thrice.adjusted == pytest.approx([alone.adjusted[0]] * 3)


def test_cells_in_which_nothing_changed_cost_nothing():
    assert flipped([[1, 0, 0]] * 8).adjusted == pytest.approx([*flipped([[1]] * 8).adjusted, 1, 1])


def test_cells_of_different_images_cost_about_what_bonferroni_takes():
    differences = np.zeros((40, 5), dtype=int)
    for cell in range(5):
        differences[cell * 8 : cell * 8 + 8, cell] = 1
    result = flipped(differences)
    expected = (1 - (1 - 2.0**-8) ** 5) / 2
    assert result.adjusted == pytest.approx([expected] * 5, abs=0.006)


def test_no_change_is_no_evidence():
    result = flipped(np.zeros((6, 3), dtype=int))
    assert list(result.p_values) == [1, 1, 1]
    assert list(result.adjusted) == [1, 1, 1]
    assert len(sign_flips(sparse.csc_array((0, 2), dtype=int)).adjusted) == 2


def test_the_same_seed_gives_the_same_p_values():
    random = np.random.default_rng(5)
    differences = random.integers(-1, 2, (60, 6))
    first, second = flipped(differences), flipped(differences)
    assert np.array_equal(first.adjusted, second.adjusted)
    assert not np.array_equal(first.adjusted, flipped(differences, seed=1).adjusted)


@given(st.lists(st.sampled_from([-5, -2, -1, 1, 2, 3]), min_size=1, max_size=200))
@settings(max_examples=30, deadline=None)
def test_many_clusters_are_compared_like_few(differences):
    values = np.array(differences)
    exact = module._at_least(values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CONVOLVED", 0)
        assert module._at_least(values) == pytest.approx(exact, abs=1e-10)


def test_a_large_cell_beside_a_small_one_is_drawn_from_the_normal_distribution(monkeypatch):
    """With the limit lowered, the large cell's clusters are no longer flipped one by one."""
    random = np.random.default_rng(7)
    differences = np.zeros((600, 2), dtype=int)
    differences[:, 0] = random.choice([-1, 1], size=600, p=[0.46, 0.54])
    differences[:6, 1] = 1
    exact = flipped(differences)
    monkeypatch.setattr(module, "_FLIPPED", 50)
    approximate = flipped(differences)
    assert np.array_equal(approximate.p_values, exact.p_values)
    assert approximate.adjusted == pytest.approx(exact.adjusted, abs=RESAMPLING_ERROR)


def test_large_cells_are_drawn_with_what_they_share(monkeypatch):
    """Eight of 300 clusters each, and one that is the sum of two others."""
    random = np.random.default_rng(8)
    differences = np.zeros((900, 9), dtype=int)
    for cell in range(8):
        rows = slice(75 * cell, 75 * cell + 300)
        differences[rows, cell] = random.choice([-1, 1], size=300, p=[0.47, 0.53])
    differences[:, 8] = differences[:, 0] + differences[:, 7]
    exact = flipped(differences)
    monkeypatch.setattr(module, "_FLIPPED", 50)
    assert flipped(differences).adjusted == pytest.approx(exact.adjusted, abs=RESAMPLING_ERROR)
    assert exact.adjusted.min() > exact.p_values.min() + 3 * RESAMPLING_ERROR


def test_no_drawn_total_is_beyond_what_a_cell_can_have(monkeypatch):
    """Of two images; a normal total is beyond 2 in one draw of six."""
    monkeypatch.setattr(module, "_FLIPPED", 0)
    assert flipped([[1], [1]]).adjusted == pytest.approx([0.15], abs=0.05)


def test_a_single_draw_is_counted_beside_the_observed_one():
    assert flipped([[1], [1]], resamples=1).adjusted[0] in (0.25, 0.5)


def test_of_cells_that_are_equally_good_few_look_worse():
    random = np.random.default_rng(11)
    runs = 200
    false_findings = sum(
        (flipped(random.choice([-1, 0, 1], size=(50, 8)), resamples=500).adjusted <= 0.05).any()
        for _ in range(runs)
    )
    assert false_findings <= 20  # 5% expected, 10% or more in fewer than 1 of 500 such tests


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - >= _FLIPPED, < _CONVOLVED: at the limit, both ways give the same chances.
# - [::+1] for [::-1]: the distribution under random signs is symmetric.
# - 3 * largest + 1: a longer transform has the same values. A maximum of 2: no chance is above 1.
# - len(tail) / 2, astype(None): numpy stores the same numbers.
