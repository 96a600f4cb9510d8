"""Retrains by the API are for maintainers."""

import pytest

from tests.nsfwsite.api.client import api_client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["", "1/", "1/approve/", "1/promote/", "1/decline/"])
def test_retrains_are_for_maintainers(ravi, path):
    api = api_client(ravi)
    call = api.get if path in {"", "1/"} else api.post
    assert call(f"/api/v1/retrains/{path}").status_code == 403
