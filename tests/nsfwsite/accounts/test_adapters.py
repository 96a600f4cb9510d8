import pytest
from allauth.mfa.models import Authenticator
from django.test import RequestFactory
from django.urls import reverse

from nsfwsite.accounts.adapters import AccountAdapter


def test_secrets_of_second_steps_are_encrypted_in_the_database(ravi, second_step) -> None:
    stored = [str(row.data) for row in Authenticator.objects.all()]
    assert len(stored) == 2
    assert not any(second_step in data for data in stored)


def test_with_another_secret_key_a_second_step_says_why_it_does_not_work(
    client, ravi, second_step, settings
) -> None:
    settings.SECRET_KEY = "another key, " + "y" * 50
    client.post(reverse("sign-in"), {"login": "ravi", "password": "a long enough password"})
    answer = client.post(reverse("mfa_authenticate"), {"code": "123456"})
    assert answer.status_code == 409
    assert "SECRET_KEY" in answer.content.decode()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("2001:db8:1:2::1", "2001:db8:1::"),
        ("", "127.0.0.0"),
    ],
)
def test_of_an_address_its_network_is_kept(address, network) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=address)
    assert AccountAdapter().get_client_ip(request) == network
