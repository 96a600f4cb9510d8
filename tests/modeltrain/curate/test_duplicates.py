"""Near-duplicates: hashes and features propose pairs, alignment confirms them."""

import numpy as np
import pytest

from modeltrain.curate import duplicates
from tests.modeltrain.conftest import drawing


@pytest.fixture(scope="module")
def images():
    """A drawing, its mirror image, itself in a frame and turned, and two other drawings."""
    original = drawing(0)
    framed = np.pad(original, ((30, 30), (30, 30), (0, 0)), constant_values=0)
    return [original, original[:, ::-1], framed, np.rot90(original), drawing(1), drawing(2)]


def test_hashes_propose_mirrored_framed_and_turned_copies_alone(images):
    candidates = duplicates.candidates_by_hash(images.__getitem__, len(images))
    pairs = {tuple(pair) for pair in candidates.tolist()}
    assert pairs >= {(0, 1), (0, 2), (0, 3)}
    assert all(first < second <= 3 for first, second in pairs)


def test_a_plain_image_has_no_hash_that_means_anything():
    plain = [np.full((64, 64, 3), 255, np.uint8)] * 2
    assert duplicates.candidates_by_hash(plain.__getitem__, 2).shape == (0, 2)


def test_only_pairs_that_lie_on_each_other_are_duplicates(images):
    features = np.random.default_rng(0).random((len(images), 8)).astype(np.float32)
    features[4] = features[0]  # so that two different drawings are compared too
    assert [0, 4] in duplicates.candidates_by_features(features).tolist()
    steps = []
    pairs = duplicates.find(
        images.__getitem__, len(images), features, progress=lambda *step: steps.append(step)
    )
    confirmed = {(pair.first, pair.second) for pair in pairs}
    assert confirmed >= {(0, 1), (0, 2)}
    assert all(second <= 3 for _, second in confirmed)
    assert steps[-1][0] == "aligning"
    assert steps[-1][1] == steps[-1][2]


def test_features_propose_the_nearest_and_never_an_image_with_itself():
    random = np.random.default_rng(0)
    features = random.random((40, 16)).astype(np.float32)
    features[1] = features[0]
    pairs = duplicates.candidates_by_features(features, neighbours=2).tolist()
    assert [0, 1] in pairs
    assert all(first < second for first, second in pairs)
    assert len(pairs) < 40 * 39 / 2
    for few in (0, 1):
        assert duplicates.candidates_by_features(features[:few]).shape == (0, 2)


def test_whitened_features_vary_equally_in_every_direction():
    random = np.random.default_rng(0)
    features = (random.random((500, 3)) * [1, 10, 100]).astype(np.float32)
    whitened = duplicates.whiten(features)
    assert np.linalg.norm(whitened, axis=1) == pytest.approx(1)
    variances = np.linalg.eigvalsh(np.cov(whitened.T))
    assert variances.max() < 1.5 * variances.min()
    assert duplicates.whiten(features[:7]).shape == (7, 2)
    assert duplicates.whiten(features[:2]).shape == (2, 1)


def test_copies_among_few_images_stay_nearest():
    """With a direction for each image, all images would be equally far from each other."""
    random = np.random.default_rng(0)
    features = random.random((240, 300)).astype(np.float32)
    features[120:] = features[:120] + random.normal(0, 0.05, (120, 300))
    pairs = set(map(tuple, duplicates.candidates_by_features(features).tolist()))
    assert all((index, index + 120) in pairs for index in range(120))


def test_pairs_that_share_an_image_are_one_cluster():
    assert duplicates.clusters([(0, 3), (3, 5), (1, 2)], count=7) == [[0, 3, 5], [1, 2]]
    assert duplicates.clusters([], count=3) == []
