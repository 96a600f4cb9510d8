"""Without Redis the site computes its figures anew, and shows them all the same."""

import time

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests.cast import upload

WITHIN_SECONDS = 5


def test_what_is_kept_is_found() -> None:
    cache.set("figures", {"rate": 0.1}, 60)
    assert cache.get("figures") == {"rate": 0.1}


@pytest.mark.usefixtures("stalled_redis")
def test_while_redis_stalls_nothing_is_found_and_nothing_is_kept() -> None:
    cache.set("figures", {"rate": 0.1}, 60)
    assert cache.get("figures") is None


@pytest.mark.django_db
@pytest.mark.usefixtures("stalled_redis", "champion")
@pytest.mark.parametrize(
    ("address", "status"),
    [("/", 200), ("/audits/", 200), ("/models/", 200), ("/health/ready/", 503), ("/report/", 200)],
)
def test_a_stalled_redis_holds_up_no_page(address, status) -> None:
    began = time.monotonic()
    assert Client().get(address).status_code == status
    assert time.monotonic() - began < WITHIN_SECONDS


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stalled_redis", "champion")
def test_while_redis_stalls_an_image_is_refused_at_once_and_a_way_out_is_given() -> None:
    began = time.monotonic()
    response = Client().post(reverse("home"), {"image": upload()})
    assert response.status_code == 503
    assert b"Try again in a few seconds" in response.content
    assert time.monotonic() - began < WITHIN_SECONDS
