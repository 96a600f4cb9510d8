"""The impact ratio: the share that no harm happens to, against that of a reference group."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from modeltrain.audit.fairness import rate
from modeltrain.audit.impact_ratio import impact_ratio

counts = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("group", "reference"), [((10, 100), (5, 120)), ((30, 60), (10, 200)), ((58, 60), (10, 200))]
)
def test_it_agrees_with_the_score_interval_of_statsmodels(group, reference):
    (harmed, n), (base_harmed, base_n) = group, reference
    ratio, low, high = impact_ratio(rate(count=harmed, n=n), rate(count=base_harmed, n=base_n))
    expected = confint_proportions_2indep(
        n - harmed, n, base_n - base_harmed, base_n, compare="ratio", method="score"
    )
    assert ratio == pytest.approx((n - harmed) / n / ((base_n - base_harmed) / base_n))
    assert (low, high) == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize(
    ("harm", "base", "n", "base_n"),
    [(0.1, 0.05, 60, 200), (0.02, 0.02, 300, 300), (0.4, 0.1, 31, 500)],
)
def test_its_interval_has_the_truth_in_95_of_100_samples(harm, base, n, base_n):
    rng = np.random.default_rng(20261129)
    samples, inside = 2000, 0
    for _ in range(samples):
        group = rate(count=int(rng.binomial(n, harm)), n=n)
        reference = rate(count=int(rng.binomial(base_n, base)), n=base_n)
        _, low, high = impact_ratio(group, reference)
        inside += low <= (1 - harm) / (1 - base) <= high
    assert inside / samples == pytest.approx(0.95, abs=0.02)


@given(counts, counts)
def test_the_ratio_is_in_its_interval_whatever_the_counts(group, reference):
    rates = rate(count=group[0], n=group[1]), rate(count=reference[0], n=reference[1])
    result = impact_ratio(*rates)
    if reference[0] == reference[1]:
        assert result is None
        return
    ratio, low, high = result
    assert 0 <= low <= ratio <= high or ratio == pytest.approx(low) or ratio == pytest.approx(high)


def test_without_images_nothing_is_known():
    some, none = rate(count=1, n=10), rate(count=0, n=0)
    assert impact_ratio(some, none) is None
    assert impact_ratio(none, some) is None
