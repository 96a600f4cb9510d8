"""A site for measurements: Django on a folder, with a real Redis."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from setup.supervision import redis_server


def start_redis(folder: Path) -> "tuple[subprocess.Popen[bytes], str]":
    """A server on a free port that keeps nothing, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    server = subprocess.Popen([redis_server(), *options], stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    while server.poll() is None:
        try:
            redis.Redis.from_url(url).ping()
            break
        except redis.ConnectionError:
            time.sleep(0.05)
    return server, url


@contextmanager
def site(data_dir: Path, **environment: str) -> Iterator[None]:
    """Set up Django on this DATA_DIR and migrate its database. Works once per process."""
    server, url = start_redis(data_dir)
    os.environ |= {
        "DATA_DIR": str(data_dir),
        "SECRET_KEY": "bench",
        "REDIS_URL": url,
        "DJANGO_SETTINGS_MODULE": "nsfwsite.settings",
        **environment,
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    try:
        yield
    finally:
        server.terminate()
        server.wait()


@contextmanager
def temporary_site() -> Iterator[Path]:
    """Set up a site with built pages in a temporary folder, and return the folder."""
    with tempfile.TemporaryDirectory() as folder, site(Path(folder)):
        from django.core.management import call_command

        call_command(
            "collectstatic", verbosity=0, interactive=False, ignore_patterns=["src", "build.mjs"]
        )
        yield Path(folder)
