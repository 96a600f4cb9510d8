"""The clock names tasks that exist, and drops those that come too late."""

import pytest

from worker.celery import app

ENTRIES = app.conf.beat_schedule


@pytest.fixture(scope="module", autouse=True)
def _tasks_are_loaded() -> None:
    app.loader.import_default_modules()


@pytest.mark.parametrize("name", ENTRIES)
def test_every_scheduled_task_is_registered(name) -> None:
    assert ENTRIES[name]["task"] in app.tasks


@pytest.mark.parametrize("name", ENTRIES)
def test_a_scheduled_task_expires_before_the_next_one(name) -> None:
    assert ENTRIES[name]["options"]["expires"] < ENTRIES[name]["schedule"]


def test_routes_name_tasks_that_are_registered() -> None:
    names = [name for name in app.conf.task_routes if not name.endswith(".*")]
    assert names
    assert set(names) <= set(app.tasks)
