"""What tests of the site need: a private DATA_DIR, a real Redis, Django, and the cast.

Pytest loads this module before it reads any conftest.py, so that Django finds these settings.
`make test-fast` does not load it.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from setup import supervision

DATA_DIR = Path(tempfile.mkdtemp(prefix="speakup-tests-"))


def stop() -> None:
    redis_server.terminate()
    redis_server.wait(timeout=10)
    shutil.rmtree(DATA_DIR, ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    # The cast imports models, so Django must be set up by now.
    config.pluginmanager.import_plugin("tests.cast")


os.environ.update(
    DJANGO_SETTINGS_MODULE="nsfwsite.settings",
    SECRET_KEY="only-for-tests-" + "x" * 50,
    DATA_DIR=str(DATA_DIR),
    REDIS_URL=f"unix://{DATA_DIR}/redis.sock",
    DEBUG="0",
    SHARED_PAGE_SECONDS="0",
)
for name in ("DATABASE_URL", "HTTPS", "ALLOWED_HOSTS"):
    os.environ.pop(name, None)
(DATA_DIR / "static").mkdir()
redis_server = supervision.start_redis(DATA_DIR)
atexit.register(stop)
