"""The parts of the loss, in numbers small enough to count."""

from dataclasses import replace

import numpy as np
import pytest

from modeltrain.training import configs
from modeltrain.training.data_impressions import head_probabilities
from modeltrain.training.objective import (
    Examples,
    blend,
    blend_examples,
    impressions_of_all_classes,
    loss_rows,
)
from tests.modeltrain.training.test_data_impressions import head

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
    impressions = examples.features[:2] * 2

    rows = loss_rows(CONFIG, head(), examples, impressions)

    np.testing.assert_array_equal(rows.targets[:4], np.eye(3)[[0, 0, 0, 1]])
    champion = head_probabilities(head(), examples.features[4:])
    np.testing.assert_allclose(
        rows.targets[4:6], 0.75 * np.eye(3)[[1, 1]] + 0.25 * champion, rtol=1e-5
    )
    np.testing.assert_allclose(rows.targets[6:], head_probabilities(head(), impressions), rtol=1e-5)


def test_every_part_and_every_class_in_it_has_its_share_of_the_loss(examples):
    rows = loss_rows(CONFIG, head(), examples, examples.features[:5])
    shares = rows.weights / rows.weights.sum()

    assert shares[:3].sum() == pytest.approx(0.25)  # reported class 0: half of 0.5
    assert shares[3] == pytest.approx(0.25)  # reported class 1, though it is one image
    assert shares[4:6].sum() == pytest.approx(0.2)
    assert shares[6:].sum() == pytest.approx(0.3)
    assert rows.weights.mean() == pytest.approx(1)


def test_every_class_gets_the_same_number_of_impressions(examples):
    impressions = impressions_of_all_classes(CONFIG, head(), examples, random_seed=2)

    assert impressions.shape == (3 * 4, 6)


def test_impressions_of_a_class_with_images_start_from_anchors(examples):
    config = replace(CONFIG, impression_steps=0)

    impressions = impressions_of_all_classes(config, head(), examples, random_seed=2)

    anchors = examples.features[4:]
    for impression in impressions[4:]:  # the class without images comes first
        assert np.abs(anchors - impression).min(axis=0).max() < 1e-4


def test_a_weight_of_zero_gives_no_impressions(examples):
    config = replace(CONFIG, impression_weight=0.0)

    impressions = impressions_of_all_classes(config, head(), examples, random_seed=2)

    assert impressions.shape == (0, 6)
    assert np.isfinite(loss_rows(config, head(), examples, impressions).weights).all()


def test_a_blend_lies_between_two_and_nearer_to_the_first():
    bank = np.array([[0.0], [1.0]], np.float32)

    for seed in range(20):
        low, high = blend(bank, np.random.default_rng(seed))[:, 0]
        assert 0 <= low <= 0.5 <= high <= 1


def test_images_are_blended_within_their_class_and_kind():
    kinds = np.array([0.0, 0.0, 10.0, 10.0, 20.0, 20.0], np.float32)[:, None]
    examples = Examples(kinds, np.array([0, 0, 1, 1, 1, 1]), np.array([True] * 4 + [False] * 2))

    blended = blend_examples(examples, np.random.default_rng(0))

    np.testing.assert_allclose(blended.features, kinds)
