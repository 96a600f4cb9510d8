"""Train a new head for the champion on what was reported, and keep what the champion knew.

Three things go into the loss, all as cross-entropy towards a target that may be soft:

- reported images, towards their label;
- anchors, images that nobody reported, towards a mix of their label and the champion's own answer
  (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015; Li and Hoiem, "Learning
  without Forgetting", 2016);
- class impressions, made-up features, towards the champion's answer (see `impressions`).

Kernels are pulled towards the champion's instead of towards zero (Li et al., "Explicit Inductive
Bias for Transfer Learning with Convolutional Networks", 2018: L2-SP).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from modeltrain import artifact, export, manifest, network
from modeltrain.artifact import Artifact
from modeltrain.card import card
from modeltrain.classifier import Classifier
from modeltrain.configs.head import HeadConfig
from modeltrain.features import features
from modeltrain.impressions import Floats, Weights, agreement, answer, impressions
from modeltrain.manifest import Row
from modeltrain.progress import Report, quiet

REPORTED = "report"  # the source of a row that somebody reported; any other is an anchor


class TrainingRefused(ValueError):
    """A dataset that nothing can be learned from."""


@dataclass(frozen=True)
class Examples:
    """Features of images with what is known of them.

    Attributes
    ----------
    features : numpy.ndarray of float32, shape [n, 2048]
    classes : numpy.ndarray of int, shape [n]
        The right class of each.
    reported : numpy.ndarray of bool, shape [n]
        Whether somebody reported it; the others are anchors.
    """

    features: Floats
    classes: NDArray[np.intp]
    reported: NDArray[np.bool_]


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


@dataclass(frozen=True)
class _Part:
    """Rows of the loss: features, targets, and a weight for each row."""

    features: Floats
    targets: Floats
    weights: Floats


def train_head(
    config: HeadConfig,
    *,
    champion: Artifact,
    rows: Sequence[Row],
    images: Mapping[str, Path],
    cache: Path,
    parent: Path,
    progress: Report = quiet,
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


def _keras(champion: Artifact, weights: Weights) -> bytes:
    """Return the champion's whole network with other weights in its head, as a `.keras` file."""
    model = network.whole(classes=len(champion.labels))
    model.load_weights(champion.keras)
    head = model.get_layer("head")
    for name, kernel, bias in zip(network.HEAD_LAYERS, weights[::2], weights[1::2], strict=True):
        head.get_layer(name).set_weights([kernel, bias])
    return export.to_keras(model)


def fit(
    config: HeadConfig,
    champion: Weights,
    *,
    train: Examples,
    validation: Examples,
    progress: Report = quiet,
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
    check = _rows(
        config,
        champion,
        validation,
        class_impressions(config, champion, train, random_seed=config.seed + 2),
    )
    stops_early = int(validation.reported.sum()) >= config.validation_minimum
    model = _model(config, champion)
    best, kept = float("inf"), Fitted(list(champion), 0, "validation")
    for epoch in range(1, config.epochs + 1):
        learn = _rows(config, champion, train, _mixed(bank, random))
        model.fit(
            learn.features,
            learn.targets,
            sample_weight=learn.weights,
            batch_size=config.batch,
            verbose=0,
        )
        loss = float(
            model.evaluate(
                check.features,
                check.targets,
                sample_weight=check.weights,
                batch_size=1024,
                verbose=0,
            )
        )
        progress("training", epoch, config.epochs, f"Epoch {epoch}: validation loss {loss:.4f}")
        if not stops_early:
            kept = Fitted(_weights(model), epoch, "last epoch")
        elif loss < best:
            best, kept = loss, Fitted(_weights(model), epoch, "validation")
        elif epoch - kept.epoch >= config.patience:
            break
    return kept


def class_impressions(
    config: HeadConfig, champion: Weights, examples: Examples, *, random_seed: int
) -> Floats:
    """Make impressions of every class.

    Those of a class that no example has start from the features of every example, drawings too:
    what looks like a drawing and is `hentai` to the champion must stay so. Those of the other
    classes start from anchors, where nobody said that the champion is wrong.
    """
    classes = np.arange(champion[-1].shape[0])
    present = np.isin(classes, examples.classes)
    anchors = examples.features[~examples.reported]
    made = []
    for asked, seeds in ((classes[~present], examples.features), (classes[present], anchors)):
        if len(asked) and len(seeds):
            wanted = np.repeat(asked, config.impressions_per_class)
            made.append(
                impressions(
                    champion,
                    seeds,
                    wanted=wanted,
                    steps=config.impression_steps,
                    random_seed=random_seed,
                )
            )
    return np.concatenate([np.empty((0, network.FEATURES), np.float32), *made])


def _mixed(bank: Floats, random: np.random.Generator) -> Floats:
    """Blend each impression with another: the champion can be asked about any features."""
    other = bank[random.permutation(len(bank))]
    share = random.uniform(0.5, 1.0, (len(bank), 1)).astype(np.float32)
    return share * bank + (1 - share) * other


def _rows(config: HeadConfig, champion: Weights, examples: Examples, made: Floats) -> _Part:
    """Gather the parts of the loss, weighted so that the mean weight of a row is 1."""
    features, classes = examples.features, examples.classes
    known = np.eye(champion[-1].shape[0], dtype=np.float32)[classes]
    share = np.where(examples.reported, 0, config.distil).astype(np.float32)[:, None]
    targets = (1 - share) * known + share * answer(champion, features)
    weights = (
        _balanced(classes, examples.reported) * config.reported_weight
        + _balanced(classes, ~examples.reported) * config.anchor_weight
    )
    each = np.full(len(made), config.impression_weight / max(len(made), 1), np.float32)
    weight = np.concatenate([weights, each])
    return _Part(
        np.concatenate([features, made]),
        np.concatenate([targets, answer(champion, made)]),
        weight * (len(weight) / weight.sum()),
    )


def _balanced(classes: NDArray[np.intp], chosen: NDArray[np.bool_]) -> Floats:
    """Weigh the chosen rows so that each class counts the same and all sum to 1; others get 0."""
    counts = np.bincount(classes[chosen], minlength=int(classes.max(initial=0)) + 1)
    present = max(int((counts > 0).sum()), 1)
    weights = np.where(chosen, 1.0 / np.maximum(counts, 1)[classes] / present, 0.0)
    return weights.astype(np.float32)


def _model(config: HeadConfig, champion: Weights) -> keras.Model:
    kernels = champion[::2]
    pulls = [_TowardsChampion(config.l2_sp, kernel) for kernel in kernels]
    model = network.head(
        classes=champion[-1].shape[0], regularizers=pulls, dropout=config.dropout, seed=config.seed
    )
    pairs = zip(network.HEAD_LAYERS, kernels, champion[1::2], strict=True)
    for name, kernel, bias in pairs:
        model.get_layer(name).set_weights([kernel, bias])
    model.compile(keras.optimizers.Adam(config.learning_rate), "categorical_crossentropy")
    return model


def _weights(model: keras.Model) -> list[Floats]:
    return [each for name in network.HEAD_LAYERS for each in model.get_layer(name).get_weights()]


class _TowardsChampion(keras.Regularizer):
    """L2-SP, equation 3: half the strength times the squared distance from where it started."""

    def __init__(self, strength: float, start: Floats) -> None:
        self.strength = strength
        self.start = keras.ops.convert_to_tensor(start)

    def __call__(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return 0.5 * self.strength * keras.ops.sum(keras.ops.square(x - self.start))
