"""Prepare DATA_DIR, start every process under one supervisor, say when the site is ready."""

import ctypes
import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from django.core.exceptions import ImproperlyConfigured

from setup import supervision, watchdog
from setup.steps import ROOT, always, digest, fail, step

try:
    from nsfwsite import env
except ImproperlyConfigured as error:
    sys.exit(str(error))

PYTHON = sys.executable
PR_SET_PDEATHSIG = 1
READY_SECONDS = 180
# What the browser assets are built from is served to nobody.
SOURCES = ("--ignore=src", "--ignore=build", "--ignore=build.mjs")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    data_dir = prepare_data_dir(env.DATA_DIR)
    check_port_is_free(env.PORT)
    with lock(data_dir):
        os.environ["DATA_DIR"] = str(data_dir)
        os.environ.setdefault("SECRET_KEY", kept_secret(data_dir / "secret_key"))
        prepare_data(data_dir)
        sys.exit(serve(data_dir, env.PORT))


def prepare_data_dir(data_dir: Path) -> Path:
    try:
        for name in ("logs", "beat", "redis"):
            (data_dir / name).mkdir(parents=True, exist_ok=True)
        data_dir.chmod(0o700)
    except OSError as problem:
        fail(
            "DATA_DIR must be a folder that may be written to.",
            f"{data_dir} ({problem.strerror})",
            "Name another: make run DATA_DIR=/some/folder",
        )
    return data_dir


def check_port_is_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as problem:
            fail(
                "PORT must be free.",
                f"{port} ({problem.strerror})",
                f"Stop what listens there, or: make run PORT={port % 65535 + 1}",
            )


def lock(data_dir: Path) -> IO[str]:
    """One site at a time works in a DATA_DIR."""
    file = (data_dir / "run.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fail(
            "One `make run` at a time works in a DATA_DIR.",
            f"{data_dir}, which is in use",
            "Stop the other one, or: make run DATA_DIR=/some/folder PORT=8080",
        )
    return file


def kept_secret(path: Path) -> str:
    """A random secret that only this user can read; made once."""
    if not path.is_file():
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
        part.replace(path)
    return path.read_text().strip()


def prepare_data(data_dir: Path) -> None:
    done = data_dir / "steps"
    if not any((data_dir / "artifacts").glob("*/MANIFEST.sha256")):
        always(
            "The published model (converted once)",
            lambda: modeltrain(
                "convert",
                f"--package={ROOT / 'node_modules' / 'nsfwjs'}",
                f"--artifacts={data_dir / 'artifacts'}",
            ),
        )
    if not (data_dir / "demo" / "audit.jsonl").is_file():
        always("Demo images (rendered once)", lambda: demo_data(data_dir))
    migrations = sorted((ROOT / "feedback" / "migrations").glob("*.py"))
    lock_file = ROOT / "requirements" / "run.txt"
    step(
        "Database",
        lambda: manage("migrate", "--noinput", "--verbosity", "0"),
        stamp=done / "migrated",
        key=digest(lock_file, *migrations),
    )
    manage("load_demo")
    built = ROOT / "nsfwsite" / "static" / "build" / ".built"
    step(
        "Static files",
        lambda: manage("collectstatic", "--noinput", "--clear", "--verbosity=0", *SOURCES),
        stamp=done / "static",
        key=digest(built, lock_file),
    )


def demo_data(data_dir: Path) -> None:
    modeltrain(
        "demo-data",
        f"--npm={ROOT / 'node_modules'}",
        f"--out={data_dir / 'demo'}",
    )


def modeltrain(*arguments: str) -> None:
    """One verb; its chatter goes to a log, its progress to the terminal."""
    log = Path(os.environ["DATA_DIR"]) / "logs" / "set-up.log"
    with log.open("ab") as errors:
        call([PYTHON, "-m", "modeltrain", *arguments], env=dict(os.environ), stderr=errors, log=log)


def manage(*arguments: str) -> None:
    call([PYTHON, "manage.py", *arguments], env={**os.environ, "REDIS_URL": env.REDIS_URL})


def call(
    command: list[str],
    *,
    env: dict[str, str],
    stderr: IO[bytes] | None = None,
    log: Path | None = None,
) -> None:
    done = subprocess.run(command, cwd=ROOT, env=env, stderr=stderr)
    if done.returncode:
        fail(
            "Every step of the set-up must succeed.",
            f"exit code {done.returncode} from: {' '.join(command)}",
            f"See {log or 'its message above'}; `make run` goes on from here.",
        )


def serve(data_dir: Path, port: int) -> int:
    """Run until a signal comes or the supervisor ends; every process is gone afterwards."""
    own_redis = not os.environ.get("REDIS_URL")
    if own_redis:
        os.environ["REDIS_URL"] = start_url(data_dir)
    config = data_dir / "supervisord.conf"
    commands = supervision.programs(
        data_dir=data_dir,
        port=port,
        threads=env.WEB_THREADS,
        inference_processes=env.INFERENCE_PROCESSES,
        own_redis=own_redis,
    )
    supervision.write_config(config, commands, data_dir=data_dir, root=ROOT)
    supervisor = subprocess.Popen(
        [f"{Path(PYTHON).parent}/supervisord", "--configuration", str(config)],
        cwd=ROOT,
        preexec_fn=_stop_with_parent,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.terminate())
    announce(supervisor, port)
    code = watchdog.wait(supervisor, live=page(port, "/health/live/"))
    print("stopped", flush=True)
    return code


def start_url(data_dir: Path) -> str:
    """A Redis of our own, on a free port, behind a password."""
    password = kept_secret(data_dir / "redis" / "password")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    supervision.write_redis_config(data_dir / "redis", port=port, password=password)
    print(f"· Broker: {supervision.redis_version()}", flush=True)
    return f"redis://:{password}@127.0.0.1:{port}/0"


def _stop_with_parent() -> None:
    os.setpgrp()  # Ctrl-C reaches us alone; we pass it on once
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def page(port: int, path: str) -> urllib.request.Request:
    """A request for a page of the site that no redirect and no check of its host answers."""
    headers = {"Host": env.ALLOWED_HOSTS[0].lstrip("."), "X-Forwarded-Proto": "https"}
    return urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)


def announce(supervisor: "subprocess.Popen[bytes]", port: int) -> None:
    """Say `ready:` once a classification would succeed."""
    ready = page(port, "/health/ready/")
    deadline = time.monotonic() + READY_SECONDS
    print("· Starting web, broker, workers and scheduler …", flush=True)
    while supervisor.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(ready, timeout=5):
                print(f"ready: http://127.0.0.1:{port}/", flush=True)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    if supervisor.poll() is None:
        print(f"not ready after {READY_SECONDS} s; see DATA_DIR/logs", flush=True)


if __name__ == "__main__":
    main()
