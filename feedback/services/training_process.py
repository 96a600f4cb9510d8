"""Run `python -m modeltrain` in a process of its own and follow its progress.

TensorFlow is loaded in that process alone. If it is killed, the worker survives and knows why.
"""

import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Listener = Callable[[Mapping[str, Any]], bool]
PR_SET_PDEATHSIG = 1
SILENCE_SECONDS = 5.0


class ProcessFailed(Exception):
    """The process ended without a result, for the reason in the message."""


class ProcessKilled(ProcessFailed):
    """Something killed the process, such as a lack of memory: another attempt may succeed."""


def run(
    arguments: Sequence[str], *, log: Path, listen: Listener, limit_seconds: float
) -> Mapping[str, Any]:
    """Run one verb of modeltrain and return its result.

    `listen` receives every progress message, and a message with only the process id after five
    seconds of silence. If it returns False, the process is stopped.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
            [sys.executable, "-u", "-m", "modeltrain", *arguments, "--json-progress"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            preexec_fn=_die_with_parent_and_yield,
        )
        try:
            return _follow(process, log, listen, time.monotonic() + limit_seconds)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()


def _die_with_parent_and_yield() -> None:
    """Die with the worker, and run at low priority, because visitors wait for the same CPUs."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(10)


def _follow(
    process: "subprocess.Popen[bytes]", log: Path, listen: Listener, deadline: float
) -> Mapping[str, Any]:
    if process.stdout is None:
        raise ProcessFailed("The training process has no output to listen to.")
    os.set_blocking(process.stdout.fileno(), False)
    result: Mapping[str, Any] | None = None
    failure = ""
    unfinished = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if time.monotonic() > deadline:
                raise ProcessFailed("The training process ran past its time limit and was stopped.")
            if not selector.select(timeout=SILENCE_SECONDS):
                _notify(listen, {"pid": process.pid})
                continue
            chunk = process.stdout.read()
            if chunk == b"":
                break
            *lines, unfinished = (unfinished + (chunk or b"")).split(b"\n")
            for line in lines:
                message = _parse(line)
                if message.get("stage") == "done":
                    result = message.get("result")
                elif message.get("stage") == "failed":
                    failure = str(message.get("message"))
                elif message:
                    _notify(listen, {**message, "pid": process.pid})
    code = process.wait()
    if code == 0 and result is not None:
        return result
    if code < 0 and not failure:
        name = signal.Signals(-code).name
        raise ProcessKilled(f"The training process was killed ({name}). Its log is {log.name}.")
    raise ProcessFailed(failure or _describe_exit(code, log))


def _notify(listen: Listener, message: Mapping[str, Any]) -> None:
    if not listen(message):
        raise ProcessFailed("It was cancelled.")


def _parse(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _describe_exit(code: int, log: Path) -> str:
    last_line = log.read_text(errors="replace").strip().splitlines()[-1:]
    return f"The training process ended with code {code}. {' '.join(last_line)}".strip()
