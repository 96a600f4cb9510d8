"""Features are computed once, and never from the wrong image."""

import json

import numpy as np
import pytest

from modeltrain.features import ImageMissing, features, load_pixels, read_images
from modeltrain.images import to_png


class Counted:
    """The real classifier, counting."""

    def __init__(self, classifier) -> None:
        self.artifact = classifier.artifact
        self.seen = 0
        self._classifier = classifier

    def classify(self, pixels):
        self.seen += 1
        return self._classifier.classify(pixels)


@pytest.fixture
def counted(classifier):
    return Counted(classifier)


def test_features_are_the_classifiers_in_the_order_of_the_rows(dataset, classifier, tmp_path):
    made = dataset(2, 2)

    found = features(made.rows, made.images, classifier, tmp_path / "cache")

    assert found.shape == (4, 2048)
    assert found.dtype == np.float32
    for row, each in zip(made.rows, found, strict=True):
        pixels = load_pixels(row.sha256, made.images)
        np.testing.assert_allclose(each, classifier.classify(pixels).features, atol=1e-6)


def test_only_new_images_are_computed(dataset, counted, tmp_path):
    cache, small, large = tmp_path / "cache", dataset(2, 1), dataset(3, 1)
    first = features(small.rows, small.images, counted, cache)
    steps = []

    second = features(
        large.rows, large.images, counted, cache, lambda *step: steps.append(step[:3])
    )

    assert counted.seen == 4  # three, and then the one that is new
    np.testing.assert_array_equal(second[:2], first[:2])
    assert steps == [("features", done, 4) for done in range(1, 5)]


def test_the_cache_belongs_to_the_base(dataset, counted, published, tmp_path):
    made = dataset(1, 0)

    features(made.rows, made.images, counted, tmp_path / "cache")

    (folder,) = (tmp_path / "cache").iterdir()
    assert folder.name == published.config["base_sha256"][:12]


@pytest.mark.parametrize("damage", ["truncated", "empty", "wrong shape", "not a number"])
def test_a_damaged_cache_is_computed_again(dataset, counted, tmp_path, damage):
    made, cache = dataset(1, 0), tmp_path / "cache"
    first = features(made.rows, made.images, counted, cache)
    (kept,) = cache.rglob("*.npy")
    if damage == "truncated":
        kept.write_bytes(kept.read_bytes()[:-100])
    elif damage == "empty":
        kept.write_bytes(b"")
    elif damage == "wrong shape":
        np.save(kept, np.zeros(7, np.float32))
    else:
        np.save(kept, np.full(2048, np.nan, np.float32))

    again = features(made.rows, made.images, counted, cache)

    np.testing.assert_array_equal(again, first)
    assert counted.seen == 2
    assert np.load(kept).shape == (2048,)


def test_an_image_that_is_not_listed_is_refused(dataset, counted, tmp_path):
    made = dataset(1, 0)

    with pytest.raises(ImageMissing, match="no path for it"):
        features(made.rows, {}, counted, tmp_path / "cache")


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_a_file_that_is_no_image_is_refused(dataset, content):
    made = dataset(1, 0)
    ((sha256, path),) = made.images.items()
    path.write_bytes(content)

    with pytest.raises(ImageMissing, match=path.name):
        load_pixels(sha256, made.images)


def test_another_image_is_refused_though_it_can_be_read(dataset):
    made = dataset(1, 0)
    ((sha256, path),) = made.images.items()
    path.write_bytes(to_png(np.zeros((5, 5, 3), np.uint8)))

    with pytest.raises(ImageMissing, match="with pixels"):
        load_pixels(sha256, made.images)


def test_paths_may_be_relative_to_the_list(tmp_path):
    (tmp_path / "images.json").write_text(json.dumps({"a": "folder/a.png", "b": "/b.png"}))

    found = read_images(tmp_path / "images.json")

    assert found["a"] == tmp_path / "folder" / "a.png"
    assert str(found["b"]) == "/b.png"
