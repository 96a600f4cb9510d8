"""Made-up features are answered as asked, on a head small enough to check by hand."""

import numpy as np
import pytest

from modeltrain.training.impressions import _slope, agreement, answer, impressions


def head(seed: int = 0) -> list[np.ndarray]:
    """Six features, two hidden layers of eight, three classes."""
    random = np.random.default_rng(seed)
    shapes = [(6, 8), (8,), (8, 8), (8,), (8, 3), (3,)]
    return [random.normal(0, 0.8, shape).astype(np.float32) for shape in shapes]


@pytest.fixture
def seeds():
    return np.random.default_rng(1).gamma(1.0, 1.0, (20, 6)).astype(np.float32)


def test_an_answer_is_softmax_after_relu():
    one = np.eye(2, dtype=np.float32)
    zero = np.zeros(2, np.float32)
    weights = [one, np.array([0, -3], np.float32), one, zero, one, zero]

    (said,) = answer(weights, np.array([[1.0, 2.0]], np.float32))

    # The second unit is 2 - 3 < 0, so 0 is left; the first passes: softmax of (1, 0).
    np.testing.assert_allclose(said, [np.e / (np.e + 1), 1 / (np.e + 1)], rtol=1e-6)


def test_impressions_move_the_answer_towards_the_class_asked_for(seeds):
    weights, wanted = head(), np.repeat(np.arange(3), 100)

    start = impressions(weights, seeds, wanted=wanted, steps=0, random_seed=3)
    made = impressions(weights, seeds, wanted=wanted, steps=150, random_seed=3)

    places = np.arange(len(wanted))
    before = answer(weights, start)[places, wanted].mean()
    after = answer(weights, made)[places, wanted].mean()
    assert after > before + 0.1


def test_the_slope_is_the_derivative_of_the_loss(seeds):
    weights = [each.astype(np.float64) for each in head()]
    targets = np.tile([0.2, 0.5, 0.3], (len(seeds), 1))

    def loss(features):
        return -(targets * np.log(answer(weights, features))).sum(axis=1)

    slope = _slope(weights, seeds.astype(np.float64), targets)

    for place in range(6):
        step = np.eye(6)[place] * 1e-6
        measured = (loss(seeds + step) - loss(seeds - step)) / 2e-6
        np.testing.assert_allclose(slope[:, place], measured, atol=1e-5)


def test_impressions_are_features_as_a_network_has_them(seeds):
    made = impressions(head(), seeds, wanted=np.arange(3), steps=20, random_seed=3)

    assert made.shape == (3, 6)
    assert made.dtype == np.float32
    assert made.min() >= 0
    assert np.isfinite(made).all()


def test_without_a_step_they_are_the_features_they_start_from(seeds):
    made = impressions(head(), seeds, wanted=np.zeros(9, int), steps=0, random_seed=3)

    for each in made[::2]:  # every second one starts from one real image
        assert np.abs(seeds - each).max(axis=1).min() < 1e-4
    for each in made:  # all others from real numbers of each dimension
        assert np.abs(seeds - each).min(axis=0).max() < 1e-4


def test_a_tether_holds_them_near_the_start(seeds):
    def distance(tether):
        options = {"wanted": np.repeat(np.arange(3), 50), "random_seed": 3}
        start = impressions(head(), seeds, steps=0, **options)
        made = impressions(head(), seeds, steps=100, tether=tether, **options)
        return np.abs(np.log(made + 1e-3) - np.log(start + 1e-3)).mean()

    assert distance(tether=1.0) < 0.5 * distance(tether=0.0)


def test_the_seed_decides(seeds):
    def make(random_seed):
        return impressions(head(), seeds, wanted=np.arange(3), steps=5, random_seed=random_seed)

    np.testing.assert_array_equal(make(3), make(3))
    assert not np.array_equal(make(3), make(4))


def test_agreement_counts_by_the_class_the_first_head_names():
    eye, zero = np.eye(3, dtype=np.float32), np.zeros(3, np.float32)
    before = [eye, zero, eye, zero, eye, zero]
    swapped = eye[[1, 0, 2]]  # what was class 0 is now class 1
    after = [swapped, zero, eye, zero, eye, zero]
    features = np.array([[9, 0, 0], [0, 0, 9], [0, 0, 9]], np.float32)

    kept = agreement(before, after, features, ["a", "b", "c"])

    assert kept == {"a": 0.0, "b": None, "c": 1.0}
