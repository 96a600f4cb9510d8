"""The plugin of `make test-fast`: pure code, without Redis, Django, Chromium or a converted model.

The Makefile names the folders. Of their tests, this plugin leaves out those that need the published
model, because converting it takes a minute.
"""

import sys

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    slow = [item for item in items if "published" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse a test that imports the site: such a test belongs to another folder."""
    imported = {"django.db", "celery", "redis", "keras", "playwright"} & set(sys.modules)
    if imported:
        raise pytest.UsageError(
            "Fast tests import neither the database, a queue, Keras nor a browser. "
            f"Received: {', '.join(sorted(imported))}. "
            "Move the test, or leave its folder out of FAST in the Makefile."
        )
