"""The address of the API says what there is."""

import pytest

from tests.nsfwsite.api.client import api_client

pytestmark = pytest.mark.django_db


def test_the_index_has_every_call_with_what_it_does() -> None:
    calls = api_client().get("/api/v1/").json()["calls"]
    assert all(call["description"] for call in calls)
    assert len({call["name"] for call in calls}) == len(calls)
    by_address = {(call["method"], call["address"]): call for call in calls}
    assert by_address["POST", "/api/v1/reports/"]["scopes"] == ["report"]
    assert by_address["GET", "/api/v1/triage/"]["scopes"] == ["triage", "read"]
    assert by_address["GET", "/api/v1/"]["scopes"] == []


def test_a_reader_of_the_index_reaches_what_it_names() -> None:
    for call in api_client().get("/api/v1/").json()["calls"]:
        if call["method"] == "GET" and "{" not in call["address"]:
            assert api_client().get(call["address"]).status_code != 404
