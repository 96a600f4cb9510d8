"""How far a command has come: JSON lines for a program, a progress bar for a person."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from modeltrain.formatting import duration

_LOG_SECONDS = 5.0


@dataclass(frozen=True)
class Progress:
    """One step: `done` of `total` in a stage, and a message for people."""

    stage: str
    done: int
    total: int
    message: str


class ProgressCallback(Protocol):
    """The function that long-running work calls to report how far it has come."""

    def __call__(self, stage: str, done: int, total: int, message: str) -> None: ...


def quiet(stage: str, done: int, total: int, message: str) -> None:
    """Ignore progress."""


class JsonLines:
    """Reports progress as JSON, one object per line."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout

    def __call__(self, stage: str, done: int, total: int, message: str) -> None:
        self._write(asdict(Progress(stage, done, total, message)))

    def finish(self, result: Mapping[str, Any], message: str) -> None:
        """Report that the command has finished, with its result."""
        self._write(asdict(Progress("done", 1, 1, message)) | {"result": dict(result)})

    def fail(self, message: str) -> None:
        """Report why the command stopped."""
        self._write({"stage": "failed", "message": message})

    def close(self) -> None:
        """Do nothing: there is nothing to clean up."""

    def _write(self, values: Mapping[str, Any]) -> None:
        self._out.write(json.dumps(values, ensure_ascii=False) + "\n")
        self._out.flush()


class Terminal:
    """Reports a progress bar on a terminal, plain lines elsewhere, and results on stdout.

    Parameters
    ----------
    log_seconds : float
        How often there is a line where there is no terminal.
    """

    def __init__(self, *, log_seconds: float = _LOG_SECONDS) -> None:
        self._log_seconds = log_seconds
        self._console = Console()
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._stage = self._message = ""
        self._stage_start = self._last_line = 0.0
        self._task: Any = None

    def __call__(self, stage: str, done: int, total: int, message: str) -> None:
        if stage != self._stage:
            self._stage, self._message = stage, message
            self._bar.start()
            self._task = self._bar.add_task(message, total=total)
            self._stage_start = self._last_line = time.monotonic()
            self._print_line(f"{stage}: {message}")
        elif done >= total and message != self._message:  # what the stage found; the bar cuts it
            self._message = message
            self._console.print(
                f"{stage}: {message}", highlight=False, markup=False, soft_wrap=True
            )
        elif time.monotonic() - self._last_line >= self._log_seconds:
            self._last_line = time.monotonic()
            seconds_left = (self._last_line - self._stage_start) * (total - done) / max(done, 1)
            self._print_line(f"{stage}: {done:,} of {total:,}, {duration(seconds_left)} left")
        self._bar.update(self._task, completed=done, total=total, description=message)

    def _print_line(self, line: str) -> None:
        if not self._console.is_terminal:
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)
            self._console.file.flush()

    def finish(self, result: Mapping[str, Any], message: str) -> None:
        """Print the result."""
        self.close()
        self._console.print(message, highlight=False, soft_wrap=True)
        sys.stdout.write(json.dumps(dict(result), indent=2, ensure_ascii=False) + "\n")

    def fail(self, message: str) -> None:
        """Print why the command stopped."""
        self.close()
        self._console.print(message, style="red", highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Restore the terminal."""
        self._bar.stop()


def reporter(*, json_lines: bool) -> JsonLines | Terminal:
    """Return a reporter for a program that reads JSON lines, or for a person."""
    return JsonLines() if json_lines else Terminal()
