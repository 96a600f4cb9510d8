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

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from modeltrain import network
from modeltrain.configs.head import HeadConfig
from modeltrain.impressions import Floats, Weights, answer, impressions
from modeltrain.progress import Report, quiet


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
    epochs : int
        The epoch that was kept, from 1.
    stopped : {"validation", "last epoch"}
        What decided which epoch that is.
    """

    weights: list[Floats]
    epochs: int
    stopped: str


@dataclass(frozen=True)
class _Part:
    """Rows of the loss: features, targets, and a weight for each row."""

    features: Floats
    targets: Floats
    weights: Floats


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
    learn = _loss_rows(config, champion, train, train.features, random_seed=config.seed + 1)
    check = _loss_rows(config, champion, validation, train.features, random_seed=config.seed + 2)
    stops_early = int(validation.reported.sum()) >= config.validation_minimum
    model = _model(config, champion)
    watch = _Watch(config, progress, keeps_best=stops_early)
    model.fit(
        learn.features,
        learn.targets,
        sample_weight=learn.weights,
        validation_data=(check.features, check.targets, check.weights),
        batch_size=config.batch,
        epochs=config.epochs,
        verbose=0,
        callbacks=[watch],
    )
    return Fitted(
        weights=watch.kept or _weights(model),
        epochs=watch.best_epoch if stops_early else config.epochs,
        stopped="validation" if stops_early else "last epoch",
    )


def _loss_rows(
    config: HeadConfig, champion: Weights, examples: Examples, seeds: Floats, *, random_seed: int
) -> _Part:
    """Gather the parts of the loss, weighted so that the mean weight of a row is 1."""
    features, classes = examples.features, examples.classes
    known = np.eye(champion[-1].shape[0], dtype=np.float32)[classes]
    share = np.where(examples.reported, 0, config.distil).astype(np.float32)[:, None]
    targets = [(1 - share) * known + share * answer(champion, features)]
    weights = [
        _balanced(classes, examples.reported) * config.reported_weight
        + _balanced(classes, ~examples.reported) * config.anchor_weight
    ]
    rows = [features]
    if config.impression_weight > 0:
        made, wanted = impressions(
            champion,
            seeds,
            per_class=config.impressions_per_class,
            steps=config.impression_steps,
            random_seed=random_seed,
        )
        rows.append(made)
        targets.append(answer(champion, made))
        weights.append(np.full(len(wanted), config.impression_weight / len(wanted), np.float32))
    weight = np.concatenate(weights)
    return _Part(
        np.concatenate(rows), np.concatenate(targets), weight * (len(weight) / weight.sum())
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
        classes=champion[-1].shape[0], regularizers=pulls, seed=config.seed
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


class _Watch(keras.callbacks.Callback):
    """Tells how far training is, keeps the best epoch, and stops when none gets better."""

    def __init__(self, config: HeadConfig, progress: Report, *, keeps_best: bool) -> None:
        super().__init__()
        self.config = config
        self.progress = progress
        self.keeps_best = keeps_best
        self.best = float("inf")
        self.best_epoch = 0
        self.kept: list[Floats] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        loss = (logs or {})["val_loss"]
        message = f"Epoch {epoch + 1}: validation loss {loss:.4f}"
        self.progress("training", epoch + 1, self.config.epochs, message)
        if not self.keeps_best:
            return
        if loss < self.best:
            self.best, self.best_epoch, self.kept = loss, epoch + 1, _weights(self.model)
        elif epoch + 1 - self.best_epoch >= self.config.patience:
            self.model.stop_training = True
