"""Only the probability of classes with images is redistributed."""

import numpy as np
import pytest

from modeltrain.training import redistribution

RANDOM = np.random.default_rng(3)
PROBABILITIES = RANDOM.dirichlet(np.ones(5), 40).astype(np.float32)
CLASSES = np.array([0, 2] * 20)
FEATURES = RANDOM.random((40, 2048)).astype(np.float32)
FEATURES[CLASSES == 2, :20] += 1


def fit(chosen=slice(None), known=CLASSES):
    return redistribution.fit(
        FEATURES[chosen],
        known[chosen],
        validation_features=FEATURES[:10],
        validation_classes=known[:10],
    )


def test_classes_without_images_keep_their_probability_to_the_last_bit():
    after = fit().apply(PROBABILITIES, FEATURES)
    np.testing.assert_array_equal(after[:, [1, 3, 4]], PROBABILITIES[:, [1, 3, 4]])
    np.testing.assert_allclose(after.sum(axis=1), 1, atol=1e-5)


def test_the_others_share_theirs_by_the_features():
    after = fit().apply(PROBABILITIES, FEATURES)
    assert (after[CLASSES == 0, 0] > after[CLASSES == 0, 2]).all()
    assert (after[CLASSES == 2, 2] > after[CLASSES == 2, 0]).all()


def test_three_classes_share_it_too():
    known = np.arange(40) % 3
    model = fit(known=known)
    assert model.classes.tolist() == [0, 1, 2]
    after = model.apply(PROBABILITIES, FEATURES)
    np.testing.assert_array_equal(after[:, 3:], PROBABILITIES[:, 3:])


@pytest.mark.parametrize("validation", [np.array([], dtype=int), np.array([4, 4])])
def test_without_validation_images_of_its_classes_the_penalty_is_the_middle_one(validation):
    model = redistribution.fit(
        FEATURES,
        CLASSES,
        validation_features=FEATURES[: len(validation)],
        validation_classes=validation,
    )
    assert model.strength == redistribution.STRENGTHS[len(redistribution.STRENGTHS) // 2]


def test_many_images_of_a_class_do_not_outweigh_few_of_another():
    few = np.r_[np.arange(40)[CLASSES == 0], np.arange(40)[CLASSES == 2][:3]]
    after = fit(chosen=few).apply(PROBABILITIES, FEATURES)
    assert (after[CLASSES == 2, 2] > after[CLASSES == 2, 0]).mean() > 0.9
