"""Every error of the API is a problem that programs can read, whoever answered it."""

import pytest
from django.test import Client

from feedback import queries
from tests.cast import token_of

pytestmark = pytest.mark.django_db


def problem(response) -> dict:
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Content-Length"] == str(len(response.content))
    body = response.json()
    assert body["status"] == response.status_code
    assert body["detail"]
    return body


def test_an_unknown_address_is_a_problem() -> None:
    assert problem(Client().get("/api/v1/nothing/"))["title"] == "Not Found"


def test_an_unknown_host_is_a_problem() -> None:
    response = Client().get("/api/v1/models/", headers={"host": "elsewhere.example"})
    assert problem(response)["title"] == "Bad Request"


def test_too_many_fields_are_a_problem() -> None:
    fields = {f"field{number}": "x" for number in range(2000)}
    assert problem(Client().post("/api/v1/reports/", fields))["status"] == 400


@pytest.mark.parametrize(
    ("method", "kind", "title", "detail"),
    [
        ("PUT", "multipart/form-data", "Method Not Allowed", 'Method "PUT" not allowed.'),
        ("POST", "text/plain", "Unsupported Media Type", '"text/plain"'),
    ],
)
def test_a_problem_says_what_was_wrong_in_whole_words(method, kind, title, detail) -> None:
    response = Client().generic(method, "/api/v1/classifications/", "x", content_type=kind)
    body = problem(response)
    assert body["title"] == title
    assert detail in body["detail"]


def test_an_error_of_ours_is_a_problem_without_its_cause(monkeypatch) -> None:
    monkeypatch.setattr(queries.models, "model_of", lambda version: 1 / 0)
    client = Client(raise_request_exception=False)
    body = problem(client.get("/api/v1/models/v1/audit/"))
    assert body["status"] == 500
    assert "division" not in str(body)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("[" * 100_000, "nested"),
        ('{"outcome": "accepted", "groups": {"medium": ["x"]}}', "groups: Not a valid string."),
    ],
)
def test_bad_json_is_a_problem(queued, ravi, body, detail) -> None:
    url = f"/api/v1/triage/{queued().pk}/decision/"
    token = {"authorization": f"Token {token_of(ravi)}"}
    response = Client().post(url, body, content_type="application/json", headers=token)
    assert detail in problem(response)["detail"]
    assert response.status_code == 400
