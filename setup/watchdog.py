"""Restart the web process when it hangs. Workers watch themselves: worker/heartbeat.py."""

import os
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

CHECK_SECONDS = 10.0
ANSWER_SECONDS = 10.0
MISSES = 3


def wait(
    supervisor: "subprocess.Popen[bytes]",
    *,
    live: urllib.request.Request,
    check_seconds: float = CHECK_SECONDS,
    answer_seconds: float = ANSWER_SECONDS,
) -> int:
    """Wait until the supervisor ends, and return its exit code.

    Meanwhile a web process that answered once and then gives no answer three times in a row is
    killed, and the supervisor starts another. One that is still starting is left alone.
    """
    misses = MISSES
    while True:
        try:
            return supervisor.wait(timeout=check_seconds)
        except subprocess.TimeoutExpired:
            pass
        if answers(live, answer_seconds):
            misses = 0
            continue
        misses += 1
        if misses == MISSES:
            for pid in web_processes(supervisor.pid):
                print(f"web gave no answer {MISSES} times: starting it again", flush=True)
                os.kill(pid, signal.SIGKILL)


def answers(request: urllib.request.Request, seconds: float) -> bool:
    try:
        with urllib.request.urlopen(request, timeout=seconds):
            return True
    except urllib.error.HTTPError:
        return True  # an answer all the same
    except OSError:
        return False


def web_processes(supervisor_pid: int) -> list[int]:
    """The supervisor's children that run the site's server."""
    children = Path(f"/proc/{supervisor_pid}/task/{supervisor_pid}/children").read_text().split()
    return [
        int(pid)
        for pid in children
        if b"nsfwsite.server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
