"""The plugin of `make test-fast`: pure code, without Redis, Django, Chromium or a converted model.

The Makefile names the folders. Of their tests, this plugin leaves out those that need the published
model, because converting it takes a minute.
"""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    slow = [item for item in items if "published" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]
