"""Every error has a body that explains it, and no body is read that is too large."""

import pytest
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db


def test_a_wrong_method_is_explained_on_a_page() -> None:
    response = Client().post(reverse("ledger"))
    assert response.status_code == 405
    assert b"<html" in response.content
    assert response.headers["Content-Length"] == str(len(response.content))


def test_a_wrong_method_is_explained_to_programs() -> None:
    response = Client().delete("/api/v1/models/")
    assert response.status_code == 405
    assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("path", "kind"), [("/", "classification"), ("/report/", "report")])
def test_a_body_over_the_limit_is_refused_on_a_page(settings, path, kind) -> None:
    settings.BODY_MAX_BYTES = {"classification": 1000, "report": 1000}
    response = Client().post(path, b"x" * 5000, content_type="multipart/form-data")
    assert response.status_code == 413
    assert f"A {kind} request must be at most" in response.content.decode()


def test_a_body_under_the_limit_reaches_its_view(settings) -> None:
    settings.BODY_MAX_BYTES = {"classification": 1000, "report": 10_000}
    response = Client().post("/api/v1/reports/", b"x" * 5000, content_type="text/plain")
    assert response.status_code == 415


@pytest.mark.parametrize(
    "address",
    [
        "/artifacts/%00/model.onnx",
        "/reports/?label=%00",
        "/models/v%00/",
        "/samples/%00",
        "/?%00=1",
    ],
)
def test_a_null_character_in_an_address_is_refused_on_a_page(address) -> None:
    response = Client().get(address)
    assert response.status_code == 400
    assert "without null characters" in response.content.decode()


def test_a_null_character_is_refused_to_programs() -> None:
    response = Client().get("/api/v1/reports/?label=%00")
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"


def test_a_null_character_in_a_cookie_is_refused() -> None:
    client = Client(headers={"Cookie": 'sessionid="\\000\\000\\000\\000\\000\\000\\000\\000"'})
    assert client.get("/").status_code == 400


@pytest.mark.parametrize("path", ["/", "/sign-in/", "/report/"])
def test_a_null_character_in_a_form_is_refused(path) -> None:
    response = Client().post(path, {"sample": "\0", "login": "a\0", "subject": "\0"})
    assert response.status_code == 400
    assert "without null characters" in response.content.decode()
