"""The area under the curve against scikit-learn, DeLong's variance against all pairs."""

import numpy as np
import pytest
from scipy.stats import norm, t
from sklearn.metrics import roc_auc_score

from modeltrain.audit import ranking
from modeltrain.audit.ranking import area_under_curve


def images(random, *, safe, explicit, shift, size=1):
    """Scores of images in clusters of `size`, whose members resemble one another."""
    n = safe + explicit
    scores = np.repeat(random.normal(0, 0.8, n // size), size) + random.normal(0, 0.6, n)
    is_explicit = np.arange(n) >= safe
    return scores + shift * is_explicit, is_explicit, np.arange(n) // size


def test_the_area_is_that_of_scikit_learn_with_ties():
    random = np.random.default_rng(0)
    scores, explicit, clusters = images(random, safe=60, explicit=30, shift=1)
    scores = scores.round(1)
    area = area_under_curve(scores, explicit, clusters)
    assert area["value"] == pytest.approx(roc_auc_score(explicit, scores))
    assert area["low"] < area["value"] < area["high"]


def test_the_variance_is_delongs_and_for_clusters_obuchowskis(monkeypatch):
    random = np.random.default_rng(1)
    scores, explicit, clusters = images(random, safe=40, explicit=20, shift=1, size=4)
    clusters[-4:] = clusters[:4]  # a cluster with images of both sides
    high, low = scores[explicit], scores[~explicit]
    wins = (high[:, None] > low).astype(float)
    placed_high, placed_low = wins.mean(axis=1), wins.mean(axis=0)
    area = wins.mean()
    delong = placed_high.var(ddof=1) / 20 + placed_low.var(ddof=1) / 40

    def totals(placed, side):
        return np.bincount(clusters[side], weights=placed - area, minlength=15)

    by_high, by_low = totals(placed_high, explicit), totals(placed_low, ~explicit)
    k_high, k_low, k = 5, 10, 14
    obuchowski = (
        k_high / (k_high - 1) * (by_high**2).sum() / 20**2
        + k_low / (k_low - 1) * (by_low**2).sum() / 40**2
        + 2 * k / (k - 1) * (by_high * by_low).sum() / 20 / 40
    )
    effective = []
    limit = ranking._lower_limit
    monkeypatch.setattr(
        ranking, "_lower_limit", lambda area, *n: effective.append(n) or limit(area, *n)
    )
    area_under_curve(scores, explicit, clusters)
    students = t.ppf(0.975, 4) / t.ppf(0.975, 19)
    assert 20 / effective[0][0] == pytest.approx(obuchowski / delong * students**2)
    assert effective[0][1] == pytest.approx(2 * effective[0][0])


@pytest.mark.parametrize(
    ("of_explicit", "copies"),
    [
        ([0.9] * 10 + [0.4] * 10, 10),  # the two clusters differ in everything
        ([0.9] * 5 + [0.4] * 5 + [0.9] * 5 + [0.4] * 5, 1),  # they are alike, as chance never is
    ],
)
def test_an_image_counts_for_no_more_than_one_and_no_less_than_its_cluster_allows(
    of_explicit, copies
):
    scores = np.array(of_explicit + [0.5] * 20)
    explicit = np.arange(40) < 20
    area = area_under_curve(scores, explicit, np.arange(40) // 10)
    students = t.ppf(0.975, [1, 19])
    effective = 20 / (copies * (students[0] / students[1]) ** 2)
    lower = ranking._lower_limit(0.5, effective, effective, norm.ppf(0.975))
    assert area == pytest.approx({"value": 0.5, "low": lower, "high": 1 - lower})


def test_without_clusters_the_limits_solve_newcombes_equation():
    random = np.random.default_rng(4)
    scores, explicit, clusters = images(random, safe=40, explicit=15, shift=1)
    area = area_under_curve(scores, explicit, clusters, level=0.9)
    for end, mirrored in (("low", False), ("high", True)):
        limit, value = area[end], area["value"]
        if mirrored:
            limit, value = 1 - limit, 1 - value
        halfway = (40 + 15) / 2 - 1
        spread = 1 + halfway * ((1 - limit) / (2 - limit) + limit / (1 + limit))
        error = np.sqrt(limit * (1 - limit) * spread / (40 * 15))
        assert value - limit == pytest.approx(norm.ppf(0.95) * error)


@pytest.mark.parametrize(
    ("safe", "explicit", "shift", "size"),
    [(40, 20, 1.0, 1), (100, 12, 3.0, 1), (200, 50, 1.0, 5)],
)
def test_the_interval_holds_the_truth_about_95_times_of_100(safe, explicit, shift, size):
    random = np.random.default_rng(2)
    truth, held = norm.cdf(shift / 2**0.5), 0
    for _ in range(200):
        area = area_under_curve(
            *images(random, safe=safe, explicit=explicit, shift=shift, size=size)
        )
        held += area["low"] <= truth <= area["high"]
    assert held >= 0.92 * 200


def test_no_wrong_pair_is_no_proof_of_none_to_come():
    area = area_under_curve([0.1] * 30 + [0.9] * 30, [False] * 30 + [True] * 30, range(60))
    assert (area["value"], area["high"]) == (1, 1)
    assert 0.9 < area["low"] < 0.96
    copies = [n // 5 for n in range(60)]
    clustered = area_under_curve([0.1] * 30 + [0.9] * 30, [False] * 30 + [True] * 30, copies)
    assert clustered["low"] < area["low"] - 0.1


def test_a_score_that_ranks_backwards_is_the_mirror_image():
    random = np.random.default_rng(3)
    scores, explicit, clusters = images(random, safe=30, explicit=20, shift=1)
    forwards = area_under_curve(scores, explicit, clusters)
    backwards = area_under_curve(-scores, explicit, clusters)
    for end, other in (("low", "high"), ("value", "value"), ("high", "low")):
        assert forwards[end] == pytest.approx(1 - backwards[other])


@pytest.mark.parametrize("side", [True, False])
def test_with_images_of_one_side_there_is_no_area(side):
    assert area_under_curve([0.2, 0.4], [side, side], [0, 1]) is None


def test_one_cluster_tells_nothing():
    area = area_under_curve([0.1, 0.2, 0.3], [False, False, True], [0, 1, 2])
    assert area == {"value": 1.0, "low": 0.0, "high": 1.0}
    two = area_under_curve([0.1, 0.2, 0.3, 0.15], [False, False, True, True], range(4))
    assert 0 < two["low"] < two["value"] == 0.75 < two["high"] < 1
