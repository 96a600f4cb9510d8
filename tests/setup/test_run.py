"""`make run` refuses clearly, before it has changed anything."""

import fcntl
import os
import socket
import subprocess
import sys

import pytest

from setup import supervision
from tests.conftest import ROOT


def run(**environment):
    inherited = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    return subprocess.run(
        [sys.executable, "setup/run.py"],
        cwd=ROOT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1"])
def test_a_port_that_is_no_port_is_refused(tmp_path, port):
    done = run(DATA_DIR=str(tmp_path / "data"), PORT=port)
    assert done.returncode == 1
    assert "PORT must be a whole number from 1 to 65535." in done.stderr
    assert f"Received: '{port}'" in done.stderr


def test_a_port_in_use_is_refused_with_another_to_try(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(DATA_DIR=str(tmp_path / "data"), PORT=str(port))
    assert done.returncode == 1
    assert "PORT must be free" in done.stderr
    assert f"make run PORT={port + 1}" in done.stderr


def test_a_data_dir_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "data").write_text("mine")
    done = run(DATA_DIR=str(tmp_path / "data"))
    assert done.returncode == 1
    assert "DATA_DIR must be a folder" in done.stderr
    assert (tmp_path / "data").read_text() == "mine"


def test_two_sites_do_not_share_a_data_dir(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (tmp_path / "run.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = run(DATA_DIR=str(tmp_path), PORT=str(port))
    assert done.returncode == 1
    assert "One `make run` at a time" in done.stderr


def test_secrets_are_for_this_user_alone(tmp_path):
    supervision.write_redis_config(tmp_path / "redis", port=1, password="secret")
    assert (tmp_path / "redis" / "redis.conf").stat().st_mode & 0o077 == 0
