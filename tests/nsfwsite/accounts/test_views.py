"""Signing in, the second step, and what a person can change about their account."""

import datetime
import re
import threading
from urllib.parse import urlsplit

import pytest
import requests
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse
from structlog.testing import capture_logs

from feedback import roles
from tests.cast import account


def test_ravi_signs_in_and_comes_to_triage(client, ravi) -> None:
    answer = client.post(
        reverse("sign-in"), {"login": "ravi", "password": "a long enough password"}
    )

    assert answer.url == reverse("triage")


def test_an_auditor_comes_to_the_agreement_page(client, db) -> None:
    account("aino", roles.AUDITORS)
    answer = client.post(
        reverse("sign-in"), {"login": "aino", "password": "a long enough password"}, follow=True
    )
    page = answer.content.decode()
    assert answer.status_code == 200
    assert reverse("decisions", args=["csv"]) in page
    assert f'href="{reverse("triage")}"' not in page


def test_ravi_signs_out_with_a_form_and_not_with_a_link(client, ravi) -> None:
    client.force_login(ravi)

    assert client.get(reverse("sign-out")).status_code == 405
    assert client.post(reverse("sign-out")).url == reverse("home")


@pytest.mark.django_db
def test_guessing_passwords_is_slowed_down(client, settings) -> None:
    settings.RATE_SIGN_IN = "2/hour"
    guess = {"login": "ravi", "password": "guess"}
    answers = [client.post(reverse("sign-in"), guess) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["Retry-After"]) > 0


@pytest.mark.django_db
def test_the_admin_has_no_sign_in_page_without_a_limit(client) -> None:
    response = client.get(reverse("admin:index"), follow=True)
    assert response.redirect_chain[-1][0] == f"{reverse('sign-in')}?next=/admin/"

    guess = {"login": "ravi", "password": "guess"}
    assert client.post("/admin/login/", guess).url.startswith(reverse("sign-in"))


def test_a_reviewer_is_told_that_the_admin_is_not_for_them(client, ravi) -> None:
    client.force_login(ravi)
    assert client.get(reverse("admin:index"), follow=True).status_code == 403


def guess_from(address: str):
    guess = {"login": "ravi", "password": "guess"}
    return Client().post(reverse("sign-in"), guess, REMOTE_ADDR=address)


def test_guessing_one_password_from_many_addresses_is_slowed_down(ravi, settings) -> None:
    settings.RATE_ACCOUNT = "3/hour"
    answers = [guess_from(f"203.0.113.{number}") for number in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert "Browsers that never signed in to an account" in answers[3].content.decode()


def test_guesses_of_strangers_do_not_lock_ravi_out(client, ravi, settings) -> None:
    settings.RATE_ACCOUNT = "3/hour"
    right = {"login": "ravi", "password": "a long enough password"}
    client.post(reverse("sign-in"), right)
    client.post(reverse("sign-out"))
    for number in range(5):
        guess_from(f"203.0.113.{number}")
    assert guess_from("203.0.113.9").status_code == 429
    assert client.post(reverse("sign-in"), right).url == reverse("triage")


def test_who_has_signed_in_to_one_account_may_not_try_another_more_often(
    client, ravi, settings
) -> None:
    settings.RATE_ACCOUNT = "1/hour"
    account("aino", roles.AUDITORS)
    client.post(reverse("sign-in"), {"login": "aino", "password": "a long enough password"})
    client.post(reverse("sign-out"))
    guess = {"login": "ravi", "password": "guess"}
    answers = [client.post(reverse("sign-in"), guess).status_code for _ in range(2)]
    assert answers == [200, 429]


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))


PROVIDER_BUTTON = "/sign-in/oidc/"
RIGHT = {"login": "ravi", "password": "a long enough password"}


def test_a_second_step_is_asked_for_and_a_code_works_once(ravi, second_step) -> None:
    code = code_of(second_step)
    for answer_status in (302, 200):
        client = Client()
        assert client.post(reverse("sign-in"), RIGHT).url == reverse("mfa_authenticate")
        assert client.get(reverse("triage")).url.startswith(reverse("sign-in"))
        answer = client.post(reverse("mfa_authenticate"), {"code": code})
        assert answer.status_code == answer_status
    assert "Incorrect code" in answer.content.decode()


def test_a_recovery_code_signs_in_once(ravi, second_step) -> None:
    code = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()[0]
    answers = []
    for _ in range(2):
        client = Client()
        client.post(reverse("sign-in"), RIGHT)
        answers.append(client.post(reverse("mfa_authenticate"), {"code": code}).status_code)
    assert answers == [302, 200]


def test_guessing_codes_is_slowed_down_like_guessing_passwords(ravi, second_step, settings) -> None:
    settings.RATE_ACCOUNT = "3/hour"
    client = Client()
    client.post(reverse("sign-in"), RIGHT)
    guesses = [
        client.post(reverse("mfa_authenticate"), {"code": "000000"}, REMOTE_ADDR=f"203.0.113.{n}")
        for n in range(3)
    ]
    assert [answer.status_code for answer in guesses] == [200, 200, 429]


def test_who_is_signed_in_cannot_guess_the_password_without_limit(client, ravi, settings) -> None:
    settings.RATE_SIGN_IN = "3/hour"
    client.force_login(ravi)
    fields = {"oldpassword": "guess", "password1": "x" * 12, "password2": "x" * 12}
    pages = [("account_reauthenticate", {"password": "guess"}), ("account_change_password", fields)]
    answers = [client.post(reverse(name), sent) for name, sent in pages * 2]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


def test_a_session_has_a_new_key_after_signing_in(client, ravi) -> None:
    client.post(reverse("sign-in"), RIGHT)
    first = client.session.session_key
    client.post(reverse("sign-out"))
    client.post(reverse("sign-in"), RIGHT)
    assert first != client.session.session_key
    assert not Session.objects.filter(session_key=first).exists()


def test_a_new_password_ends_all_other_sessions(client, ravi) -> None:
    elsewhere = Client()
    for browser in (client, elsewhere):
        browser.post(reverse("sign-in"), RIGHT)
    key = client.session.session_key
    new = "another long enough password"
    fields = {"oldpassword": RIGHT["password"], "password1": new, "password2": new}
    assert client.post(reverse("account_change_password"), fields).url == reverse("account")
    assert client.get(reverse("triage")).status_code == 200
    assert client.session.session_key != key
    assert elsewhere.get(reverse("triage")).url.startswith(reverse("sign-in"))


def test_common_and_short_passwords_are_refused(client, ravi) -> None:
    client.force_login(ravi)
    for new in ("password1234", "short", "12345678901234"):
        fields = {"oldpassword": RIGHT["password"], "password1": new, "password2": new}
        answer = client.post(reverse("account_change_password"), fields)
        assert answer.status_code == 200, new
        assert 'role="alert"' in answer.content.decode()


NONCE = re.compile(r'nonce="[^"]+"')
EMAILED_LINK = re.compile(r"http://testserver(/forgotten-password/\S+)")


@pytest.fixture
def emails(settings, ravi) -> list[EmailMessage]:
    settings.SENDS_MAIL = True
    User.objects.filter(pk=ravi.pk).update(email="ravi@speakup.example")
    return mail.outbox


def request_email(client, address: str) -> str:
    answer = client.post(reverse("account_reset_password"), {"email": address}, follow=True)
    for thread in threading.enumerate():
        if thread.name == "email":
            thread.join()
    return answer.content.decode()


def test_a_forgotten_password_is_reset_by_email(client, ravi, emails, second_step) -> None:
    elsewhere = Client()
    elsewhere.force_login(ravi)
    assert "Have you forgotten your password?" in client.get(reverse("sign-in")).content.decode()
    request_email(client, "Ravi@speakup.example")
    assert emails[0].to == ["ravi@speakup.example"]
    link = EMAILED_LINK.search(emails[0].body)[1]
    page = client.get(link, follow=True)
    assert "set-password" in page.redirect_chain[0][0]
    new = "quite another long phrase"
    answer = client.post(page.redirect_chain[0][0], {"password1": new, "password2": new})
    assert answer.url == reverse("sign-in")
    assert elsewhere.get(reverse("triage")).url.startswith(reverse("sign-in"))
    answer = client.post(reverse("sign-in"), {"login": "ravi", "password": new})
    assert answer.url == reverse("mfa_authenticate")
    assert "This link is used up" in Client().get(link, follow=True).content.decode()


def test_nobody_learns_which_addresses_have_accounts(client, emails) -> None:
    addresses = ("ravi@speakup.example", "sam@speakup.example")
    pages = [NONCE.sub("", request_email(client, address)) for address in addresses]
    assert pages[0] == pages[1]
    assert [message.to for message in emails] == [["ravi@speakup.example"]]


def test_a_link_in_an_email_ends_within_an_hour(client, emails, monkeypatch) -> None:
    request_email(client, "ravi@speakup.example")
    link = EMAILED_LINK.search(emails[0].body)[1]
    later = datetime.datetime.now() + datetime.timedelta(minutes=61)  # noqa: DTZ005
    monkeypatch.setattr(PasswordResetTokenGenerator, "_now", lambda self: later)
    assert "This link is used up" in client.get(link, follow=True).content.decode()


def test_emails_to_one_mailbox_are_few(client, emails, settings) -> None:
    settings.RATE_MAILBOX = "1/day"
    request_email(client, "ravi@speakup.example")
    assert "One mailbox gets at most" in request_email(client, "ravi@speakup.example")
    assert len(emails) == 1


def test_a_mail_server_that_is_away_changes_no_answer(client, emails, monkeypatch) -> None:
    def fail(self) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailMessage, "send", fail)
    with capture_logs() as logs:
        page = request_email(client, "ravi@speakup.example")
    assert "Look into your mailbox" in page
    assert [entry["event"] for entry in logs] == ["an e-mail about a password was not sent"]
    assert "ravi@" not in str(logs)


def test_without_mail_a_forgotten_password_is_the_operators(client, db) -> None:
    answer = client.get(reverse("account_reset_password"))
    assert answer.status_code == 409
    assert "Ask whoever runs this site" in answer.content.decode()


def test_who_signs_in_and_who_fails_to_is_logged(ravi, second_step) -> None:
    client = Client(REMOTE_ADDR="203.0.113.77")
    wrong = {"login": "ravi", "password": "guess"}
    with capture_logs() as logs:
        client.post(reverse("sign-in"), wrong)
        client.post(reverse("sign-in"), {"login": "a long enough password", "password": "x"})
        client.post(reverse("sign-in"), RIGHT)
        client.post(reverse("mfa_authenticate"), {"code": "000000"})
        client.post(reverse("mfa_authenticate"), {"code": code_of(second_step)})
    refused, signed_in = "password or code refused", "signed in"
    assert [(entry["event"], entry["account"], entry.get("step")) for entry in logs] == [
        (refused, ravi.pk, "sign-in"),
        (refused, None, "sign-in"),
        (refused, ravi.pk, "mfa_authenticate"),
        (signed_in, ravi.pk, None),
    ]
    assert logs[3]["by"] == ["password", "mfa"]
    assert {entry["network"] for entry in logs} == {"203.0.113.0"}
    assert "a long enough password" not in str(logs)


def test_ravi_ends_his_sessions_elsewhere(client, ravi) -> None:
    elsewhere = Client(headers={"User-Agent": "A borrowed laptop"})
    for browser in (elsewhere, client):
        browser.post(reverse("sign-in"), RIGHT, REMOTE_ADDR="203.0.113.77")
    page = client.get(reverse("account")).content.decode()
    assert "A borrowed laptop" in page
    assert "203.0.113.0" in page
    assert "203.0.113.77" not in page
    client.post(reverse("usersessions_list"))
    assert elsewhere.get(reverse("triage")).url.startswith(reverse("sign-in"))
    assert client.get(reverse("triage")).status_code == 200


def test_changes_of_how_one_signs_in_ask_who_it_is(client, ravi, confirmed) -> None:
    client.post(reverse("sign-in"), RIGHT)
    changes = ("mfa_activate_totp", "mfa_add_webauthn", "mfa_generate_recovery_codes")
    for name in changes:
        assert client.get(reverse(name)).url.startswith(reverse("account_reauthenticate")), name
    confirmed(client, "ravi")
    assert client.get(reverse("mfa_activate_totp")).status_code == 200


def test_ravi_sets_up_an_authenticator_app_and_gets_recovery_codes(client, ravi, confirmed) -> None:
    confirmed(client, "ravi")
    page = client.get(reverse("mfa_activate_totp"))
    code = code_of(page.context["form"].secret)
    answer = client.post(reverse("mfa_activate_totp"), {"code": code}, follow=True)
    assert answer.redirect_chain[0][0] == reverse("mfa_view_recovery_codes")
    codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    assert all(code in answer.content.decode() for code in codes)
    file = client.get(reverse("mfa_download_recovery_codes"))
    assert file.content.decode().split() == codes
    client.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.exists()


def test_nobody_registers_themselves(client) -> None:
    for address in ("/accounts/signup/", "/account/signup/", "/sign-up/", "/signup/"):
        assert client.get(address).status_code == 404


def through_the_provider(client, button):
    """Press a button that leads to the provider, and come back from it."""
    answer = requests.get(client.post(button).url, allow_redirects=False, timeout=10)
    back = urlsplit(answer.headers["Location"])
    return client.get(f"{back.path}?{back.query}", follow=True)


def test_a_stranger_from_the_provider_gets_no_account(client, db, provider) -> None:
    page = through_the_provider(client, PROVIDER_BUTTON)
    assert "no account here is connected" in page.content.decode()
    assert not User.objects.exists()


def test_ravi_connects_his_account_and_signs_in_with_it(client, ravi, provider, confirmed) -> None:
    confirmed(client, "ravi")
    page = through_the_provider(client, f"{PROVIDER_BUTTON}?process=connect").content.decode()
    assert "Disconnect" in page
    assert all(provider.challenges), "PKCE"

    other = Client()
    page = other.get(reverse("sign-in"))
    assert "Sign in with Staff login" in page.content.decode()
    assert settings.OIDC_SERVER_URL in page.headers["Content-Security-Policy"]
    assert settings.OIDC_SERVER_URL not in other.get("/").headers["Content-Security-Policy"]
    assert through_the_provider(other, PROVIDER_BUTTON).redirect_chain[-1][0] == reverse("triage")

    connected = SocialAccount.objects.get()
    client.post(reverse("socialaccount_connections"), {"account": connected.pk})
    assert not SocialAccount.objects.exists()


def test_who_has_no_password_sets_one_by_their_second_step(
    client, ravi, provider, second_step
) -> None:
    SocialAccount.objects.create(user=ravi, provider="oidc", uid="ravi-elsewhere")
    ravi.set_unusable_password()
    ravi.save()
    through_the_provider(client, PROVIDER_BUTTON)
    client.post(reverse("mfa_authenticate"), {"code": code_of(second_step)})
    account = client.get(reverse("account")).content.decode()
    assert reverse("account_set_password") in account
    recovery_codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    asks_first = client.get(reverse("account_set_password"))
    assert asks_first.url.startswith(reverse("mfa_reauthenticate"))
    client.post(reverse("mfa_reauthenticate"), {"code": recovery_codes[0]})
    page = client.get(reverse("account_set_password")).content.decode()
    assert "<h1>Set your password</h1>" in page
    assert "oldpassword" not in page
    new = {"password1": RIGHT["password"], "password2": RIGHT["password"]}
    assert client.post(reverse("account_set_password"), new).url == reverse("account")
    page = client.get(reverse("account_change_password")).content.decode()
    assert "<h1>Change your password</h1>" in page
    assert "oldpassword" in page


def test_nobody_without_a_password_or_a_second_step_is_led_to_a_refusal(
    client, ravi, provider
) -> None:
    SocialAccount.objects.create(user=ravi, provider="oidc", uid="ravi-elsewhere")
    ravi.set_unusable_password()
    ravi.save()
    through_the_provider(client, PROVIDER_BUTTON)
    account = client.get(reverse("account")).content.decode()
    assert reverse("account_set_password") not in account
    assert "You have none. Ask whoever runs this site to set one for you." in account
    assert client.get(reverse("account_set_password")).status_code == 403


def test_ravis_second_step_is_asked_for_after_the_provider_too(
    client, ravi, provider, second_step
) -> None:
    SocialAccount.objects.create(user=ravi, provider="oidc", uid="ravi-elsewhere")
    page = through_the_provider(client, PROVIDER_BUTTON)
    assert page.redirect_chain[-1][0] == reverse("mfa_authenticate")


def test_a_closed_account_is_not_opened_by_the_provider(client, ravi, provider) -> None:
    SocialAccount.objects.create(user=ravi, provider="oidc", uid="ravi-elsewhere")
    User.objects.update(is_active=False)
    page = through_the_provider(client, PROVIDER_BUTTON)
    assert "This account is closed." in page.content.decode()
    assert client.get(reverse("triage")).status_code == 302


def test_an_answer_of_the_provider_that_nobody_asked_for_is_refused(client, db, provider) -> None:
    answer = client.get("/sign-in/oidc/back/", {"code": 1, "state": 2})
    assert answer.status_code == 401
    assert "Nobody was signed in." in answer.content.decode()


def test_without_a_provider_its_addresses_are_not_there(client, db) -> None:
    assert client.post(PROVIDER_BUTTON).status_code == 404
    assert "Sign in with" not in client.get(reverse("sign-in")).content.decode().replace(
        "Sign in with a passkey", ""
    )
