"""The site is ready when a classification would succeed."""

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from feedback.models import ModelVersion
from worker import heartbeat

pytestmark = pytest.mark.django_db


@pytest.fixture
def worker(monkeypatch) -> None:
    monkeypatch.setattr(heartbeat, "alive", lambda queue: True)


def ready() -> tuple[int, dict]:
    response = Client().get(reverse("ready"))
    return response.status_code, response.json()


def test_a_site_with_a_model_and_a_worker_is_ready(champion, worker) -> None:
    champion.folder.mkdir(parents=True)
    assert ready() == (200, {"ready": True, "model": True, "inference": True})


def test_a_site_without_the_models_files_is_not_ready(champion, worker) -> None:
    assert ready() == (503, {"ready": False, "model": False, "inference": True})


def test_a_site_without_a_worker_is_not_ready_and_says_when_to_ask_again(champion) -> None:
    champion.folder.mkdir(parents=True)
    assert ready() == (503, {"ready": False, "model": True, "inference": False})
    assert Client().get(reverse("ready")).headers["Retry-After"] == "5"


def test_a_site_without_a_database_is_not_ready(worker, monkeypatch) -> None:
    def fail(**_) -> None:
        raise OperationalError

    monkeypatch.setattr(ModelVersion.objects, "filter", fail)
    assert ready()[0] == 503
    assert Client().get(reverse("live")).status_code == 200
