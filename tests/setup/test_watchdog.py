"""A web process that hangs is replaced; one that answers is left alone."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from setup import supervision, watchdog
from tests.conftest import ROOT
from tests.flows.conftest import free_port


@dataclass
class Site:
    """The site's real server under the real supervisor, with a watchdog in a hurry."""

    supervisor: "subprocess.Popen[bytes]"
    live: urllib.request.Request

    @property
    def web(self) -> int:
        return watchdog.web_processes(self.supervisor.pid)[0]

    def answers(self) -> bool:
        return watchdog.answers(self.live, 5)


@pytest.fixture
def site(tmp_path) -> Iterator[Site]:
    data_dir, port = tmp_path / "data", free_port()
    for folder in ("logs", "static"):
        (data_dir / folder).mkdir(parents=True)
    programs = supervision.programs(data_dir=data_dir, port=port, threads=2, own_redis=False)
    config = data_dir / "supervisord.conf"
    supervision.write_config(config, {"web": programs["web"]}, data_dir=data_dir, root=ROOT)
    supervisor = subprocess.Popen(
        [Path(sys.executable).parent / "supervisord", "--configuration", config],
        env={**os.environ, "DATA_DIR": str(data_dir)},
        stdout=subprocess.DEVNULL,
    )
    site = Site(supervisor, urllib.request.Request(f"http://127.0.0.1:{port}/health/live/"))
    arguments = {"live": site.live, "check_seconds": 0.5, "answer_seconds": 5}
    thread = threading.Thread(target=watchdog.wait, args=(supervisor,), kwargs=arguments)
    thread.start()
    yield site
    supervisor.terminate()
    thread.join(timeout=30)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_stopped_web_process_is_replaced(site) -> None:
    until(site.answers)
    hung = site.web
    time.sleep(2)  # four checks
    assert site.web == hung
    os.kill(hung, signal.SIGSTOP)
    until(lambda: watchdog.web_processes(site.supervisor.pid) not in ([], [hung]))
    until(site.answers)
    assert not Path(f"/proc/{hung}").exists()
