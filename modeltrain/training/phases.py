"""One phase of training: epochs until the validation loss stops improving; the best one is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from modeltrain.formatting import percent
from modeltrain.network import devices
from modeltrain.progress import ProgressCallback, quiet
from modeltrain.training import checkpoint
from modeltrain.training.checkpoint import State
from modeltrain.training.configs.article import Phase


class OutOfMemory(ValueError):
    """A batch does not fit into memory."""


class Batches(keras.utils.PyDataset):
    """Images in batches, which threads read ahead of the steps that need them.

    Parameters
    ----------
    read : callable
        Takes indices of shape [n] and returns inputs of shape [n, …].
    classes : numpy.ndarray of int, shape [n]
    weights : numpy.ndarray of float32, shape [n]
        Sample weight of each image.
    order : numpy.ndarray of int
        Indices of the images, in the order in which they are used.
    batch : int
        Images per step.
    in_memory : bool
        Whether `read` only indexes memory. Then no threads are used; they would slow small steps.
    """

    def __init__(
        self,
        read: Callable[[NDArray[Any]], NDArray[Any]],
        classes: NDArray[Any],
        weights: NDArray[Any],
        *,
        order: NDArray[Any],
        batch: int,
        in_memory: bool = False,
    ) -> None:
        super().__init__(workers=4, max_queue_size=8)
        self._read, self._classes, self._weights = read, classes, weights
        self._order, self._batch, self._in_memory = order, batch, in_memory

    def for_keras(self) -> dict[str, Any]:
        """Return the arguments for Keras's `fit` and `evaluate`."""
        if not self._in_memory:
            return {"x": self}
        inputs, classes, weights = self._select(self._order)
        return {"x": inputs, "y": classes, "sample_weight": weights, "batch_size": self._batch}

    def __len__(self) -> int:
        return -(-len(self._order) // self._batch)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        return self._select(self._order[index * self._batch : (index + 1) * self._batch])

    def _select(self, indices: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        return self._read(indices), self._classes[indices], self._weights[indices]


class PhaseBatches(Protocol):
    """Batches of images with their targets and weights."""

    def for_keras(self) -> dict[str, Any]:
        """Return the arguments for Keras's `fit` and `evaluate`."""

    def __len__(self) -> int: ...


class PhaseData(Protocol):
    """The training and validation data of a phase."""

    def epoch(self, number: int) -> PhaseBatches:
        """Return the batches of an epoch, which its number determines."""

    def validation(self) -> PhaseBatches | None:
        """Return the images that decide which epoch is kept, or None if there are none."""


def train_phase(
    model: keras.Model,
    phase: Phase,
    data: PhaseData,
    *,
    name: str,
    checkpoint_path: Path,
    loss: str = "sparse_categorical_crossentropy",
    progress: ProgressCallback = quiet,
) -> State:
    """Train until the validation loss stops improving, and leave the best weights in the model.

    A phase that is started again after a crash with the same arguments resumes after the last
    complete epoch.

    Parameters
    ----------
    model : keras.Model
        Its output is probabilities. This function compiles it.
    phase : Phase
    data : PhaseData
    name : str
        Name of the phase in progress messages.
    checkpoint_path : pathlib.Path
        The checkpoint file.
    loss : str
        Keras's name of the loss, which says whether targets are classes or probabilities.
    progress : callable
        Called after each epoch.

    Returns
    -------
    State
        The finished state. Without validation images, the last epoch counts as the best.

    Raises
    ------
    OutOfMemory
        When a batch does not fit into memory.
    """
    steps = len(data.epoch(1))
    rate: Any = phase.learning_rate
    if phase.decay < 1:
        rate = keras.optimizers.schedules.ExponentialDecay(rate, steps, phase.decay)
    model.compile(
        keras.optimizers.Adam(rate),
        loss=loss,
        weighted_metrics=["accuracy"],
        jit_compile=bool(devices.accelerators()),  # on a CPU, XLA takes longer than it saves
    )
    model.optimizer.build(model.trainable_variables)
    variables = checkpoint.training_variables(model)
    state = checkpoint.read(checkpoint_path, variables)
    if state is None:
        best = checkpoint.copy_values(model.trainable_variables)
        state = State(history=[_validate(model, data)], best=best)
    else:
        checkpoint.assign_values(variables, state.variables)
        status = "already done" if state.finished else f"resuming after epoch {state.epoch}"
        progress(name, state.epoch, phase.epochs, f"{name}: {status}")
    while not state.finished and state.epoch < phase.epochs:
        state.epoch += 1
        training_figures = _fit(model, data.epoch(state.epoch))
        state.history.append(training_figures | _validate(model, data))
        if _improved(state):
            state.best_epoch = state.epoch
            state.best = checkpoint.copy_values(model.trainable_variables)
        epochs_without_gain = state.epoch - state.best_epoch
        state.finished = state.epoch == phase.epochs or epochs_without_gain >= phase.patience
        state.variables = checkpoint.copy_values(variables)
        checkpoint.write(checkpoint_path, state)
        progress(name, state.epoch, phase.epochs, f"{name}, {_progress_text(state.history[-1])}")
    checkpoint.assign_values(model.trainable_variables, state.best)
    return state


def _fit(model: keras.Model, batches: PhaseBatches) -> dict[str, float]:
    try:
        history = model.fit(**batches.for_keras(), epochs=1, shuffle=False, verbose=0).history
    except Exception as error:
        if isinstance(error, MemoryError) or "ResourceExhausted" in type(error).__name__:
            raise OutOfMemory(
                "A batch must fit into memory. Received: a batch that does not "
                f"({str(error)[:200]}). Lower the phase's batch and run it again: it resumes after "
                "the last complete epoch."
            ) from error
        raise
    return {"loss": float(history["loss"][-1]), "accuracy": float(history["accuracy"][-1])}


def _validate(model: keras.Model, data: PhaseData) -> dict[str, float]:
    batches = data.validation()
    if batches is None:
        return {}
    figures = model.evaluate(**batches.for_keras(), verbose=0, return_dict=True)
    return {
        "validation_loss": float(figures["loss"]),
        "validation_accuracy": float(figures["accuracy"]),
    }


def _improved(state: State) -> bool:
    loss = state.history[state.epoch].get("validation_loss")
    return loss is None or loss < state.history[state.best_epoch]["validation_loss"]


def _progress_text(figures: dict[str, float]) -> str:
    accuracy = figures.get("validation_accuracy")
    text = f"loss {figures['loss']:.3f}"
    return text if accuracy is None else f"{text}, validation accuracy {percent(accuracy)}"


def class_weights(classes: NDArray[Any], *, count: int, balance: bool) -> NDArray[np.float32]:
    """Return the sample weight of each image; if balanced, all classes have the same total weight.

    Parameters
    ----------
    classes : numpy.ndarray of int, shape [n]
    count : int
        Number of classes.
    balance : bool
        Whether classes count equally. Otherwise, images do.

    Returns
    -------
    numpy.ndarray of float32, shape [n]
        With mean 1.
    """
    if not balance:
        return np.ones(len(classes), dtype=np.float32)
    counts = np.maximum(np.bincount(classes, minlength=count), 1)
    present = len(np.unique(classes))
    weights: NDArray[np.float32] = (len(classes) / (present * counts))[classes].astype(np.float32)
    return weights
