"""Mona makes a token for a program, sees it once, and revokes it."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from feedback.errors import TokenRefused
from feedback.models import ApiToken
from feedback.services import api_tokens
from tests.cast import token_of

PAGE = "/account/tokens/"
TODAY = timezone.localdate()
FORM = {"name": "Night shift", "scopes": ["read", "maintain"], "expires_on": f"{TODAY}"}


@pytest.fixture
def mona_client(client, mona, confirmed):
    confirmed(client, "mona")
    return client


def text(response) -> str:
    return response.content.decode()


def test_a_secret_is_shown_once_and_opens_what_its_scopes_name(mona_client) -> None:
    added = text(mona_client.post(PAGE, FORM))
    secret = added.split('<code class="hash">')[1].split("<")[0]
    token = api_tokens.by_secret(secret)
    assert token.scopes == ["read", "maintain"]
    assert token.expires_on == TODAY
    listed = text(mona_client.get(PAGE))
    assert "Night shift" in listed
    assert "last used on" in listed
    assert secret not in listed


def test_a_token_is_made_after_showing_who_one_is(client, mona) -> None:
    client.force_login(mona)
    assert client.get(PAGE).status_code == 200
    answer = client.post(PAGE, FORM)
    assert answer.url.startswith(reverse("account_reauthenticate"))
    assert not ApiToken.objects.exists()
    answer = client.post(answer.url, {"password": "a long enough password"})
    assert "The token is made" in text(answer)
    assert ApiToken.objects.get().name == "Night shift"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"expires_on": "tomorrow"}, "is a date such as 2026-12-31"),
        ({"expires_on": "2026-02-31"}, "is a date such as 2026-12-31"),
        ({"expires_on": f"{TODAY - datetime.timedelta(days=2)}"}, "from today"),
        ({"scopes": []}, "at least one scope"),
        ({"scopes": ["x"]}, "a scope is one of"),
        ({"name": " "}, "has a name"),
    ],
)
def test_a_wrong_field_is_shown_again_with_the_rule(mona_client, change, rule) -> None:
    response = mona_client.post(PAGE, {**FORM, **change})
    assert response.status_code == 422
    assert rule in text(response)
    assert 'value="maintain" checked' in text(response) or "scopes" in change
    assert not ApiToken.objects.exists()


def test_the_page_offers_the_scopes_of_the_role(client, ravi) -> None:
    client.force_login(ravi)
    page = text(client.get(PAGE))
    assert 'value="triage"' in page
    assert 'value="maintain"' not in page
    assert f'href="{PAGE}"' in text(client.get(reverse("account")))


def test_a_token_is_revoked_by_its_owner_alone(client, mona, ravi) -> None:
    secret = token_of(mona)
    address = reverse("revoke-token", args=[mona.api_tokens.get().pk])
    client.force_login(ravi)
    assert client.post(address).status_code == 404
    client.force_login(mona)
    assert client.post(address).url == PAGE
    assert "<strong>Revoked</strong>" in text(client.get(PAGE))
    with pytest.raises(TokenRefused):
        api_tokens.by_secret(secret)
    assert client.post(address).status_code == 409


def test_without_a_second_step_no_token_is_made_where_one_is_required(
    client, mona, settings
) -> None:
    settings.SECOND_STEP_REQUIRED = True
    client.force_login(mona)
    assert client.get(PAGE).url == reverse("account")
    assert client.get(reverse("account")).status_code == 200
