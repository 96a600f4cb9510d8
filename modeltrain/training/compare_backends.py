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

from modeltrain.formatting import interval, percent
from modeltrain.progress import ProgressCallback, quiet
from modeltrain.training.article import PHASE_1, PHASE_2

BACKENDS = ("tensorflow", "jax", "torch")


class CompareRefused(ValueError):
    """A backend does not exist, or its training failed."""


@dataclass(frozen=True)
class BackendRun:
    """The outcome of a training on one backend.

    Attributes
    ----------
    backend : str
    artifact : str
        Folder of the model.
    accuracy : dict
        On the audit split: `count`, `n`, `rate`, and the Wilson interval's `low` and `high`.
    epochs : int
        Number of epochs in both phases.
    training_seconds : float
        Duration of both phases without the frozen layers, which run in onnxruntime, once for all
        backends.
    memory : int
        Peak resident memory of the training process, in bytes.
    """

    backend: str
    artifact: str
    accuracy: dict[str, Any]
    epochs: int
    training_seconds: float
    memory: int


def parse_backends(names: str) -> list[str]:
    """Parse a list of backends such as `tensorflow,jax,torch`, without duplicates.

    Raises
    ------
    CompareRefused
        When one is not a backend that Keras can train on.
    """
    backends = list(dict.fromkeys(names.split(",")))
    unknown = [name for name in backends if name not in BACKENDS]
    if unknown:
        raise CompareRefused(
            f"Backends must be some of {', '.join(BACKENDS)}, with commas between. "
            f"Received: {', '.join(map(repr, unknown))}. Leave it out."
        )
    return backends


def unavailable_reason(backend: str) -> str | None:
    """Return why a backend is not available here, or None if it is."""
    if importlib.util.find_spec(backend) is not None:
        return None
    return (
        f"Backend {backend} must be installed to be compared. Received: no package of that name. "
        f"Install {backend} into this environment."
    )


def train_and_evaluate(
    backend: str,
    training: Sequence[str],
    *,
    dataset: Path,
    artifacts: Path,
    progress: ProgressCallback = quiet,
) -> BackendRun:
    """Train and evaluate on one backend, each in its own process.

    Parameters
    ----------
    backend : str
    training : sequence of str
        Arguments of `train article`, except the dataset and the folder of artifacts.
    dataset, artifacts : pathlib.Path
        The model is written to `artifacts/<backend>`.
    progress : callable
        Called with the progress of both processes.

    Raises
    ------
    CompareRefused
        With the process's last message, when it failed.
    """
    parent = artifacts / backend
    arguments = ["train", "article", *training, "--dataset", str(dataset)]
    training_process = _VerbProcess(backend, [*arguments, "--artifacts", str(parent)], progress)
    artifact = Path(training_process.result["artifact"])
    figures = parent / f"{artifact.name}.json"
    evaluation = ["evaluate", "--artifact", str(artifact), "--dataset", str(dataset)]
    evaluation_process = _VerbProcess(backend, [*evaluation, "--out", str(figures)], progress)
    seconds = training_process.seconds
    phases = json.loads((artifact / "config.json").read_bytes())["training"]["phases"]
    return BackendRun(
        backend=backend,
        artifact=str(artifact),
        accuracy=evaluation_process.result["accuracy"],
        epochs=sum(len(phase["history"]) - 1 for phase in phases.values()),
        training_seconds=round(sum(seconds.get(name, 0.0) for name in (PHASE_1, PHASE_2)), 1),
        memory=training_process.memory,
    )


class _VerbProcess:
    """A verb of the command line, run to its end.

    Attributes
    ----------
    result : dict
    seconds : dict of str to float
        Duration of each stage, from its first message to that of the next stage.
    memory : int
        Peak resident memory in bytes.
    """

    def __init__(self, backend: str, arguments: Sequence[str], progress: ProgressCallback) -> None:
        self.seconds: dict[str, float] = {}
        last: dict[str, Any] = {}
        stage, stage_start = "", time.monotonic()
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
                    self.seconds[stage] = self.seconds.get(stage, 0.0) + now - stage_start
                    stage, stage_start = last["stage"], now
                if last["stage"] not in ("done", "failed"):
                    label = f"{backend}, {last['stage']}"
                    progress(label, last["done"], last["total"], f"{backend}: {last['message']}")
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if last.get("stage") != "done":
            message = last.get("message", "nothing")
            raise CompareRefused(
                "A training must finish for its backend to be compared. Received: "
                f"{backend} stopped with status {process.returncode} and said: {message} "
                "Run it again: it resumes."
            )
        self.result = last["result"]
        self.memory = usage.ru_maxrss * 1024


def to_markdown(runs: Sequence[BackendRun]) -> str:
    """Write the comparison as a table."""
    lines = [
        "| backend | accuracy on the audit split | epochs | training | peak memory |",
        "|---|---|---|---|---|",
    ]
    for run in runs:
        accuracy = run.accuracy
        accuracy_text = (
            "no images"
            if accuracy["rate"] is None
            else f"{percent(accuracy['rate'])} ({interval(accuracy['low'], accuracy['high'])})"
        )
        lines.append(
            f"| {run.backend} | {accuracy_text} | {run.epochs} | {run.training_seconds:.0f} s | "
            f"{run.memory / 1e9:.1f} GB |"
        )
    return "\n".join(lines) + "\n"


def to_json(runs: Sequence[BackendRun]) -> bytes:
    """Write the comparison as JSON."""
    return json.dumps([asdict(run) for run in runs], indent=2, ensure_ascii=False).encode()
