"""How far a command is: JSON lines for a program, a bar for a person."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


@dataclass(frozen=True)
class Progress:
    """One step: `done` of `total` in a stage, and what is going on, for people."""

    stage: str
    done: int
    total: int
    message: str


class ProgressCallback(Protocol):
    """What long work calls to say how far it is."""

    def __call__(self, stage: str, done: int, total: int, message: str) -> None: ...


def quiet(stage: str, done: int, total: int, message: str) -> None:
    """Report to nobody."""


class JsonLines:
    """Reports as one JSON object a line."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout

    def __call__(self, stage: str, done: int, total: int, message: str) -> None:
        self._write(asdict(Progress(stage, done, total, message)))

    def done(self, result: Mapping[str, Any], message: str) -> None:
        """Say that the command is done, and what came of it."""
        self._write(asdict(Progress("done", 1, 1, message)) | {"result": dict(result)})

    def failed(self, message: str) -> None:
        """Say why the command stopped."""
        self._write({"stage": "failed", "message": message})

    def close(self) -> None:
        """Nothing to put away."""

    def _write(self, values: Mapping[str, Any]) -> None:
        self._out.write(json.dumps(values, ensure_ascii=False) + "\n")
        self._out.flush()


class Terminal:
    """Reports as a bar on a terminal's stderr, as plain lines elsewhere; results to stdout."""

    def __init__(self) -> None:
        self._console = Console()
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._stage = ""
        self._task: Any = None

    def __call__(self, stage: str, done: int, total: int, message: str) -> None:
        if stage != self._stage:
            self._stage = stage
            self._bar.start()
            self._task = self._bar.add_task(message, total=total)
            if not self._console.is_terminal:
                self._console.print(f"{stage}: {message}", highlight=False, soft_wrap=True)
        self._bar.update(self._task, completed=done, total=total, description=message)

    def done(self, result: Mapping[str, Any], message: str) -> None:
        """Print what came of it."""
        self.close()
        self._console.print(message, highlight=False, soft_wrap=True)
        sys.stdout.write(json.dumps(dict(result), indent=2, ensure_ascii=False) + "\n")

    def failed(self, message: str) -> None:
        """Print why the command stopped."""
        self.close()
        self._console.print(message, style="red", highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bar.stop()


def on(*, json_lines: bool) -> JsonLines | Terminal:
    """Choose who is told: a program that reads JSON lines, or a person."""
    return JsonLines() if json_lines else Terminal()
