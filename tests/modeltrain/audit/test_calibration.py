"""A calibrated model has no calibration error on average, however few the images."""

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import t

from modeltrain.audit.calibration import bins_of, calibration_error
from modeltrain.audit.quality import calibration


def audits(random, *, n, shift=0.0, size=1, repetitions=300):
    """Audits of a model whose scores are `shift` below the truth, in clusters of `size`."""
    for _ in range(repetitions):
        scores = np.repeat(random.uniform(0, 0.8, n // size), size)
        events = np.repeat(random.random(n // size), size) < scores + shift
        yield scores, events, np.arange(n) // size


@pytest.mark.parametrize(("n", "size"), [(30, 1), (300, 1), (300, 5)])
def test_a_calibrated_model_has_no_error_on_average(n, size):
    errors = [
        calibration_error(*audit) for audit in audits(np.random.default_rng(0), n=n, size=size)
    ]
    squares = np.array([error["squared"] for error in errors])
    assert abs(squares.mean()) < 3 * squares.std() / len(squares) ** 0.5
    roots = np.sign(squares) * np.abs(squares) ** 0.5
    assert abs(roots.mean()) < 0.03
    assert np.mean([error["low"] == 0 for error in errors]) > 0.9


@pytest.mark.parametrize("shape", [(0.3, 3), (0.05, 5), (1, 1), (3, 0.3)])
@pytest.mark.parametrize(("n", "size"), [(60, 1), (300, 1), (300, 5)])
def test_intervals_hold_the_truth_where_scores_are_skewed(shape, n, size):
    """Of scores near 0, a bin often has no event at all, which looks like no variance."""
    random, runs = np.random.default_rng(7), 150
    calibrated, overconfident = 0, 0
    for _ in range(runs):
        scores = np.repeat(random.beta(*shape, n // size), size)
        drawn, clusters = np.repeat(random.random(n // size), size), np.arange(n) // size
        error = calibration_error(scores, drawn < scores, clusters)
        calibrated += error["low"] == 0
        truth = np.minimum(1.5 * scores + 0.05, 1)
        bins = bins_of(scores)
        squares = [
            (bins == number).mean() * (scores - truth)[bins == number].mean() ** 2
            for number in range(bins.max() + 1)
        ]
        error = calibration_error(scores, drawn < truth, clusters)
        overconfident += error["low"] <= sum(squares) ** 0.5 <= error["high"]
    assert calibrated / runs >= 0.9  # 93% or more, less two standard errors of 150 runs
    assert overconfident / runs >= 0.9


def test_the_error_that_is_not_debiased_grows_as_images_get_fewer():
    plain = [
        calibration(scores, events)["ece"]
        for scores, events, _ in audits(np.random.default_rng(0), n=30)
    ]
    assert np.mean(plain) > 0.1


@pytest.mark.parametrize(("n", "shift", "size"), [(30, 0.2, 1), (300, 0.1, 1), (1000, 0.1, 5)])
def test_an_error_is_found_and_its_interval_holds_it(n, shift, size):
    errors = [
        calibration_error(*audit)
        for audit in audits(np.random.default_rng(1), n=n, shift=shift, size=size)
    ]
    assert np.mean([error["squared"] for error in errors]) ** 0.5 == pytest.approx(shift, rel=0.1)
    assert np.mean([error["difference"] for error in errors]) == pytest.approx(-shift, abs=0.01)
    held = np.mean([error["low"] <= shift <= error["high"] for error in errors])
    assert held > 0.91


def test_the_square_is_the_mean_product_over_pairs_of_different_clusters():
    random = np.random.default_rng(2)
    scores, events = random.random(40), random.random(40) < 0.5
    clusters = random.integers(0, 12, 40)
    bins = bins_of(scores)
    expected = 0.0
    for number in range(bins.max() + 1):
        images = np.flatnonzero(bins == number)
        products = [
            (scores[a] - events[a]) * (scores[b] - events[b])
            for a, b in combinations(images, 2)
            if clusters[a] != clusters[b]
        ]
        expected += len(images) / 40 * np.mean(products)
    error = calibration_error(scores, events, clusters)
    assert error["squared"] == pytest.approx(expected)
    assert error["error"] == pytest.approx(max(expected, 0) ** 0.5)
    assert error["bins"] == 4


@pytest.mark.parametrize(("n", "level"), [(40, 0.95), (120, 0.8)])
def test_the_interval_is_where_the_estimate_is_within_students_t_of_the_truth(n, level):
    random = np.random.default_rng(4)
    scores = random.beta(0.5, 1.0, n)
    events, clusters = random.random(n) < 0.5 * scores + 0.4, random.integers(0, n // 2, n)
    deviations, bins = np.sqrt(scores * (1 - scores)), bins_of(scores)
    variances, squares, freedom = [], [], 0
    for number in range(bins.max() + 1):
        rows = bins == number
        present = [(clusters == cluster) & rows for cluster in set(clusters[rows])]
        k, images = len(present), rows.sum()
        mean = (scores - events)[rows].mean()
        seen = sum(((scores - events)[cluster] - mean).sum() ** 2 for cluster in present)
        chance = sum(deviations[cluster].sum() ** 2 for cluster in present)
        variances.append(max(k / (k - 1) * seen, chance) / images**2 * images / n)
        squares.append(mean**2 * images / n)
        freedom += k - 1
    error = calibration_error(scores, events, clusters, level=level)

    def beyond(truth):
        growing = 4 * truth * np.dot(variances, squares) / sum(squares)
        spread = (2 * np.square(variances).sum() + growing) ** 0.5
        return abs(error["squared"] - truth) - t.ppf((1 + level) / 2, freedom) * spread

    assert error["high"] == pytest.approx(brentq(beyond, error["squared"], 9) ** 0.5)
    low = brentq(beyond, 0, error["squared"]) ** 0.5 if beyond(0) > 0 else 0
    assert error["low"] == pytest.approx(low)


def test_intervals_end_at_0_and_1():
    right = calibration_error(np.zeros(20), np.zeros(20), np.arange(20))
    assert (right["low"], right["error"], right["high"]) == (0, 0, 0)
    wrong = calibration_error([0.9, 0.9], [False, False], [0, 1])
    assert wrong["high"] == 1


def test_at_another_mix_images_are_weighted_as_if_there_were_more_of_them():
    random = np.random.default_rng(3)
    scores, events = random.random(60), np.arange(60) < 20
    weighted = calibration_error(scores, events, np.arange(60), share=0.5)
    # Twice each image with the event: the same bins, as no score is tied.
    pairs = np.r_[np.arange(20), np.arange(60)]
    plain = calibration_error(scores[pairs], events[pairs], pairs)
    assert weighted["difference"] == pytest.approx(plain["difference"])
    same = calibration_error(scores, events, np.arange(60), share=1 / 3)
    assert same == pytest.approx(calibration_error(scores, events, np.arange(60)))


def test_what_a_mix_needs_and_nobody_has_is_not_known():
    scores, events = [0.1, 0.2, 0.3], [False] * 3
    assert calibration_error(scores, events, range(3), share=0.1) is None
    alone = calibration_error(scores, events, range(3), share=0)
    assert alone["difference"] == pytest.approx(0.2)
    assert calibration_error([], [], []) is None
    assert calibration_error([0.1, 0.2], [True, False], [0, 0]) is None


def test_bins_have_as_many_images_each_and_at_least_ten():
    assert np.bincount(bins_of(np.arange(150))).tolist() == [10] * 15
    assert np.bincount(bins_of(np.arange(29))).tolist() == [14, 15]
    assert np.bincount(bins_of(np.arange(19))).tolist() == [19]


def test_equal_scores_share_a_bin():
    assert bins_of([0.3] * 50).tolist() == [0] * 50
    bins = bins_of(np.repeat([0.1, 0.2, 0.9], [40, 5, 55]))
    assert len(set(bins[:40])) == len(set(bins[40:45])) == len(set(bins[45:])) == 1
    assert sorted(set(bins_of(np.linspace(0, 1, 1000)))) == list(range(15))


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - bins / len(scores): pairs of bin and cluster stay distinct.
# - no lower limit of the number of bins: no bin and one bin both have no limits between bins.
