"""Models and their audits are public."""

import pytest

from tests.nsfwsite.api.client import api_client

pytestmark = pytest.mark.django_db


def test_anybody_may_see_models(champion):
    page = api_client().get("/api/v1/models/").json()
    assert [(model["version"], model["status"]) for model in page["results"]] == [
        ("v1", "champion")
    ]
    assert api_client().get("/api/v1/models/v9/audit/").status_code == 404
    assert api_client().get("/api/v1/models/nonsense/audit/").status_code == 404
