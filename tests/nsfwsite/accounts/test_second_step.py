import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import User
from django.urls import reverse

from feedback import roles
from tests.cast import account


@pytest.fixture(autouse=True)
def _required(settings) -> None:
    settings.SECOND_STEP_REQUIRED = True


def test_mona_sets_up_a_second_step_before_anything_else(client, mona) -> None:
    client.force_login(mona)
    page = client.get(reverse("retrains"), follow=True)
    assert page.redirect_chain == [(reverse("account"), 302)]
    assert "Your rights need a second step here." in page.content.decode()
    assert client.get(reverse("mfa_activate_totp")).url.startswith(
        reverse("account_reauthenticate")
    )
    TOTP.activate(mona, generate_totp_secret())
    assert client.get(reverse("retrains")).status_code == 200


def test_safety_and_admins_need_one_and_reviewers_do_not(client, ravi, db) -> None:
    adam = User.objects.create_superuser("adam", password="a long enough password")
    people = {account("sana", roles.SAFETY): "safety", adam: "admin:index", ravi: "triage"}
    answers = []
    for person, page in people.items():
        client.force_login(person)
        answers.append(client.get(reverse(page)).status_code)
    assert answers == [302, 302, 200]


def test_mona_can_sign_out_without_one(client, mona) -> None:
    client.force_login(mona)
    assert client.post(reverse("sign-out")).url == reverse("home")


def test_a_site_that_does_not_ask_for_it_lets_her_work(client, mona, settings) -> None:
    settings.SECOND_STEP_REQUIRED = False
    client.force_login(mona)
    assert client.get(reverse("retrains")).status_code == 200
