"""Train a new head for the champion on what was reported, and keep what the champion knew.

What goes into the loss is in `objective`. Kernels are pulled towards the champion's instead of
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
from modeltrain.model.card import card
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import features
from modeltrain.network import export, inception
from modeltrain.progress import ProgressCallback, quiet
from modeltrain.training.configs.head import HeadConfig
from modeltrain.training.impressions import Floats, Weights, agreement, answer
from modeltrain.training.objective import Examples, blended, class_impressions, loss_rows, mixed

REPORTED = "report"  # the source of a row that somebody reported; any other is an anchor


class TrainingRefused(ValueError):
    """A dataset that nothing can be learned from."""


@dataclass(frozen=True)
class Fitted:
    """A trained head.

    Attributes
    ----------
    weights : list of numpy.ndarray of float32
        Kernel and bias of each dense layer.
    epoch : int
        The one that was kept, from 1; 0 where none was better than the champion.
    stopped : {"validation", "last epoch"}
        What decided which epoch that is.
    """

    weights: list[Floats]
    epoch: int
    stopped: str


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

    The new graph differs from the champion's in its head alone. The same dataset, config and
    champion give the same artifact. Whatever fails, no artifact is left.

    Parameters
    ----------
    config : HeadConfig
    champion : Artifact
        Where training starts, and what must not be forgotten.
    rows : sequence of Row
        Rows of split `train` are learned from, those of `validation` decide when to stop; others
        are left alone. Source `report` marks what was reported.
    images : mapping of str to pathlib.Path
        Where images are, by pixel hash.
    cache : pathlib.Path
        Of features.
    parent : pathlib.Path
        Folder of artifacts.
    progress : callable
        Told of each image, epoch and file.

    Raises
    ------
    TrainingRefused
        When there are no images to learn from, or all have one label.
    ImageMissing
        When an image is not there, cannot be read, or is another one.
    """
    learn = [row for row in rows if row.split == "train"]
    check = [row for row in rows if row.split == "validation"]
    _check_rows(learn)
    known = features([*learn, *check], images, Classifier(champion), cache, progress)
    weights = export.head_weights(champion.onnx)
    train = _examples(learn, known[: len(learn)], champion.labels)
    validation = _examples(check, known[len(learn) :], champion.labels)
    fitted = fit(config, weights, train=train, validation=validation, progress=progress)

    progress("exporting", 0, 2, "Measuring what was kept")
    held_out = class_impressions(
        config, weights, validation if check else train, random_seed=config.seed + 3
    )
    kept = agreement(weights, fitted.weights, held_out, champion.labels)
    progress("exporting", 1, 2, "Writing the model")
    onnx_bytes = export.with_head(champion.onnx, fitted.weights)
    made = {
        "name": config.name,
        "base_sha256": champion.config["base_sha256"],
        "parent": champion.sha256,
        "source": champion.config["source"],
        "training": {
            "config": asdict(config),
            "manifest_sha256": manifest.sha256(rows),
            "images": _counts(learn, check),
            "epoch_kept": fitted.epoch,
            "stopped_by": fitted.stopped,
            "impression_agreement": kept,
            "validation": _right(validation, weights, fitted.weights, champion.labels),
        },
    }
    written = artifact.write(
        parent=parent,
        files={
            "model.onnx": onnx_bytes,
            "model.keras": _keras(champion, fitted.weights),
            "labels.json": (champion.path / "labels.json").read_bytes(),
            "config.json": json.dumps(made, indent=2, sort_keys=True).encode(),
            "card.md": card(made).encode(),
        },
    )
    progress("exporting", 2, 2, f"Wrote {written.version}")
    return written


def _check_rows(learn: Sequence[Row]) -> None:
    labels = sorted({row.label for row in learn})
    if len(labels) < 2:
        raise TrainingRefused(
            "A training set must have images of at least two labels, or the model learns to give "
            f"one answer to everything. Received: {len(learn)} images"
            f"{f', all {labels[0]}' if labels else ''}. Fold in images of another label."
        )


def _examples(rows: Sequence[Row], known: Floats, labels: Sequence[str]) -> Examples:
    return Examples(
        features=known,
        classes=np.array([labels.index(row.label) for row in rows], dtype=np.intp),
        reported=np.array([row.source == REPORTED for row in rows], dtype=np.bool_),
    )


def _counts(learn: Sequence[Row], check: Sequence[Row]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {"train": {}, "validation": {}}
    for row in [*learn, *check]:
        key = f"{row.label}, {'reported' if row.source == REPORTED else 'anchor'}"
        counts[row.split][key] = counts[row.split].get(key, 0) + 1
    return counts


def _right(
    examples: Examples, before: Weights, after: Weights, labels: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Count by label how many of these images each head gets right."""
    if not len(examples.classes):
        return {}
    said = {
        name: answer(weights, examples.features).argmax(axis=1) == examples.classes
        for name, weights in (("before", before), ("after", after))
    }
    return {
        labels[place]: {
            "images": int((examples.classes == place).sum()),
            **{name: int(right[examples.classes == place].sum()) for name, right in said.items()},
        }
        for place in np.unique(examples.classes)
    }


def _keras(champion: Artifact, weights: Weights) -> bytes:
    """Return the champion's whole network with other weights in its head, as a `.keras` file."""
    model = inception.whole(classes=len(champion.labels))
    model.load_weights(champion.keras)
    head = model.get_layer("head")
    for name, kernel, bias in zip(inception.HEAD_LAYERS, weights[::2], weights[1::2], strict=True):
        head.get_layer(name).set_weights([kernel, bias])
    return export.to_keras(model)


def fit(
    config: HeadConfig,
    champion: Weights,
    *,
    train: Examples,
    validation: Examples,
    progress: ProgressCallback = quiet,
) -> Fitted:
    """Train a head from the champion's.

    Parameters
    ----------
    config : HeadConfig
    champion : sequence of numpy.ndarray
        The champion's head: kernel and bias of each dense layer.
    train, validation : Examples
        Validation decides which epoch is kept, if it has enough reported images.
    progress : callable
        Told after each epoch.
    """
    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    random = np.random.default_rng(config.seed)
    bank = class_impressions(config, champion, train, random_seed=config.seed + 1)
    made = class_impressions(config, champion, train, random_seed=config.seed + 2)
    check = loss_rows(config, champion, validation, made)
    stops_early = int(validation.reported.sum()) >= config.validation_minimum
    model = _model(config, champion)
    best, kept = float("inf"), Fitted(list(champion), 0, "validation")
    for epoch in range(1, config.epochs + 1):
        learn = loss_rows(config, champion, blended(train, random), mixed(bank, random))
        model.fit(
            learn.features,
            learn.targets,
            sample_weight=learn.weights,
            batch_size=config.batch,
            verbose=0,
        )
        progress("training", epoch, config.epochs, f"Epoch {epoch}")
        if not stops_early:
            kept = Fitted(_weights(model), epoch, "last epoch")
            continue
        loss = model.evaluate(
            check.features, check.targets, sample_weight=check.weights, batch_size=1024, verbose=0
        )
        if loss < best:
            best, kept = loss, Fitted(_weights(model), epoch, "validation")
        elif epoch - kept.epoch >= config.patience:
            break
    return kept


def _model(config: HeadConfig, champion: Weights) -> keras.Model:
    kernels = champion[::2]
    pulls = [_TowardsChampion(config.l2_sp, kernel) for kernel in kernels]
    model = inception.head(
        classes=champion[-1].shape[0], regularizers=pulls, dropout=config.dropout, seed=config.seed
    )
    pairs = zip(inception.HEAD_LAYERS, kernels, champion[1::2], strict=True)
    for name, kernel, bias in pairs:
        model.get_layer(name).set_weights([kernel, bias])
    model.compile(keras.optimizers.Adam(config.learning_rate), "categorical_crossentropy")
    return model


def _weights(model: keras.Model) -> list[Floats]:
    return [each for name in inception.HEAD_LAYERS for each in model.get_layer(name).get_weights()]


class _TowardsChampion(keras.Regularizer):
    """L2-SP, equation 3: half the strength times the squared distance from where it started."""

    def __init__(self, strength: float, start: Floats) -> None:
        self.strength = strength
        self.start = keras.ops.convert_to_tensor(start)

    def __call__(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return 0.5 * self.strength * keras.ops.sum(keras.ops.square(x - self.start))
