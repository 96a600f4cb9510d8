"""A token opens what its scopes name and its owner may do; otherwise it says why it does not."""

import datetime

import pytest
from django.test import Client
from django.urls import URLResolver
from django.utils import timezone
from structlog.testing import capture_logs

from feedback.models import ApiToken
from nsfwsite.api import urls
from nsfwsite.api.permissions import HasScope, scopes_of
from tests.cast import token_of
from tests.nsfwsite.api.client import api_client

pytestmark = pytest.mark.django_db


def ask(secret: str, path: str = "/api/v1/models/"):
    return Client().get(path, headers={"Authorization": f"Token {secret}"})


@pytest.mark.parametrize("pattern", urls.urlpatterns, ids=lambda pattern: pattern.name)
def test_every_view_says_its_scope_and_asks_for_it(pattern) -> None:
    view = pattern.callback.cls
    assert not isinstance(pattern, URLResolver)
    assert scopes_of(view, "POST") == ([] if view.scope is None else [view.scope])
    assert any(issubclass(permission, HasScope) for permission in view.permission_classes)


@pytest.mark.parametrize(
    ("scope", "opened"),
    [
        ("read", {"models", "triage", "retrains", "webhooks", "reports"}),
        ("classify", set()),
        ("report", {"reports"}),
        ("triage", {"triage"}),
        ("maintain", {"retrains", "webhooks"}),
    ],
)
def test_a_scope_opens_its_part_and_no_other(mona, scope, opened) -> None:
    api = api_client(mona, scope)
    parts = ("models", "triage", "retrains", "webhooks", "reports")
    statuses = {part: api.get(f"/api/v1/{part}/").status_code for part in parts}
    assert {part for part, status in statuses.items() if status == 200} == opened
    assert set(statuses.values()) <= {200, 403}
    assert api.get("/api/v1/").status_code == api.get("/api/v1/schema/").status_code == 200


def test_a_scope_that_is_too_small_is_named_with_those_that_do(mona) -> None:
    problem = api_client(mona, "read", "triage").post("/api/v1/retrains/").json()
    assert problem["status"] == 403
    assert problem["rule"] == "This takes a token with the scope maintain."
    assert problem["received"] == "one with read, triage"
    assert "page of your account" in problem["way_out"]


def test_a_scope_gives_no_more_than_the_role(mona) -> None:
    secret = token_of(mona)
    assert ask(secret, "/api/v1/retrains/").status_code == 200
    mona.groups.clear()
    assert ask(secret, "/api/v1/retrains/").status_code == 403
    assert ask(secret, "/api/v1/models/").status_code == 200


@pytest.mark.parametrize(
    ("change", "received"),
    [
        ({"revoked_at": timezone.now()}, "one that was revoked on"),
        ({"expires_on": datetime.date(2026, 1, 31)}, "one whose last day was 31 January 2026"),
        ({"secret_sha256": "0" * 64}, "one that does not exist here"),
    ],
)
def test_a_token_that_ended_is_refused_and_logged_without_its_secret(sam, change, received) -> None:
    secret = token_of(sam)
    ApiToken.objects.update(**change)
    with capture_logs() as logs:
        response = ask(secret)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Token"
    problem = response.json()
    assert received in problem["received"]
    assert problem["rule"]
    assert problem["way_out"]
    (entry,) = logs
    assert (entry["event"], entry["network"]) == ("token refused", "127.0.0.0")
    assert received in entry["because"]
    assert secret not in str(logs)


def test_the_tokens_of_a_closed_account_are_refused(sam) -> None:
    secret = token_of(sam)
    sam.is_active = False
    sam.save()
    assert ask(secret).json()["received"] == "one of a closed account"


def test_a_token_says_on_which_day_it_was_last_used(sam) -> None:
    secret = token_of(sam)
    assert sam.api_tokens.get().last_used_on is None
    ask(secret)
    assert sam.api_tokens.get().last_used_on == timezone.localdate()
