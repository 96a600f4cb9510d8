"""`make test-fast`: pure code alone, without Redis, Django, Chromium or a converted model.

The folders are named here; of their tests, those that need the published model are left out,
because converting it takes a minute.
"""

import pytest

FOLDERS = ["tests/modeltrain", "tests/nsfwsite/static", "tests/setup"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    slow = [item for item in items if "published" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]
