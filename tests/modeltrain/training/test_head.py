"""Real training of a head, on a few small images."""

import dataclasses

import numpy as np
import onnx
import pytest

from modeltrain.data.manifest import Row
from modeltrain.images import codec
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import ImageMissing
from modeltrain.network import export, inception
from modeltrain.training.configs import head
from modeltrain.training.data_impressions import agreement, head_probabilities, synthesize
from modeltrain.training.errors import TrainingRefused
from modeltrain.training.head import train_head
from tests.conftest import noise

CONFIG = dataclasses.replace(
    head.get(),
    epochs=40,
    patience=40,
    impressions_per_class=8,
    impression_steps=10,
    validation_minimum=1,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Twelve reported and twelve anchors, an eighth of each for validation."""
    folder = tmp_path_factory.mktemp("images")
    rows, paths = [], {}
    for seed in range(24):
        pixels = noise(seed) if seed % 2 else noise(seed)[:, :, :1].repeat(3, axis=2)
        sha256 = codec.pixel_sha256(pixels)
        paths[sha256] = folder / f"{seed}.png"
        paths[sha256].write_bytes(codec.to_png(pixels))
        rows.append(
            Row(
                sha256=sha256,
                label="drawings" if seed % 2 else "neutral",
                groups={},
                split="validation" if seed > 20 else "train",
                source="report" if seed % 2 else "demo",
                cluster=str(seed),
            )
        )
    return rows, paths


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def candidate(data, cache, published, tmp_path_factory):
    rows, paths = data
    return train_head(
        CONFIG,
        champion=published,
        rows=rows,
        images=paths,
        cache=cache,
        parent=tmp_path_factory.mktemp("artifacts"),
    )


def test_the_candidate_records_its_origin(candidate, published):
    assert candidate.config["parent"] == published.sha256
    assert candidate.config["base_sha256"] == published.config["base_sha256"]
    assert candidate.config["training"]["images"]["train"] == {
        "drawings, reported": 10,
        "neutral, anchor": 11,
    }


def test_only_the_head_is_new(candidate, published):
    old, new = (
        {
            tensor.name: tensor.SerializeToString()
            for tensor in onnx.load(model.onnx).graph.initializer
        }
        for model in (published, candidate)
    )
    changed = {name for name in old if old[name] != new[name]}
    assert old.keys() == new.keys()
    assert 0 < len(changed) <= 6
    assert all(name.startswith(export.HEAD_PREFIX) for name in changed)


def test_the_candidate_learns_what_was_reported(candidate, published, data):
    rows, paths = data
    reported = [row for row in rows if row.label == "drawings" and row.split == "train"]
    before, after = Classifier(published), Classifier(candidate)
    pixels = [codec.decode(paths[row.sha256].read_bytes()) for row in reported]
    gains = [
        after.classify(image).scores["drawings"] - before.classify(image).scores["drawings"]
        for image in pixels
    ]
    assert np.mean(gains) > 0.1


def test_the_saved_network_and_the_graph_agree(candidate):
    model = export.from_keras(candidate.keras, classes=5)
    weights = export.head_weights(candidate.onnx)
    layers = [model.get_layer("head").get_layer(name) for name in inception.HEAD_LAYERS]
    saved = [array for layer in layers for array in layer.get_weights()]
    for in_graph, in_network in zip(weights, saved, strict=True):
        np.testing.assert_array_equal(in_graph, in_network)
    prediction = Classifier(candidate).classify(noise(1))
    expected = head_probabilities(weights, prediction.features[None])[0]
    np.testing.assert_allclose(list(prediction.scores.values()), expected, atol=1e-5)


def test_the_same_seed_gives_the_same_model(candidate, data, cache, published, tmp_path):
    rows, paths = data
    again = train_head(
        CONFIG, champion=published, rows=rows, images=paths, cache=cache, parent=tmp_path
    )
    assert again.sha256 == candidate.sha256


@pytest.mark.parametrize("labels", [[], ["drawings"]])
def test_a_dataset_with_fewer_than_two_labels_is_refused(data, cache, published, tmp_path, labels):
    rows, paths = data
    with pytest.raises(TrainingRefused, match="at least two labels"):
        train_head(
            CONFIG,
            champion=published,
            rows=[row for row in rows if row.label in labels],
            images=paths,
            cache=cache,
            parent=tmp_path,
        )
    assert not list(tmp_path.iterdir())


def test_a_missing_image_stops_the_training_and_no_model_is_written(data, published, tmp_path):
    rows, _ = data
    with pytest.raises(ImageMissing):
        train_head(
            CONFIG,
            champion=published,
            rows=rows,
            images={},
            cache=tmp_path / "cache",
            parent=tmp_path / "artifacts",
        )
    assert not (tmp_path / "artifacts").exists()


def test_impressions_of_a_class_get_its_highest_mean_probability(published):
    """Half of them have soft targets on purpose, so not every single one does."""
    weights = export.head_weights(published.onnx)
    classifier = Classifier(published)
    seeds = np.stack([classifier.classify(noise(seed)).features for seed in range(12)])
    classes = np.repeat(np.arange(5), 20)
    impressions = synthesize(weights, seeds, target_classes=classes, steps=120, random_seed=1)
    assert (impressions >= 0).all()
    probabilities = head_probabilities(weights, impressions)
    means = np.stack([probabilities[classes == n].mean(axis=0) for n in range(5)])
    assert means.argmax(axis=0).tolist() == [0, 1, 2, 3, 4]


def test_agreement_is_a_share_of_the_first_heads_answers():
    layer = [np.eye(3, dtype=np.float32), np.zeros(3, np.float32)]
    weights = layer * 3
    swapped = [*weights[:4], np.eye(3, dtype=np.float32)[[1, 0, 2]], np.zeros(3, np.float32)]
    features = np.eye(3, dtype=np.float32)[[0, 0, 2]]
    assert agreement(weights, swapped, features, ["a", "b", "c"]) == {"a": 0, "b": None, "c": 1}


@pytest.fixture
def again(data, cache, published, tmp_path):
    """Train again with some changes, for one epoch by default."""

    def run(rows=None, paths=None, cache=cache, **changes):
        return train_head(
            dataclasses.replace(CONFIG, **({"epochs": 1} | changes)),
            champion=published,
            rows=data[0] if rows is None else rows,
            images=data[1] if paths is None else paths,
            cache=cache,
            parent=tmp_path / "artifacts",
        )

    return run


def test_with_too_few_validation_reports_training_runs_to_the_last_epoch(again):
    training = again(epochs=2, validation_minimum=99).config["training"]
    assert (training["stopped_by"], training["epoch_kept"]) == ("last epoch", 2)


def test_without_validation_images_or_impressions_training_runs_to_the_last_epoch(again, data):
    rows = [row for row in data[0] if row.split == "train"]
    training = again(rows, epochs=2, impression_weight=0.0).config["training"]
    assert (training["stopped_by"], training["epoch_kept"]) == ("last epoch", 2)


def test_anchors_of_one_label_alone_are_refused(again, data, tmp_path):
    with pytest.raises(TrainingRefused, match=r"Received: 11 images, all neutral"):
        again([row for row in data[0] if row.label == "neutral"])
    assert not (tmp_path / "artifacts").exists()


def test_a_corrupt_image_is_named_and_no_model_is_written(again, data, tmp_path):
    rows, paths = data
    broken = tmp_path / "broken.png"
    broken.write_bytes(paths[rows[0].sha256].read_bytes()[:50])
    with pytest.raises(ImageMissing, match=r"broken\.png"):
        again(paths=paths | {rows[0].sha256: broken}, cache=tmp_path / "empty")
    assert not (tmp_path / "artifacts").exists()


def test_audit_images_are_never_read(again, data):
    unknown = dataclasses.replace(data[0][0], sha256="f" * 64, split="audit", cluster="audit")
    counts = again([*data[0], unknown]).config["training"]["images"]
    assert set(counts) == {"train", "validation"}


def test_the_card_names_the_dataset_and_the_parent(candidate, published):
    text = (candidate.path / "card.md").read_text()
    assert candidate.config["training"]["manifest_sha256"] in text
    assert published.version in text


def test_the_card_counts_the_images_that_both_heads_classify_correctly(candidate):
    validation = candidate.config["training"]["validation"]
    assert {label: counts["images"] for label, counts in validation.items()} == {
        "drawings": 2,
        "neutral": 1,
    }
    text = (candidate.path / "card.md").read_text()
    for label, counts in validation.items():
        line = f"| {label} | {counts['images']} | {counts['before']} | {counts['after']} |"
        assert line in text
    for heading in ("## Data", "## Recipe", "## Figures", "## Limits"):
        assert heading in text


def test_without_validation_images_the_card_says_so(again, data):
    model = again([row for row in data[0] if row.split == "train"])
    assert "There were no images for validation." in (model.path / "card.md").read_text()
