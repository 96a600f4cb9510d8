"""A head learns what was reported, keeps the rest, and leaves no half-made model."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from modeltrain import artifact, configs, export
from modeltrain.classifier import Classifier
from modeltrain.features import ImageMissing, load_pixels
from modeltrain.train import TrainingRefused, train_head

QUICK = replace(
    configs.get("head"),
    epochs=25,
    patience=25,
    impressions_per_class=40,
    impression_steps=30,
    validation_minimum=2,
)


@pytest.fixture
def train(published, tmp_path):
    def run(made, *, config=QUICK, folder="artifacts", progress=lambda *step: None):
        return train_head(
            config,
            champion=published,
            rows=made.rows,
            images=made.images,
            cache=tmp_path / "cache",
            parent=tmp_path / folder,
            progress=progress,
        )

    return run


def test_reported_drawings_are_learned_and_anchors_kept(train, dataset, published):
    made, steps = dataset(), []

    candidate = train(made, progress=lambda *step: steps.append(step))

    before, after = Classifier(published), Classifier(candidate)
    for row in made.rows:
        pixels = load_pixels(row.sha256, made.images)
        old, new = before.classify(pixels), after.classify(pixels)
        assert new.scores[row.label] > (0.5 if row.source == "report" else 0.4)
        np.testing.assert_array_equal(old.features, new.features)
    assert {step[0] for step in steps} == {"features", "training", "exporting"}


def test_the_candidate_says_how_it_was_made(train, dataset, published):
    candidate = train(dataset())

    assert artifact.load(candidate.path) == candidate
    assert candidate.labels == published.labels
    assert candidate.config["parent"] == published.sha256
    assert candidate.config["base_sha256"] == published.config["base_sha256"]
    training = candidate.config["training"]
    assert training["config"]["seed"] == QUICK.seed
    assert training["images"]["train"] == {"drawings, reported": 6, "neutral, anchor": 6}
    assert training["images"]["validation"] == {"drawings, reported": 2, "neutral, anchor": 2}
    assert training["stopped_by"] == "validation"
    assert set(training["impression_agreement"]) == set(published.labels)
    card = (candidate.path / "card.md").read_text()
    assert training["manifest_sha256"] in card
    assert published.version in card


def test_keras_and_onnx_of_the_candidate_are_one_model(train, dataset):
    candidate = train(dataset())

    model = keras.models.load_model(candidate.keras)

    head = model.get_layer("head")
    saved = [
        w for name in ("dense_1", "dense_2", "dense_3") for w in head.get_layer(name).get_weights()
    ]
    for ours, theirs in zip(saved, export.head_weights(candidate.onnx), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_same_dataset_gives_the_same_artifact(train, dataset):
    made, config = dataset(), replace(QUICK, epochs=3)

    first, second = train(made, config=config), train(made, config=config, folder="again")

    assert first.sha256 == second.sha256


def test_with_too_few_reports_to_validate_it_trains_to_the_last_epoch(train, dataset):
    candidate = train(dataset(), config=replace(QUICK, epochs=3, validation_minimum=99))

    assert candidate.config["training"]["stopped_by"] == "last epoch"
    assert candidate.config["training"]["epoch_kept"] == 3


def test_without_validation_images_it_trains_to_the_last_epoch(train, dataset):
    candidate = train(dataset(3, 3), config=replace(QUICK, epochs=2, impression_weight=0.0))

    assert candidate.config["training"]["epoch_kept"] == 2


@pytest.mark.parametrize("counts", [(0, 0), (4, 0), (0, 4)], ids=["none", "drawings", "neutral"])
def test_fewer_than_two_labels_are_refused(train, dataset, tmp_path, counts):
    with pytest.raises(TrainingRefused, match=r"at least two labels.* Received: \d images"):
        train(dataset(*counts))

    assert not (tmp_path / "artifacts").exists()


def test_a_corrupt_image_is_refused_and_leaves_no_artifact(train, dataset, tmp_path):
    made = dataset()
    broken = made.images[made.rows[0].sha256]
    broken.write_bytes(broken.read_bytes()[:50])

    with pytest.raises(ImageMissing, match=broken.name):
        train(made)

    assert not (tmp_path / "artifacts").exists()


def test_audit_rows_are_never_looked_at(train, dataset):
    made, config = dataset(), replace(QUICK, epochs=1)
    audit = replace(made.rows[0], sha256="f" * 64, split="audit", cluster="of the audit")

    candidate = train(replace(made, rows=[*made.rows, audit]), config=config)

    counts = candidate.config["training"]["images"]
    assert json.dumps(counts) == json.dumps(train(made, config=config).config["training"]["images"])
