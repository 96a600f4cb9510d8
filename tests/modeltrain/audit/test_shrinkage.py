"""Estimates for small groups: nearer to the truth than raw rates, and equal to them in the end."""

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.special import betaln
from scipy.stats import beta

from modeltrain.audit.shrinkage import shrunk_rates


def simulate(random, *, rate=0.1, strength=30.0, groups=20):
    """Sizes of 5 to 150, true rates and raw rates."""
    sizes = random.integers(5, 151, groups)
    truth = random.beta(rate * strength, (1 - rate) * strength, groups)
    return sizes, truth, random.binomial(sizes, truth) / sizes


@pytest.mark.parametrize(
    ("strength", "share"), [(10.0, 0.85), (30.0, 0.65), (1e6, 0.2)], ids=["far", "near", "alike"]
)
def test_estimates_are_nearer_to_the_truth_than_raw_rates(strength, share):
    random = np.random.default_rng(1)
    raw_error = error = covered = total = 0.0
    for _ in range(40):
        sizes, truth, raw = simulate(random, strength=strength)
        estimates = shrunk_rates(raw, sizes)
        raw_error += ((raw - truth) ** 2).sum()
        error += sum(
            (estimate.rate - true) ** 2 for estimate, true in zip(estimates, truth, strict=True)
        )
        covered += sum(
            estimate.low <= true <= estimate.high
            for estimate, true in zip(estimates, truth, strict=True)
        )
        total += len(truth)
    assert error < share * raw_error
    assert covered / total >= 0.92


def test_an_estimate_lies_between_the_raw_rate_and_the_others():
    few, *others = shrunk_rates([0.0, 0.4, 0.35, 0.45], [10, 100, 100, 100])
    assert 0.05 < few.rate < 0.35
    assert few.low < few.rate < few.high
    assert all(0.33 < estimate.rate < 0.47 for estimate in others)


def test_the_fewer_images_the_farther_it_is_drawn():
    rates = [
        shrunk_rates([0.0, 0.4, 0.1, 0.3], [n, 100, 100, 100])[0].rate for n in (5, 20, 80, 150)
    ]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 2 * rates[-1]


def test_with_many_images_it_is_the_raw_rate():
    raw = [0.02, 0.1, 0.5]
    distances = [
        max(
            abs(estimate.rate - rate)
            for estimate, rate in zip(shrunk_rates(raw, [n] * 3), raw, strict=True)
        )
        for n in (100, 10_000, 1_000_000)
    ]
    assert distances[0] > distances[1] > distances[2]
    assert distances[2] < 1e-5


def test_no_event_in_any_group_is_a_low_rate_and_not_zero():
    estimates = shrunk_rates([0.0] * 4, [10, 20, 40, 80])
    assert all(0 <= estimate.low < estimate.rate < estimate.high for estimate in estimates)
    assert estimates[0].rate < 0.02
    every_time = shrunk_rates([1.0] * 4, [10, 20, 40, 80])
    assert every_time[0].rate == pytest.approx(1 - estimates[0].rate)


def test_estimate_and_interval_are_those_of_the_model_by_quadrature():
    rates, sizes = [0.1, 0.5, 0.3], [10, 10, 10]

    def integrand(share, angle, moment):
        mean, strength = np.sin(angle) ** 2, 30 * share / (1 - share)
        wrong, right = mean * strength, (1 - mean) * strength
        log_likelihood = sum(
            betaln(wrong + rate * n, right + n - rate * n) - betaln(wrong, right)
            for rate, n in zip(rates, sizes, strict=True)
        )
        event, total = wrong + rates[0] * sizes[0], strength + sizes[0]
        moments = (1.0, event / total, event * (event + 1) / total / (total + 1))
        return np.exp(log_likelihood) * moments[moment]

    edge = 1e-3
    bounds = (edge, np.pi / 2 - edge, edge, 0.99)
    mass, first, second = (
        dblquad(integrand, *bounds, args=(moment,), epsrel=1e-3, epsabs=0)[0]
        for moment in (0, 1, 2)
    )
    mean = first / mass
    size = mean * (1 - mean) / (second / mass - mean**2) - 1
    (estimate, *_) = shrunk_rates(rates, sizes, level=0.8)
    assert estimate.rate == pytest.approx(mean, rel=0.01)
    ends = beta.ppf([0.1, 0.9], mean * size, (1 - mean) * size)
    assert (estimate.low, estimate.high) == pytest.approx(ends, rel=0.01)


@pytest.mark.parametrize(("rates", "sizes"), [([0.1, 0.2], [9, 9]), ([0.1, 0.2, 0.3], [9, 9])])
def test_two_groups_say_nothing_about_how_groups_differ(rates, sizes):
    with pytest.raises(ValueError, match="at least 3 groups") as refusal:
        shrunk_rates(rates, sizes)
    assert str(refusal.value).startswith("Rates are estimated together for at least 3 groups, ")
    assert str(refusal.value).endswith(f"{len(rates)} rates and 2 numbers. Show the raw rates.")


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - dtype=None: numpy chooses a type that holds the same numbers.
# - zip(…, strict=True) without it: three figures of each group.
