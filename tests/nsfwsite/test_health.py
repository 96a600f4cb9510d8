"""The site is ready when a classification would succeed."""

import shutil
from types import SimpleNamespace

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from feedback.models import ModelVersion
from nsfwsite import health
from tests.cast import register_worker
from worker import heartbeat

pytestmark = pytest.mark.django_db


@pytest.fixture
def worker() -> None:
    register_worker()
    heartbeat.confirm_service()


def ready() -> tuple[int, dict]:
    """The status, and the answer without what the cage lacks."""
    response = Client().get(reverse("ready"))
    answer = response.json()
    del answer["cage_lacks"]
    return response.status_code, answer


def test_a_site_with_a_model_a_worker_and_room_is_ready(champion, worker) -> None:
    assert ready() == (200, {"ready": True, "model": True, "inference": True, "disk": True})


def test_a_site_whose_only_model_is_damaged_is_not_ready(champion, worker) -> None:
    ModelVersion.objects.update(damage="A file in an artifact must not change.")
    assert ready() == (503, {"ready": False, "model": False, "inference": True, "disk": True})


def test_a_site_without_a_worker_is_not_ready_and_says_when_to_ask_again(champion) -> None:
    heartbeat.confirm_service()
    assert ready() == (503, {"ready": False, "model": True, "inference": False, "disk": True})
    assert Client().get(reverse("ready")).headers["Retry-After"] == "5"


def test_a_worker_that_has_not_classified_lately_is_not_enough(champion) -> None:
    register_worker()
    assert ready()[1]["inference"] is False


def test_a_site_on_a_full_disk_is_not_ready(champion, worker, monkeypatch) -> None:
    usage = SimpleNamespace(free=health.FREE_BYTES - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert ready() == (503, {"ready": False, "model": True, "inference": True, "disk": False})


def test_a_site_without_a_database_is_not_ready(worker, monkeypatch) -> None:
    def fail(*_, **__) -> None:
        raise OperationalError

    monkeypatch.setattr(ModelVersion.objects, "exclude", fail)
    assert ready()[0] == 503
    assert Client().get(reverse("live")).status_code == 200


def test_a_layer_that_the_cage_lacks_is_said_and_the_site_is_ready(champion) -> None:
    register_worker()
    heartbeat.confirm_service(cage_lacks=["namespaces", "landlock"])
    response = Client().get(reverse("ready"))
    assert response.status_code == 200
    assert response.json()["cage_lacks"] == ["namespaces", "landlock"]


def test_a_whole_cage_lacks_nothing(champion, worker) -> None:
    assert Client().get(reverse("ready")).json()["cage_lacks"] == []
