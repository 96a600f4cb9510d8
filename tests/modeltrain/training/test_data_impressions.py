"""Synthetic features get the requested class, on a head small enough to check by hand."""

import numpy as np
import pytest

from modeltrain.training.data_impressions import (
    _gradient,
    agreement,
    head_probabilities,
    synthesize,
)


def head(seed: int = 0) -> list[np.ndarray]:
    """Six features, two hidden layers of eight, three classes."""
    random = np.random.default_rng(seed)
    shapes = [(6, 8), (8,), (8, 8), (8,), (8, 3), (3,)]
    return [random.normal(0, 0.8, shape).astype(np.float32) for shape in shapes]


@pytest.fixture
def seeds():
    return np.random.default_rng(1).gamma(1.0, 1.0, (20, 6)).astype(np.float32)


def test_probabilities_are_softmax_after_relu():
    eye, zero = np.eye(2, dtype=np.float32), np.zeros(2, np.float32)
    weights = [eye, np.array([0, -3], np.float32), eye, zero, eye, zero]

    (probabilities,) = head_probabilities(weights, np.array([[1.0, 2.0]], np.float32))

    # The second unit is 2 - 3 < 0, so ReLU makes it 0; the first passes: softmax of (1, 0).
    np.testing.assert_allclose(probabilities, [np.e / (np.e + 1), 1 / (np.e + 1)], rtol=1e-6)


def test_optimisation_raises_the_probability_of_the_target_class(seeds):
    weights, target_classes = head(), np.repeat(np.arange(3), 100)

    start = synthesize(weights, seeds, target_classes=target_classes, steps=0, random_seed=3)
    impressions = synthesize(
        weights, seeds, target_classes=target_classes, steps=150, random_seed=3
    )

    rows = np.arange(len(target_classes))
    before = head_probabilities(weights, start)[rows, target_classes].mean()
    after = head_probabilities(weights, impressions)[rows, target_classes].mean()
    assert after > before + 0.1


def test_the_gradient_is_the_derivative_of_the_loss(seeds):
    weights = [array.astype(np.float64) for array in head()]
    targets = np.tile([0.2, 0.5, 0.3], (len(seeds), 1))

    def loss(features):
        return -(targets * np.log(head_probabilities(weights, features))).sum(axis=1)

    gradient = _gradient(weights, seeds.astype(np.float64), targets)

    for n in range(6):
        step = np.eye(6)[n] * 1e-6
        expected = (loss(seeds + step) - loss(seeds - step)) / 2e-6
        np.testing.assert_allclose(gradient[:, n], expected, atol=1e-5)


def test_impressions_have_the_shape_and_range_of_features(seeds):
    impressions = synthesize(head(), seeds, target_classes=np.arange(3), steps=20, random_seed=3)

    assert impressions.shape == (3, 6)
    assert impressions.dtype == np.float32
    assert impressions.min() >= 0
    assert np.isfinite(impressions).all()


def test_without_a_step_impressions_equal_their_starting_features(seeds):
    impressions = synthesize(head(), seeds, target_classes=np.zeros(9, int), steps=0, random_seed=3)

    for impression in impressions[::2]:  # every second one starts from one real image
        assert np.abs(seeds - impression).max(axis=1).min() < 1e-4
    for impression in impressions:  # the others from real numbers of each dimension
        assert np.abs(seeds - impression).min(axis=0).max() < 1e-4


def test_a_tether_keeps_impressions_near_their_start(seeds):
    def distance(tether):
        options = {"target_classes": np.repeat(np.arange(3), 50), "random_seed": 3}
        start = synthesize(head(), seeds, steps=0, **options)
        impressions = synthesize(head(), seeds, steps=100, tether=tether, **options)
        return np.abs(np.log(impressions + 1e-3) - np.log(start + 1e-3)).mean()

    assert distance(tether=1.0) < 0.5 * distance(tether=0.0)


def test_the_random_seed_determines_the_impressions(seeds):
    def make(random_seed):
        return synthesize(
            head(), seeds, target_classes=np.arange(3), steps=5, random_seed=random_seed
        )

    np.testing.assert_array_equal(make(3), make(3))
    assert not np.array_equal(make(3), make(4))


def test_agreement_is_counted_by_the_first_heads_class():
    eye, zero = np.eye(3, dtype=np.float32), np.zeros(3, np.float32)
    before = [eye, zero, eye, zero, eye, zero]
    swapped = eye[[1, 0, 2]]  # classes 0 and 1 change places
    after = [swapped, zero, eye, zero, eye, zero]
    features = np.array([[9, 0, 0], [0, 0, 9], [0, 0, 9]], np.float32)

    shares = agreement(before, after, features, ["a", "b", "c"])

    assert shares == {"a": 0.0, "b": None, "c": 1.0}
