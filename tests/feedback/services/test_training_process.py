"""A process of its own, followed to its end: its result, its failure, or why it was stopped.

Shell scripts stand in for the training, which is in tests/flows.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from feedback.services import training_process
from feedback.services.training_process import ProcessFailed, ProcessKilled

DONE = """echo '{"stage": "done", "result": {"sha256": "c"}}'"""
FOREVER = "exec tail -f /dev/null"


@pytest.fixture
def program(tmp_path, monkeypatch) -> Callable[..., None]:
    """Makes these shell commands the program that is run."""

    def make(*lines: str) -> None:
        path = tmp_path / "program"
        path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        path.chmod(0o700)
        monkeypatch.setattr("sys.executable", str(path))

    return make


@pytest.fixture
def log(tmp_path) -> Path:
    return tmp_path / "run" / "log"


def run(log: Path, *arguments: str, listen=lambda message: True, limit_seconds: float = 20):
    return training_process.run(arguments, log=log, listen=listen, limit_seconds=limit_seconds)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_result_is_returned_and_progress_is_passed_on_with_the_process_id(program, log):
    program("""echo "{\\"stage\\": \\"training\\", \\"shell\\": $$}" """, DONE)
    messages = []
    result = run(log, listen=lambda message: messages.append(message) or True)
    assert result == {"sha256": "c"}
    (message,) = messages
    assert (message["stage"], message["pid"]) == ("training", message["shell"])


def test_the_verb_gets_its_arguments_and_is_told_to_write_json(program, log):
    program('echo "$@" >&2', DONE)
    run(log, "retrain", "--seed=3")
    assert log.read_text() == "-u -m modeltrain retrain --seed=3 --json-progress\n"


def test_the_log_is_continued(program, log):
    program("echo again >&2", DONE)
    run(log)
    run(log)
    assert log.read_text() == "again\nagain\n"


def test_it_gives_way_to_visitors(program, log):
    program("nice >&2", DONE)
    run(log)
    assert int(log.read_text()) == min(os.nice(0) + 10, 19)


def test_it_ends_when_its_worker_is_killed(log, tmp_path, monkeypatch):
    program = tmp_path / "program"
    program.write_text(
        f"#!{sys.executable} -IS\n"
        "import ctypes, sys\n"
        "signal, get = ctypes.c_int(), 2  # PR_GET_PDEATHSIG\n"
        "ctypes.CDLL(None).prctl(get, ctypes.byref(signal))\n"
        "print(signal.value, file=sys.stderr)\n"
    )
    program.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(program))
    with pytest.raises(ProcessFailed):  # without a result
        run(log)
    assert int(log.read_text()) == signal.SIGKILL


def test_lines_that_are_no_messages_are_passed_over(program, log):
    program("echo Epoch 1", "echo '[1, 2]'", "echo 7", "echo '{'", "echo", DONE)
    messages = []
    assert run(log, listen=messages.append) == {"sha256": "c"}
    assert messages == []


def test_a_message_may_come_in_pieces(program, log):
    program("""printf '{"stage": "train'""", "sleep 0.2", """printf 'ing"}\\n'""", DONE)
    stages = []
    run(log, listen=lambda message: stages.append(message["stage"]) or True)
    assert stages == ["training"]


def test_silence_is_reported_with_the_process_id_alone(program, log, monkeypatch):
    monkeypatch.setattr(training_process, "SILENCE_SECONDS", 0.1)
    program("sleep 0.5", DONE)
    messages = []
    run(log, listen=lambda message: messages.append(message) or True)
    assert messages
    assert all(set(message) == {"pid"} for message in messages)


def test_a_refusal_of_the_process_is_the_reason(program, log):
    program("""echo '{"stage": "failed", "message": "No images."}'""", "exit 1")
    with pytest.raises(ProcessFailed, match=r"^No images\.$"):
        run(log)


def test_a_refusal_is_the_reason_even_if_the_process_does_not_end_by_itself(program, log):
    program("""echo '{"stage": "failed", "message": "No images."}'""", "kill -9 $$")
    with pytest.raises(ProcessFailed, match=r"^No images\.$") as failed:
        run(log)
    assert failed.type is ProcessFailed


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["echo one >&2", "echo Out of memory. >&2", "exit 3"], r"code 3\. Out of memory\.$"),
        (["exit 3"], r"ended with code 3\.$"),
        ([DONE, "exit 1"], r"ended with code 1\.$"),  # a result does not count
        (["exit 0"], r"ended with code 0\.$"),  # nor does an end without one
    ],
)
def test_an_end_without_a_result_gives_the_code_and_the_last_line_of_the_log(
    program, log, lines, reason
):
    program(*lines)
    with pytest.raises(ProcessFailed, match=reason):
        run(log)


def test_a_killed_process_says_that_it_was_killed(program, log):
    program("""echo '{"stage": "training"}'""", FOREVER)

    def kill_it(message):
        os.kill(message["pid"], signal.SIGKILL)
        return True

    with pytest.raises(ProcessKilled, match=r"killed \(SIGKILL\)\. Its log is log\."):
        run(log, listen=kill_it)


def test_a_cancelled_run_is_stopped(program, log):
    program("""echo '{"stage": "training"}'""", FOREVER)
    pids = []
    with pytest.raises(ProcessFailed, match="cancelled"):
        run(log, listen=lambda message: pids.append(message["pid"]))
    assert len(pids) == 1
    assert not is_running(pids[0])


def test_a_silent_run_can_be_cancelled_too(program, log, monkeypatch):
    monkeypatch.setattr(training_process, "SILENCE_SECONDS", 0.1)
    program(FOREVER)
    with pytest.raises(ProcessFailed, match="cancelled"):
        run(log, listen=lambda message: False)


def test_a_run_past_its_limit_is_stopped(program, log, monkeypatch):
    monkeypatch.setattr(training_process, "SILENCE_SECONDS", 0.1)
    program(FOREVER)
    pids = set()
    start = time.monotonic()
    with pytest.raises(ProcessFailed, match="past its time limit"):
        run(log, listen=lambda message: pids.add(message["pid"]) or True, limit_seconds=0.5)
    assert time.monotonic() - start < 10
    (pid,) = pids
    assert not is_running(pid)


def test_modeltrain_itself_refuses_a_verb_that_it_does_not_have(log):
    with pytest.raises(ProcessFailed, match=r"code 2\. .*invalid choice: 'retrian'"):
        run(log, "retrian")


# Mutants that survive and change nothing:
# - `run` without `close()`: the pipe is closed when nothing refers to it any more.
# - `_follow` without its refusal of a process without output, or without `or b""`: a pipe is asked
#   for, and what can be read from one is bytes.
