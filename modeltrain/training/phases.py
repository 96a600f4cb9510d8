"""One phase of training: epochs until validation no longer improves; the best weights are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from modeltrain.network import devices
from modeltrain.progress import ProgressCallback, quiet
from modeltrain.training import checkpoint
from modeltrain.training.checkpoint import State
from modeltrain.training.configs.article import Phase


class OutOfMemory(ValueError):
    """A batch does not fit."""


class Batches(keras.utils.PyDataset):
    """Images in batches, read by threads ahead of the step that needs them.

    Parameters
    ----------
    read : callable
        Takes indices, returns inputs of shape [n, …].
    classes : numpy.ndarray of int, shape [n]
    weights : numpy.ndarray of float32, shape [n]
        How much each image counts.
    order : numpy.ndarray of int
        Which images, in which order.
    batch : int
    in_memory : bool
        Whether `read` reads nothing: then no threads are needed, which small steps would wait for.
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
        """Return it as `fit` and `evaluate` take it."""
        if not self._in_memory:
            return {"x": self}
        inputs, classes, weights = self._taken(self._order)
        return {"x": inputs, "y": classes, "sample_weight": weights, "batch_size": self._batch}

    def __len__(self) -> int:
        return -(-len(self._order) // self._batch)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        return self._taken(self._order[index * self._batch : (index + 1) * self._batch])

    def _taken(self, taken: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        return self._read(taken), self._classes[taken], self._weights[taken]


class Data(Protocol):
    """What a phase learns from and is checked on."""

    def epoch(self, number: int) -> Batches:
        """Return the batches of an epoch; the same for the same number."""

    def validation(self) -> Batches | None:
        """Return what decides which epoch is kept, or None where there is nothing."""


def learn(
    model: keras.Model,
    phase: Phase,
    data: Data,
    *,
    name: str,
    kept_in: Path,
    progress: ProgressCallback = quiet,
) -> State:
    """Train until validation no longer improves, and leave the best weights in the model.

    Started again after a crash with the same arguments, it goes on after the last whole epoch.

    Parameters
    ----------
    model : keras.Model
        Its last layer gives probabilities. Compiled here.
    phase : Phase
    data : Data
    name : str
        For progress.
    kept_in : pathlib.Path
        The checkpoint file.
    progress : callable
        Told after each epoch.

    Returns
    -------
    State
        Finished. Without validation images, the last epoch is the best.

    Raises
    ------
    OutOfMemory
    """
    steps = len(data.epoch(1))
    rate: Any = phase.learning_rate
    if phase.decay < 1:
        rate = keras.optimizers.schedules.ExponentialDecay(rate, steps, phase.decay)
    model.compile(
        keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        weighted_metrics=["accuracy"],
        jit_compile=bool(devices.accelerators()),  # on a CPU, XLA takes longer than it saves
    )
    model.optimizer.build(model.trainable_variables)
    variables = checkpoint.changing(model)
    state = checkpoint.read(kept_in, variables)
    if state is None:
        best = checkpoint.values(model.trainable_variables)
        state = State(history=[_measured(model, data)], best=best)
    else:
        checkpoint.assign(variables, state.variables)
        said = "done before" if state.finished else f"going on after epoch {state.epoch}"
        progress(name, state.epoch, phase.epochs, f"{name}: {said}")
    while not state.finished and state.epoch < phase.epochs:
        state.epoch += 1
        learned = _fit(model, data.epoch(state.epoch))
        state.history.append(learned | _measured(model, data))
        if _better(state):
            state.kept, state.best = state.epoch, checkpoint.values(model.trainable_variables)
        waited = state.epoch - state.kept
        state.finished = state.epoch == phase.epochs or waited >= phase.patience
        state.variables = checkpoint.values(variables)
        checkpoint.write(kept_in, state)
        progress(name, state.epoch, phase.epochs, f"{name}, {_words(state.history[-1])}")
    checkpoint.assign(model.trainable_variables, state.best)
    return state


def _fit(model: keras.Model, batches: Batches) -> dict[str, float]:
    try:
        history = model.fit(**batches.for_keras(), epochs=1, shuffle=False, verbose=0).history
    except Exception as error:
        if isinstance(error, MemoryError) or "ResourceExhausted" in type(error).__name__:
            raise OutOfMemory(
                "A batch must fit into memory. Received: a batch that does not "
                f"({str(error)[:200]}). Lower the phase's batch and run it again: whole epochs are "
                "kept."
            ) from error
        raise
    return {"loss": float(history["loss"][-1]), "accuracy": float(history["accuracy"][-1])}


def _measured(model: keras.Model, data: Data) -> dict[str, float]:
    batches = data.validation()
    if batches is None:
        return {}
    found = model.evaluate(**batches.for_keras(), verbose=0, return_dict=True)
    return {
        "validation_loss": float(found["loss"]),
        "validation_accuracy": float(found["accuracy"]),
    }


def _better(state: State) -> bool:
    now = state.history[state.epoch].get("validation_loss")
    return now is None or now < state.history[state.kept]["validation_loss"]


def _words(measured: dict[str, float]) -> str:
    accuracy = measured.get("validation_accuracy")
    said = f"loss {measured['loss']:.3f}"
    return said if accuracy is None else f"{said}, validation accuracy {accuracy:.1%}"


def class_weights(classes: NDArray[Any], *, count: int, balance: bool) -> NDArray[np.float32]:
    """Return how much each image counts; balanced, every class counts the same in all.

    Parameters
    ----------
    classes : numpy.ndarray of int, shape [n]
    count : int
        How many classes there are.
    balance : bool

    Returns
    -------
    numpy.ndarray of float32, shape [n]
        With mean 1.
    """
    if not balance:
        return np.ones(len(classes), dtype=np.float32)
    there = np.maximum(np.bincount(classes, minlength=count), 1)
    present = len(np.unique(classes))
    weights: NDArray[np.float32] = (len(classes) / (present * there))[classes].astype(np.float32)
    return weights
