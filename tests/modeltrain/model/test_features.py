from pathlib import Path

import numpy as np
import pytest

from modeltrain.data.manifest import Row
from modeltrain.images import codec
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import ImageMissing, features, read_images
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


class Counting:
    """The real classifier, and how often it was asked."""

    def __init__(self, classifier: Classifier) -> None:
        self.artifact = classifier.artifact
        self.classifier = classifier
        self.asked = 0

    def classify(self, pixels):
        self.asked += 1
        return self.classifier.classify(pixels)


def test_features_are_the_models_second_output(classifier, data, tmp_path):
    rows, paths = data
    found = features(rows, paths, classifier, tmp_path / "cache")
    assert found.shape == (3, 2048)
    np.testing.assert_array_equal(found[1], classifier.classify(noise(1)).features)


def test_adding_an_image_costs_one_image(classifier, data, tmp_path):
    rows, paths = data
    counting = Counting(classifier)
    features(rows[:2], paths, counting, tmp_path / "cache")
    features(rows, paths, counting, tmp_path / "cache")
    assert counting.asked == 3


def test_a_truncated_cache_file_is_computed_again(classifier, data, tmp_path):
    rows, paths = data
    first = features(rows, paths, classifier, tmp_path / "cache")
    broken = next((tmp_path / "cache").rglob("*.npy"))
    broken.write_bytes(broken.read_bytes()[:100])
    np.testing.assert_array_equal(features(rows, paths, classifier, tmp_path / "cache"), first)


def test_a_file_with_another_picture_is_refused(classifier, data, tmp_path):
    rows, paths = data
    paths[rows[0].sha256].write_bytes(codec.to_png(noise(9)))
    with pytest.raises(ImageMissing, match=rows[0].sha256):
        features(rows, paths, classifier, tmp_path / "cache")


def test_a_missing_file_is_refused(classifier, data, tmp_path):
    rows, _ = data
    with pytest.raises(ImageMissing, match="no path"):
        features(rows, {}, classifier, tmp_path / "cache")


@pytest.mark.parametrize("values", [np.zeros(7, np.float32), np.full(2048, np.nan, np.float32)])
def test_a_cache_file_with_other_numbers_is_computed_again(classifier, data, tmp_path, values):
    rows, paths = data
    counting = Counting(classifier)
    first = features(rows[:1], paths, counting, tmp_path / "cache")
    (kept,) = (tmp_path / "cache").rglob("*.npy")
    np.save(kept, values)
    np.testing.assert_array_equal(features(rows[:1], paths, counting, tmp_path / "cache"), first)
    assert counting.asked == 2


def test_the_cache_belongs_to_the_base(classifier, data, published, tmp_path):
    rows, paths = data
    features(rows[:1], paths, classifier, tmp_path / "cache")
    (folder,) = (tmp_path / "cache").iterdir()
    assert folder.name == published.config["base_sha256"][:12]


def test_paths_may_be_relative_to_their_list(tmp_path):
    (tmp_path / "images.json").write_text('{"a": "folder/a.png", "b": "/b.png"}')
    found = read_images(tmp_path / "images.json")
    assert found == {"a": tmp_path / "folder" / "a.png", "b": Path("/b.png")}
