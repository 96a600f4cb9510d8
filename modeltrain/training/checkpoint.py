"""A training that is killed goes on after its last whole epoch.

Everything that decides how it goes on is in one file, replaced whole: weights, the optimiser's
state, the random states, the best weights so far and what was measured.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from modeltrain.files import write_whole

Arrays = list[NDArray[Any]]


@dataclass
class State:
    """Where a training is.

    Attributes
    ----------
    epoch : int
        Whole epochs done.
    history : list of dict
        What was measured after each epoch; entry 0 is before the first.
    kept : int
        The epoch with the lowest validation loss.
    best : list of numpy.ndarray
        The weights that learn, as they were then.
    variables : list of numpy.ndarray
        Everything of the model and the optimiser that changes, as it is now.
    finished : bool
    """

    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    kept: int = 0
    best: Arrays = field(default_factory=list)
    variables: Arrays = field(default_factory=list)
    finished: bool = False


def changing(model: keras.Model) -> list[keras.Variable]:
    """Return what training changes: weights that learn, random states, the optimiser's state."""
    random = [each for each in model.non_trainable_variables if "seed_generator" in each.path]
    return [*model.trainable_variables, *random, *model.optimizer.variables]


def values(variables: Sequence[keras.Variable]) -> Arrays:
    """Return copies of variables' values."""
    return [np.array(keras.ops.convert_to_numpy(each)) for each in variables]


def assign(variables: Sequence[keras.Variable], arrays: Sequence[NDArray[Any]]) -> None:
    """Put values back into variables, in the same order."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def write(path: Path, state: State) -> None:
    """Keep a state. A crash leaves the one before or this one, whole."""
    said = {name: getattr(state, name) for name in ("epoch", "history", "kept", "finished")}
    out = io.BytesIO()
    arrays: dict[str, Any] = {f"best-{n:04d}": each for n, each in enumerate(state.best)}
    arrays |= {f"variable-{n:04d}": each for n, each in enumerate(state.variables)}
    np.savez(out, state=np.array(json.dumps(said)), **arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, out.getvalue())


def read(path: Path, like: Sequence[keras.Variable]) -> State | None:
    """Return a kept state, or None where there is none or it cannot be used.

    Parameters
    ----------
    path : pathlib.Path
    like : sequence of keras.Variable
        What `State.variables` must fit.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in sorted(file.files)}
        said = json.loads(str(arrays.pop("state")))
        state = State(**said)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
    state.best = [each for name, each in arrays.items() if name.startswith("best-")]
    state.variables = [each for name, each in arrays.items() if name.startswith("variable-")]
    fits = [each.shape for each in state.variables] == [tuple(each.shape) for each in like]
    return state if fits else None
