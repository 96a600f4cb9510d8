"""Train a new head for the champion on reported images, and preserve what the champion knows.

The module `objective` defines the loss. Kernels are pulled towards the champion's instead of
towards zero (Li et al., "Explicit Inductive Bias for Transfer Learning with Convolutional
Networks", 2018: L2-SP).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.model import artifact
from modeltrain.model.artifact import Artifact
from modeltrain.model.card import head_card
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import compute_features
from modeltrain.network import export, inception
from modeltrain.progress import ProgressCallback, quiet
from modeltrain.training.configs.head import HeadConfig
from modeltrain.training.data_impressions import Floats, Weights, agreement, head_probabilities
from modeltrain.training.errors import TrainingRefused
from modeltrain.training.objective import (
    Examples,
    blend,
    blend_examples,
    impressions_of_all_classes,
    loss_rows,
)


@dataclass(frozen=True)
class FittedHead:
    """A trained head.

    Attributes
    ----------
    weights : list of numpy.ndarray of float32
        Kernel and bias of each dense layer.
    epoch : int
        The epoch that was kept, counted from 1; 0 if none was better than the champion.
    stopped_by : {"validation", "last epoch"}
        What determined the epoch.
    """

    weights: list[Floats]
    epoch: int
    stopped_by: str


def train_head(
    config: HeadConfig,
    *,
    champion: Artifact,
    rows: Sequence[Row],
    images: Mapping[str, Path],
    cache: Path,
    parent: Path,
    progress: ProgressCallback = quiet,
) -> Artifact:
    """Train a head on a dataset and write the new model as an artifact.

    The new graph differs from the champion's only in its head. The same dataset, config and
    champion give the same artifact. If anything fails, no artifact is written.

    Parameters
    ----------
    config : HeadConfig
    champion : Artifact
        The model to start from, whose knowledge must be preserved.
    rows : sequence of Row
        The head is trained on rows of split `train`; rows of `validation` decide when to stop;
        others are ignored. Source `report` marks reported images.
    images : mapping of str to pathlib.Path
        Each image's path, by pixel hash.
    cache : pathlib.Path
        Folder of features.
    parent : pathlib.Path
        Folder of artifacts.
    progress : callable
        Called after each image, epoch and file.

    Raises
    ------
    TrainingRefused
        When there are no training images, or all have one label.
    ImageMissing
        When an image is missing, cannot be read, or is not the one that its hash names.
    """
    train_rows = [row for row in rows if row.split == "train"]
    validation_rows = [row for row in rows if row.split == "validation"]
    check_rows(train_rows)
    features = compute_features(
        [*train_rows, *validation_rows], images, Classifier(champion), cache, progress
    )
    weights = export.head_weights(champion.onnx)
    train = examples_of(train_rows, features[: len(train_rows)], champion.labels)
    validation = examples_of(validation_rows, features[len(train_rows) :], champion.labels)
    fitted = fit_head(config, weights, train=train, validation=validation, progress=progress)

    progress("exporting", 0, 2, "Measuring what was kept")
    held_out = impressions_of_all_classes(
        config, weights, validation if validation_rows else train, random_seed=config.seed + 3
    )
    impression_agreement = agreement(weights, fitted.weights, held_out, champion.labels)
    progress("exporting", 1, 2, "Writing the model")
    onnx_bytes = export.replace_head(champion.onnx, fitted.weights)
    artifact_config = {
        "name": config.name,
        "base_sha256": champion.config["base_sha256"],
        "parent": champion.sha256,
        "source": champion.config["source"],
        "training": {
            "config": asdict(config),
            "manifest_sha256": manifest.sha256(rows),
            "images": count_images(rows),
            "epoch_kept": fitted.epoch,
            "stopped_by": fitted.stopped_by,
            "impression_agreement": impression_agreement,
            "validation": _count_correct(validation, weights, fitted.weights, champion.labels),
        },
    }
    candidate = artifact.write(
        parent=parent,
        files={
            "model.onnx": onnx_bytes,
            "model.keras": export.replace_keras_head(champion.keras, fitted.weights),
            "labels.json": (champion.path / "labels.json").read_bytes(),
            "config.json": json.dumps(artifact_config, indent=2, sort_keys=True).encode(),
            "card.md": head_card(artifact_config).encode(),
        },
    )
    progress("exporting", 2, 2, f"Wrote {candidate.version}")
    return candidate


def check_rows(train_rows: Sequence[Row]) -> None:
    """Raise `TrainingRefused` if the training images do not have two labels at least."""
    labels = sorted({row.label for row in train_rows})
    if len(labels) < 2:
        raise TrainingRefused(
            "A training set must have images of at least two labels, or the model learns to give "
            f"one answer to everything. Received: {len(train_rows)} images"
            f"{f', all {labels[0]}' if labels else ''}. Fold in images of another label."
        )


def examples_of(rows: Sequence[Row], features: Floats, labels: Sequence[str]) -> Examples:
    """Put the features of images together with what their rows say."""
    return Examples(
        features=features,
        classes=np.array([labels.index(row.label) for row in rows], dtype=np.intp),
        reported=np.array([row.source == manifest.REPORTED for row in rows], dtype=np.bool_),
    )


def count_images(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    """Count the images that are learnt from by split, label and kind."""
    counts: dict[str, dict[str, int]] = {"train": {}, "validation": {}}
    for row in rows:
        if row.split not in counts:
            continue
        key = f"{row.label}, {'reported' if row.source == manifest.REPORTED else 'anchor'}"
        counts[row.split][key] = counts[row.split].get(key, 0) + 1
    return counts


def _count_correct(
    examples: Examples, before: Weights, after: Weights, labels: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Count by label how many of the images each head classifies correctly."""
    if not len(examples.classes):
        return {}
    correct = {
        name: head_probabilities(weights, examples.features).argmax(axis=1) == examples.classes
        for name, weights in (("before", before), ("after", after))
    }
    return {
        labels[n]: {
            "images": int((examples.classes == n).sum()),
            **{name: int(hits[examples.classes == n].sum()) for name, hits in correct.items()},
        }
        for n in np.unique(examples.classes)
    }


def fit_head(
    config: HeadConfig,
    champion: Weights,
    *,
    train: Examples,
    validation: Examples,
    progress: ProgressCallback = quiet,
) -> FittedHead:
    """Train a head, starting from the champion's.

    Parameters
    ----------
    config : HeadConfig
    champion : sequence of numpy.ndarray
        The champion's head: kernel and bias of each dense layer.
    train, validation : Examples
        Validation decides which epoch is kept, if it has enough reported images.
    progress : callable
        Called after each epoch.

    Returns
    -------
    FittedHead
    """
    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    random = np.random.default_rng(config.seed)
    impressions = impressions_of_all_classes(config, champion, train, random_seed=config.seed + 1)
    held_out = impressions_of_all_classes(config, champion, train, random_seed=config.seed + 2)
    validation_loss_rows = loss_rows(config, champion, validation, held_out)
    stops_early = int(validation.reported.sum()) >= config.validation_minimum
    model = _model(config, champion)
    best_loss, best = float("inf"), FittedHead(list(champion), 0, "validation")
    for epoch in range(1, config.epochs + 1):
        epoch_rows = loss_rows(
            config, champion, blend_examples(train, random), blend(impressions, random)
        )
        model.fit(
            epoch_rows.features,
            epoch_rows.targets,
            sample_weight=epoch_rows.weights,
            batch_size=config.batch,
            verbose=0,
        )
        progress("training", epoch, config.epochs, f"Epoch {epoch}")
        if not stops_early:
            best = FittedHead(_weights(model), epoch, "last epoch")
            continue
        loss = model.evaluate(
            validation_loss_rows.features,
            validation_loss_rows.targets,
            sample_weight=validation_loss_rows.weights,
            batch_size=1024,
            verbose=0,
        )
        if loss < best_loss:
            best_loss, best = loss, FittedHead(_weights(model), epoch, "validation")
        elif epoch - best.epoch >= config.patience:
            break
    return best


def _model(config: HeadConfig, champion: Weights) -> keras.Model:
    kernels = champion[::2]
    pulls = [TowardsChampion(config.l2_sp, kernel) for kernel in kernels]
    model = inception.head(
        classes=champion[-1].shape[0], regularizers=pulls, dropout=config.dropout, seed=config.seed
    )
    pairs = zip(inception.HEAD_LAYERS, kernels, champion[1::2], strict=True)
    for name, kernel, bias in pairs:
        model.get_layer(name).set_weights([kernel, bias])
    model.compile(keras.optimizers.Adam(config.learning_rate), "categorical_crossentropy")
    return model


def _weights(model: keras.Model) -> list[Floats]:
    return [
        array for name in inception.HEAD_LAYERS for array in model.get_layer(name).get_weights()
    ]


class TowardsChampion(keras.Regularizer):
    """L2-SP, equation 3: half the strength times the squared distance from the starting point."""

    def __init__(self, strength: float, start: Floats) -> None:
        self.strength = strength
        self.start = keras.ops.convert_to_tensor(start)

    def __call__(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return 0.5 * self.strength * keras.ops.sum(keras.ops.square(x - self.start))
