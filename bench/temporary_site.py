"""A site for measurements: Django on a folder, with a real Redis."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from setup.supervision import start_redis


@contextmanager
def site(data_dir: Path, **environment: str) -> Iterator[None]:
    """Set up Django on this DATA_DIR and migrate its database. Works once per process."""
    data_dir = data_dir.resolve()  # the address of a socket is absolute
    server = start_redis(data_dir)
    os.environ |= {
        "DATA_DIR": str(data_dir),
        "SECRET_KEY": "bench",
        "REDIS_URL": f"unix://{data_dir}/redis.sock",
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
