"""A training that is killed resumes after its last complete epoch.

One file, replaced atomically, holds everything that determines how training continues: weights, the
optimiser's state, the random states, the best weights so far and the measurements.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.files import write_whole
from modeltrain.model.artifact import Artifact
from modeltrain.network import devices

Arrays = list[NDArray[Any]]


@dataclass
class State:
    """How far a training has got.

    Attributes
    ----------
    epoch : int
        Number of complete epochs.
    history : list of dict
        Measurements after each epoch; entry 0 is from before the first.
    best_epoch : int
        The epoch with the lowest validation loss.
    best : list of numpy.ndarray
        The trainable weights after that epoch.
    variables : list of numpy.ndarray
        Everything in the model and the optimiser that training changes, as it is now.
    finished : bool
        Whether the training has ended.
    """

    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best: Arrays = field(default_factory=list)
    variables: Arrays = field(default_factory=list)
    finished: bool = False


def folder_name(config: Any, start: Artifact, *, labels: Sequence[str], rows: Sequence[Row]) -> str:
    """Name a training after the hash of everything that determines its result."""
    inputs = [
        asdict(config),
        start.sha256,
        list(labels),
        manifest.sha256(rows, labels=labels),
        devices.describe(),
    ]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


def training_variables(model: keras.Model) -> list[keras.Variable]:
    """Return what training changes: trainable weights, random states, the optimiser's state."""
    random = [
        variable for variable in model.non_trainable_variables if "seed_generator" in variable.path
    ]
    return [*model.trainable_variables, *random, *model.optimizer.variables]


def copy_values(variables: Sequence[keras.Variable]) -> Arrays:
    """Return copies of the variables' values."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def assign_values(variables: Sequence[keras.Variable], arrays: Sequence[NDArray[Any]]) -> None:
    """Put values back into variables, in the same order."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def write(path: Path, state: State) -> None:
    """Write a state to a file. After a crash the file holds this state or the one before."""
    fields = {
        "epoch": state.epoch,
        "history": state.history,
        "kept": state.best_epoch,
        "finished": state.finished,
    }
    out = io.BytesIO()
    arrays: dict[str, Any] = {f"best-{n:04d}": array for n, array in enumerate(state.best)}
    arrays |= {f"variable-{n:04d}": array for n, array in enumerate(state.variables)}
    np.savez(out, state=np.array(json.dumps(fields)), **arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, out.getvalue())


def read(path: Path, variables: Sequence[keras.Variable]) -> State | None:
    """Read a state; return None if there is none or it cannot be used.

    Parameters
    ----------
    path : pathlib.Path
    variables : sequence of keras.Variable
        The variables whose shapes `State.variables` must have.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in sorted(file.files)}
        fields = json.loads(str(arrays.pop("state")))
        state = State(best_epoch=fields.pop("kept"), **fields)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
    state.best = [array for name, array in arrays.items() if name.startswith("best-")]
    state.variables = [array for name, array in arrays.items() if name.startswith("variable-")]
    shapes = [array.shape for array in state.variables]
    return state if shapes == [tuple(variable.shape) for variable in variables] else None
