"""The article's recipe, with few small images and the real network."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from modeltrain.data import dataset
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import ImageMissing
from modeltrain.training import activation_cache, article, configs
from modeltrain.training.activation_cache import MIXED_5, POOLED, FrozenLayers
from modeltrain.training.errors import TrainingRefused
from tests.modeltrain.conftest import blobs, drawing

QUICK = configs.get(
    "article", ["head.epochs=3", "head.batch=4", "fine.epochs=2", "fine.batch=4", "copies=1"]
)


@pytest.fixture(scope="module")
def make_dataset(tmp_path_factory):
    """Build a dataset of flat drawings and soft blobs; every third one is for validation."""

    def build(per_class: int = 3, *, labels=("drawn", "soft"), validation: bool = True):
        folder = tmp_path_factory.mktemp("images")
        rows, images = [], {}
        for label, draw in (("drawn", lambda n: drawing(n, 120)), ("soft", blobs)):
            for number in range(per_class):
                pixels = draw(number)
                sha256 = pixel_sha256(pixels)
                images[sha256] = folder / f"{sha256}.png"
                images[sha256].write_bytes(to_png(pixels))
                split = "validation" if validation and number % 3 == 2 else "train"
                rows.append(Row(sha256, label, {}, split, "made", sha256))
        return dataset.write(folder / "set", labels=labels, rows=rows, images=images)

    return build


@pytest.fixture(scope="module")
def data(make_dataset):
    return make_dataset()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def train(published, data, cache, parent, *, config=QUICK, progress=None):
    return article.train(
        config,
        start=published,
        data=data,
        cache=cache,
        parent=parent,
        **({"progress": progress} if progress else {}),
    )


@pytest.fixture(scope="module")
def trained(published, data, cache, tmp_path_factory):
    return train(published, data, cache, tmp_path_factory.mktemp("artifacts")).artifact


def weights(path):
    tensors = onnx.load(path).graph.initializer
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in tensors}


def test_the_model_has_the_datasets_labels(trained, data):
    prediction = Classifier(artifact.load(trained.path)).classify(blobs(1))
    assert tuple(prediction.scores) == data.labels
    assert sum(prediction.scores.values()) == pytest.approx(1, abs=1e-5)


def test_the_convolutions_below_the_56th_stay_unchanged(trained, published):
    before, after = weights(published.onnx), weights(trained.onnx)
    unchanged = [
        n
        for n in range(1, 95)
        if np.array_equal(*(w[f"conv_{n:02d}/kernel"] for w in (before, after)))
    ]
    assert unchanged == list(range(1, 56))


def test_a_changed_base_has_another_hash_so_its_features_are_computed_again(trained, published):
    assert trained.config["base_sha256"] != published.config["base_sha256"]


def test_config_and_card_describe_the_training(trained, data, published):
    training = trained.config["training"]
    assert training["images"] == {
        "train": {"drawn": 2, "soft": 2},
        "validation": {"drawn": 1, "soft": 1},
    }
    assert trained.config["parent"] == published.sha256
    for name, epochs in (("phase 1", 3), ("phase 2", 2)):
        phase = training["phases"][name]
        assert len(phase["history"]) == epochs + 1
        losses = [figures["validation_loss"] for figures in phase["history"]]
        assert losses[phase["epoch_kept"]] == min(losses)
    card = (trained.path / "card.md").read_text()
    assert "| drawn | 2 | 1 |" in card
    assert f"| phase 2 | 2 | {training['phases']['phase 2']['epoch_kept']} |" in card


def test_phase_2_starts_where_phase_1_ended(trained):
    phases = trained.config["training"]["phases"]
    end = phases["phase 1"]["history"][phases["phase 1"]["epoch_kept"]]
    # Both phases add the same penalty on the first kernel to the loss, so they are comparable.
    start = phases["phase 2"]["history"][0]
    assert start["validation_loss"] == pytest.approx(end["validation_loss"], rel=0.01)


class Killed(BaseException):
    """Simulates kill -9 within one process: nothing runs after it, nothing is cleaned up."""


def test_a_killed_training_resumes_and_gives_the_same_model(
    published, data, cache, tmp_path, trained
):
    def kill(stage, done, total, message):
        if (stage, done) == ("phase 1", 2):
            raise Killed

    with pytest.raises(Killed):
        train(published, data, cache, tmp_path, progress=kill)
    assert not list(tmp_path.iterdir())
    steps = []
    again = train(
        published, data, cache, tmp_path, progress=lambda s, d, t, m: steps.append(f"{s}, {d}")
    )
    assert again.artifact.sha256 == trained.sha256
    assert [step for step in steps if step.startswith("phase")] == [
        "phase 1, 2",  # where it resumes
        "phase 1, 3",
        "phase 2, 1",
        "phase 2, 2",
    ]


def test_a_finished_training_leaves_only_the_cache(trained, cache):
    assert list((cache / "runs").iterdir()) == []


def test_frozen_layers_run_once_for_each_image_and_copy(published, data, cache, trained):
    calls = []
    for cut in (POOLED, MIXED_5):
        activation_cache.cache_activations(
            FrozenLayers(published, cut),
            data.rows,
            data.images,
            cache,
            progress=lambda *arguments: calls.append(arguments),
        )
    assert calls == []


def test_a_dataset_beyond_the_disk_budget_is_trained_on_pixels(published, make_dataset, tmp_path):
    config = replace(QUICK, disk_budget=0.0, copies=0, fine=replace(QUICK.fine, epochs=1))
    data = make_dataset(per_class=1, validation=False)
    candidate = train(published, data, tmp_path / "cache", tmp_path, config=config).artifact
    assert not list((tmp_path / "cache").glob(f"{FrozenLayers(published, MIXED_5).sha256[:12]}*"))
    before, after = weights(published.onnx), weights(candidate.onnx)
    assert np.array_equal(before["conv_55/kernel"], after["conv_55/kernel"])
    assert not np.array_equal(before["conv_56/kernel"], after["conv_56/kernel"])


@pytest.fixture(scope="module")
def from_one_image_each(published, make_dataset, cache, tmp_path_factory):
    """Phase 1 alone, with one image of two classes, none of the third and none for validation."""
    config = replace(QUICK, fine=replace(QUICK.fine, epochs=0))
    data = make_dataset(labels=("drawn", "neither", "soft"), per_class=1, validation=False)
    return train(published, data, cache, tmp_path_factory.mktemp("artifacts"), config=config)


def test_without_phase_2_the_base_stays_identical(published, from_one_image_each):
    model = from_one_image_each.artifact
    assert model.config["base_sha256"] == published.config["base_sha256"]


def test_training_goes_on_without_a_class_that_has_no_image(from_one_image_each):
    assert from_one_image_each.artifact.labels == ("drawn", "soft")


def test_fewer_than_two_classes_with_images_are_refused(published, make_dataset, tmp_path):
    rows = [row for row in make_dataset().rows if row.label == "soft"]
    data = replace(make_dataset(labels=("drawn", "soft")), rows=tuple(rows))
    with pytest.raises(TrainingRefused, match="none of drawn"):
        train(published, data, tmp_path, tmp_path)


def test_what_the_dataset_lacks_is_reported_as_problems(from_one_image_each):
    trained = from_one_image_each
    assert trained.problems == [
        "neither has no image to learn from: the model does not know this class.",
        "drawn has one image to learn from.",
        "soft has one image to learn from.",
        "There is no validation image: the last epoch was kept.",
    ]
    assert trained.artifact.config["training"]["problems"] == trained.problems
    assert trained.artifact.config["training"]["phases"]["phase 1"]["epoch_kept"] == 3


def test_a_missing_image_is_refused_by_name(published, make_dataset, tmp_path):
    data = make_dataset()
    missing = data.split("train")[0].sha256
    data.images[missing].unlink()
    with pytest.raises(ImageMissing, match=missing):
        train(published, data, tmp_path, tmp_path)


def test_the_config_is_valid_json(trained):
    json.loads((trained.path / "config.json").read_text(), parse_constant=pytest.fail)
