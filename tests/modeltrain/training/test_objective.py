"""What the loss is made of, in numbers small enough to count."""

from dataclasses import replace

import numpy as np
import pytest

from modeltrain.training import configs
from modeltrain.training.impressions import answer
from modeltrain.training.objective import Examples, blended, class_impressions, loss_rows, mixed
from tests.modeltrain.training.test_impressions import head

CONFIG = replace(
    configs.get("head"),
    distil=0.25,
    reported_weight=0.5,
    anchor_weight=0.2,
    impression_weight=0.3,
    impressions_per_class=4,
    impression_steps=3,
)


@pytest.fixture
def examples():
    """Three reported of class 0, one reported of class 1, two anchors of class 1."""
    features = np.random.default_rng(1).gamma(1.0, 1.0, (6, 6)).astype(np.float32)
    classes = np.array([0, 0, 0, 1, 1, 1])
    return Examples(features, classes, np.array([True] * 4 + [False] * 2))


def test_targets_are_labels_for_reports_and_softened_for_anchors(examples):
    made = examples.features[:2] * 2

    rows = loss_rows(CONFIG, head(), examples, made)

    np.testing.assert_array_equal(rows.targets[:4], np.eye(3)[[0, 0, 0, 1]])
    said = answer(head(), examples.features[4:])
    np.testing.assert_allclose(rows.targets[4:6], 0.75 * np.eye(3)[[1, 1]] + 0.25 * said, rtol=1e-5)
    np.testing.assert_allclose(rows.targets[6:], answer(head(), made), rtol=1e-5)


def test_each_part_and_each_class_in_it_has_its_share_of_the_loss(examples):
    rows = loss_rows(CONFIG, head(), examples, examples.features[:5])
    shares = rows.weights / rows.weights.sum()

    assert shares[:3].sum() == pytest.approx(0.25)  # reported class 0: half of 0.5
    assert shares[3] == pytest.approx(0.25)  # reported class 1, though it is one image
    assert shares[4:6].sum() == pytest.approx(0.2)
    assert shares[6:].sum() == pytest.approx(0.3)
    assert rows.weights.mean() == pytest.approx(1)


def test_impressions_are_made_of_every_class_and_most_where_no_image_is(examples):
    made = class_impressions(CONFIG, head(), examples, random_seed=2)

    assert made.shape == (3 * 4, 6)


def test_a_class_with_images_starts_from_anchors_alone(examples):
    config = replace(CONFIG, impression_steps=0)

    made = class_impressions(config, head(), examples, random_seed=2)

    anchors = examples.features[4:]
    for each in made[4:]:  # the class without images comes first
        assert np.abs(anchors - each).min(axis=0).max() < 1e-4


def test_no_weight_makes_no_impressions(examples):
    config = replace(CONFIG, impression_weight=0.0)

    made = class_impressions(config, head(), examples, random_seed=2)

    assert made.shape == (0, 6)
    assert np.isfinite(loss_rows(config, head(), examples, made).weights).all()


def test_a_blend_lies_between_two_and_nearer_to_the_first():
    bank = np.array([[0.0], [1.0]], np.float32)

    for seed in range(20):
        low, high = mixed(bank, np.random.default_rng(seed))[:, 0]
        assert 0 <= low <= 0.5 <= high <= 1


def test_images_are_blended_within_their_class_and_kind():
    kinds = np.array([0.0, 0.0, 10.0, 10.0, 20.0, 20.0], np.float32)[:, None]
    examples = Examples(kinds, np.array([0, 0, 1, 1, 1, 1]), np.array([True] * 4 + [False] * 2))

    out = blended(examples, np.random.default_rng(0))

    np.testing.assert_allclose(out.features, kinds)
