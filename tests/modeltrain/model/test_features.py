"""Features are computed once per image and base, and only from the right image."""

from pathlib import Path

import numpy as np
import pytest

from modeltrain.data.manifest import Row
from modeltrain.images import codec
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import ImageMissing, compute_features, read_image_paths
from tests.conftest import noise


@pytest.fixture(scope="module")
def classifier(published) -> Classifier:
    return Classifier(published)


@pytest.fixture
def data(tmp_path):
    rows, paths = [], {}
    for seed in range(3):
        pixels = noise(seed)
        sha256 = codec.pixel_sha256(pixels)
        paths[sha256] = tmp_path / f"{seed}.png"
        paths[sha256].write_bytes(codec.to_png(pixels))
        rows.append(Row(sha256, "neutral", {}, "train", "test", str(seed)))
    return rows, paths


class CountingClassifier:
    """The real classifier, with a count of its calls."""

    def __init__(self, classifier: Classifier) -> None:
        self.artifact, self.feature_width = classifier.artifact, classifier.feature_width
        self.classifier = classifier
        self.calls = 0

    def classify(self, pixels):
        self.calls += 1
        return self.classifier.classify(pixels)


def test_features_are_the_models_second_output(classifier, data, tmp_path):
    rows, paths = data
    features = compute_features(rows, paths, classifier, tmp_path / "cache")
    assert features.shape == (3, 2048)
    np.testing.assert_array_equal(features[1], classifier.classify(noise(1)).features)


def test_adding_an_image_costs_one_classification(classifier, data, tmp_path):
    rows, paths = data
    counting = CountingClassifier(classifier)
    compute_features(rows[:2], paths, counting, tmp_path / "cache")
    compute_features(rows, paths, counting, tmp_path / "cache")
    assert counting.calls == 3


def test_a_truncated_cache_file_is_computed_again(classifier, data, tmp_path):
    rows, paths = data
    first = compute_features(rows, paths, classifier, tmp_path / "cache")
    damaged = next((tmp_path / "cache").rglob("*.npy"))
    damaged.write_bytes(damaged.read_bytes()[:100])
    np.testing.assert_array_equal(
        compute_features(rows, paths, classifier, tmp_path / "cache"), first
    )


def test_a_file_with_another_image_is_refused(classifier, data, tmp_path):
    rows, paths = data
    paths[rows[0].sha256].write_bytes(codec.to_png(noise(9)))
    with pytest.raises(ImageMissing, match=rows[0].sha256):
        compute_features(rows, paths, classifier, tmp_path / "cache")


def test_a_missing_file_is_refused(classifier, data, tmp_path):
    rows, _ = data
    with pytest.raises(ImageMissing, match="no path"):
        compute_features(rows, {}, classifier, tmp_path / "cache")


@pytest.mark.parametrize("values", [np.zeros(7, np.float32), np.full(2048, np.nan, np.float32)])
def test_a_cache_file_with_other_numbers_is_computed_again(classifier, data, tmp_path, values):
    rows, paths = data
    counting = CountingClassifier(classifier)
    first = compute_features(rows[:1], paths, counting, tmp_path / "cache")
    (cached,) = (tmp_path / "cache").rglob("*.npy")
    np.save(cached, values)
    np.testing.assert_array_equal(
        compute_features(rows[:1], paths, counting, tmp_path / "cache"), first
    )
    assert counting.calls == 2


def test_the_cache_belongs_to_the_base(classifier, data, published, tmp_path):
    rows, paths = data
    compute_features(rows[:1], paths, classifier, tmp_path / "cache")
    (folder,) = (tmp_path / "cache").iterdir()
    assert folder.name == published.config["base_sha256"][:12]


def test_paths_are_relative_to_the_file_that_lists_them(tmp_path):
    (tmp_path / "images.json").write_text('{"a": "folder/a.png", "b": "/b.png"}')
    paths = read_image_paths(tmp_path / "images.json")
    assert paths == {"a": tmp_path / "folder" / "a.png", "b": Path("/b.png")}
