"""The broker that `make run` starts: which one it is, and what it refuses."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from setup import supervision
from tests.flows.conftest import free_port

PASSWORD = "a password"


@pytest.fixture(scope="module")
def broker(tmp_path_factory) -> Iterator[redis.Redis]:
    """A server with the configuration of `make run`."""
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    supervision.write_redis_config(folder, port=port, password=PASSWORD)
    server = subprocess.Popen(
        [supervision.redis_server(), str(folder / "redis.conf")], stdout=subprocess.DEVNULL
    )
    client = redis.Redis(port=port, password=PASSWORD)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            client.ping()
            break
        except redis.ConnectionError:
            time.sleep(0.05)
    yield client
    server.terminate()
    server.wait(timeout=10)


def test_the_server_is_one_that_still_gets_security_fixes() -> None:
    name, _, version = supervision.redis_version().partition(" server v=")
    major = int(version.partition(".")[0])
    assert (name, major >= 8) == ("Valkey", True) or (name, major >= 7) == ("Redis", True)


@pytest.mark.parametrize(
    "command",
    [
        ("FLUSHALL",),
        ("KEYS", "*"),
        ("CONFIG", "GET", "dir"),
        ("CONFIG", "SET", "dir", "/tmp"),
        ("SHUTDOWN", "NOSAVE"),
        ("EVAL", "return 1", "0"),
        ("FUNCTION", "LIST"),
        ("MODULE", "LIST"),
        ("REPLICAOF", "127.0.0.1", "1"),
        ("ACL", "LIST"),
    ],
)
def test_commands_that_change_the_server_are_refused(broker, command) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        broker.execute_command(*command)


def test_what_the_site_needs_is_allowed(broker) -> None:
    broker.set("heartbeat:inference", "a worker", ex=10)
    broker.lpush("notification:1", 1)
    assert broker.blpop(["notification:1"], timeout=1)
    script = broker.register_script("return redis.call('INCR', KEYS[1])")
    assert script(keys=["count"]) == 1


def test_nobody_gets_in_without_the_password(broker) -> None:
    port = broker.connection_pool.connection_kwargs["port"]
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=port).ping()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=port, password="another").ping()


def test_the_password_is_not_in_the_configuration(tmp_path: Path) -> None:
    supervision.write_redis_config(tmp_path, port=1, password=PASSWORD)
    text = (tmp_path / "redis.conf").read_text()
    assert PASSWORD not in text
    assert (tmp_path / "redis.conf").stat().st_mode & 0o077 == 0
