"""Every error has a body that explains it, and no body is read that is too large."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.cast import token_of, upload

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


@pytest.mark.parametrize(
    ("address", "rate"),
    [
        ("/", "RATE_CLASSIFICATIONS"),
        ("/report/", "RATE_REPORTS"),
        ("/api/v1/classifications/", "RATE_CLASSIFICATIONS"),
        ("/api/v1/reports/", "RATE_REPORTS"),
    ],
)
def test_an_upload_is_counted_before_it_is_read(settings, address, rate) -> None:
    setattr(settings, rate, "1/hour")
    client = Client(enforce_csrf_checks=True)
    answers = [client.post(address, {"image": upload()}) for _ in range(2)]
    read = [answer.wsgi_request._read_started for answer in answers]
    assert (answers[0].status_code, read[0]) != (429, True)
    assert (answers[1].status_code, read[1]) == (429, False)
    assert int(answers[1].headers["Retry-After"]) > 0


def test_scripts_run_by_their_nonce_which_no_two_answers_share() -> None:
    policies = [Client().get("/").headers["Content-Security-Policy"] for _ in range(2)]
    assert all("script-src 'nonce-" in policy for policy in policies)
    assert all("require-trusted-types-for 'script'" in policy for policy in policies)
    assert policies[0] != policies[1]


def test_the_admin_sanitises_what_its_scripts_make_markup_from() -> None:
    admin = Client().get("/admin/").headers["Content-Security-Policy"]
    assert "trusted-types default dompurify" in admin
    assert "require-trusted-types-for 'script'" in admin


def test_with_https_a_call_of_the_api_without_it_is_refused_and_not_redirected(settings) -> None:
    settings.HTTPS = settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_REDIRECT_EXEMPT = [r"^api/"]
    assert Client().get("/api/v1/models/").json()["title"] == "This is not encrypted"
    assert Client().get("/api/v1/schema/", secure=True).status_code == 200


@pytest.mark.django_db
def test_the_api_answers_without_a_final_slash_as_with_it(client, ravi, queued) -> None:
    headers = {"authorization": f"Token {token_of(ravi)}"}
    body = {"outcome": "accepted", "label": "drawings"}
    address = f"/api/v1/triage/{queued().pk}/decision"
    decided = client.post(address, body, content_type="application/json", headers=headers)
    assert decided.status_code == 201
    assert client.get("/api/v1").json() == client.get("/api/v1/").json()
    assert client.get("/api/v1/nothing").status_code == 404
