"""The figures for Prometheus are for maintainers."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from tests.nsfwsite.api.client import api_client

pytestmark = pytest.mark.django_db


def test_maintainers_alone_may_read_them(mona: User, ravi: User) -> None:
    path = reverse("api:metrics")
    response = api_client(mona, "read").get(path)
    assert response.headers["Content-Type"].startswith("text/plain")
    assert b"speakup_disk_free_bytes" in response.content
    assert api_client(mona, "classify").get(path).status_code == 403
    assert api_client(ravi).get(path).status_code == 403
    assert api_client().get(path).status_code == 401
