"""The same training on several of Keras's backends: accuracy, time and memory side by side."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from modeltrain.progress import ProgressCallback, quiet
from modeltrain.training.article import FINE, HEAD

BACKENDS = ("tensorflow", "jax", "torch")


class CompareRefused(ValueError):
    """A backend that there is not, or a training that failed."""


@dataclass(frozen=True)
class Compared:
    """What one backend made of a training.

    Attributes
    ----------
    backend : str
    artifact : str
        Folder of the model.
    accuracy : dict
        On the audit split: `count`, `n`, `rate`, and Wilson's `low` and `high`.
    epochs : int
        Of both phases.
    training_seconds : float
        From the first step of phase 1 to the end of the last epoch, without what frozen layers
        took: they run in onnxruntime, once for all backends.
    memory : int
        Bytes of resident memory at the peak of the whole training process.
    """

    backend: str
    artifact: str
    accuracy: dict[str, Any]
    epochs: int
    training_seconds: float
    memory: int


def chosen(names: str) -> list[str]:
    """Read a list of backends, `tensorflow,jax,torch`, each once.

    Raises
    ------
    CompareRefused
        Where one is not a backend of Keras that trains.
    """
    backends = list(dict.fromkeys(names.split(",")))
    unknown = [name for name in backends if name not in BACKENDS]
    if unknown:
        raise CompareRefused(
            f"Backends must be some of {', '.join(BACKENDS)}, with commas between. "
            f"Received: {', '.join(map(repr, unknown))}. Leave it out."
        )
    return backends


def missing(backend: str) -> str | None:
    """Return why a backend cannot be compared here, or None."""
    if importlib.util.find_spec(backend) is not None:
        return None
    return (
        f"Backend {backend} must be installed to be compared. Received: no package of that name. "
        f"Install {backend} into this environment."
    )


def run(
    backend: str,
    training: Sequence[str],
    *,
    dataset: Path,
    artifacts: Path,
    progress: ProgressCallback = quiet,
) -> Compared:
    """Train and evaluate on one backend, each in a process of its own.

    Parameters
    ----------
    backend : str
    training : sequence of str
        Arguments of `train article`, but for the dataset and the folder of artifacts.
    dataset, artifacts : pathlib.Path
        The model goes to `artifacts/<backend>`.
    progress : callable
        Told what the process tells.

    Raises
    ------
    CompareRefused
        With what the process said, when it failed.
    """
    parent = artifacts / backend
    arguments = ["train", "article", *training, "--dataset", str(dataset)]
    trained = _Process(backend, [*arguments, "--artifacts", str(parent)], progress)
    made = Path(trained.result["artifact"])
    figures = parent / f"{made.name}.json"
    judging = ["evaluate", "--artifact", str(made), "--dataset", str(dataset)]
    judged = _Process(backend, [*judging, "--out", str(figures)], progress)
    phases = json.loads((made / "config.json").read_bytes())["training"]["phases"]
    return Compared(
        backend=backend,
        artifact=str(made),
        accuracy=judged.result["accuracy"],
        epochs=sum(len(each["history"]) - 1 for each in phases.values()),
        training_seconds=round(sum(trained.seconds.get(name, 0.0) for name in (HEAD, FINE)), 1),
        memory=trained.memory,
    )


class _Process:
    """A verb, run to its end.

    Attributes
    ----------
    result : dict
    seconds : dict of str to float
        How long each stage took, from its first word to the next stage's.
    memory : int
        Bytes of resident memory at its peak.
    """

    def __init__(self, backend: str, arguments: Sequence[str], progress: ProgressCallback) -> None:
        self.seconds: dict[str, float] = {}
        last: dict[str, Any] = {}
        stage, since = "", time.monotonic()
        with subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "modeltrain", *arguments, "--json-progress"],
            env={**os.environ, "KERAS_BACKEND": backend},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                last = json.loads(line)
                if last["stage"] != stage:
                    now = time.monotonic()
                    self.seconds[stage] = self.seconds.get(stage, 0.0) + now - since
                    stage, since = last["stage"], now
                if last["stage"] not in ("done", "failed"):
                    told = f"{backend}, {last['stage']}"
                    progress(told, last["done"], last["total"], f"{backend}: {last['message']}")
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if last.get("stage") != "done":
            said = last.get("message", "nothing")
            raise CompareRefused(
                f"A training must end for its backend to be compared. Received: {backend} stopped "
                f"with status {process.returncode} and said: {said} Run it again: it goes on."
            )
        self.result = last["result"]
        self.memory = used.ru_maxrss * 1024


def to_markdown(found: Sequence[Compared]) -> str:
    """Write the comparison as a table."""
    lines = [
        "| backend | accuracy on the audit split | epochs | training | peak memory |",
        "|---|---|---|---|---|",
    ]
    for each in found:
        right = each.accuracy
        said = (
            "no images"
            if right["rate"] is None
            else f"{right['rate']:.1%} ({right['low']:.1%} to {right['high']:.1%})"
        )
        lines.append(
            f"| {each.backend} | {said} | {each.epochs} | {each.training_seconds:.0f} s | "
            f"{each.memory / 1e9:.1f} GB |"
        )
    return "\n".join(lines) + "\n"


def to_json(found: Sequence[Compared]) -> bytes:
    """Write the comparison for programs."""
    return json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False).encode()
