"""The plugin of `make test-fast`: pure code, without Redis, Django, Chromium or a converted model.

The Makefile names the folders. Of their tests, this plugin leaves out those that need the published
model, because converting it takes a minute.
"""

import sys
from collections.abc import Generator
from typing import TypeVar

import pytest

SLOW = {"django.db", "celery", "redis", "keras", "playwright"}
Report = TypeVar("Report", pytest.CollectReport, pytest.TestReport)
_reported: set[str] = set()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    slow = [item for item in items if "published" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse a file that imports the site when it is read."""
    return _refuse_slow_imports((yield))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Refuse a test that imports the site while it or one of its fixtures runs."""
    return _refuse_slow_imports((yield))


def _refuse_slow_imports(report: Report) -> Report:
    imported = (SLOW & set(sys.modules)) - _reported
    if imported:
        _reported.update(imported)  # only who is first is to blame
        report.outcome = "failed"
        report.longrepr = (
            "Fast tests import neither the database, a queue, Keras nor a browser. "
            f"Received: {', '.join(sorted(imported))}. "
            "Move the test, or leave its folder out of FAST in the Makefile."
        )
    return report
