import pytest
from django.test import Client
from django.urls import reverse

from feedback import roles
from tests.cast import account


def test_ravi_signs_in_and_comes_to_triage(client, ravi) -> None:
    answer = client.post(
        reverse("sign-in"), {"username": "ravi", "password": "a long enough password"}
    )

    assert answer.url == reverse("triage")


def test_an_auditor_comes_to_the_agreement_page(client, db) -> None:
    account("aino", roles.AUDITORS)
    answer = client.post(
        reverse("sign-in"), {"username": "aino", "password": "a long enough password"}, follow=True
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
    guess = {"username": "ravi", "password": "guess"}
    answers = [client.post(reverse("sign-in"), guess) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["Retry-After"]) > 0


@pytest.mark.django_db
def test_the_admin_has_no_sign_in_page_without_a_limit(client) -> None:
    response = client.get(reverse("admin:index"), follow=True)
    assert response.redirect_chain[-1][0] == f"{reverse('sign-in')}?next=/admin/"

    guess = {"username": "ravi", "password": "guess"}
    assert client.post("/admin/login/", guess).url.startswith(reverse("sign-in"))


def test_a_reviewer_is_told_that_the_admin_is_not_for_them(client, ravi) -> None:
    client.force_login(ravi)
    assert client.get(reverse("admin:index"), follow=True).status_code == 403


def guess_from(address: str):
    guess = {"username": "ravi", "password": "guess"}
    return Client().post(reverse("sign-in"), guess, REMOTE_ADDR=address)


def test_guessing_one_password_from_many_addresses_is_slowed_down(ravi, settings) -> None:
    settings.RATE_ACCOUNT = "3/hour"
    answers = [guess_from(f"203.0.113.{number}") for number in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert "Browsers that never signed in to an account" in answers[3].content.decode()


def test_guesses_of_strangers_do_not_lock_ravi_out(client, ravi, settings) -> None:
    settings.RATE_ACCOUNT = "3/hour"
    right = {"username": "ravi", "password": "a long enough password"}
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
    client.post(reverse("sign-in"), {"username": "aino", "password": "a long enough password"})
    client.post(reverse("sign-out"))
    guess = {"username": "ravi", "password": "guess"}
    answers = [client.post(reverse("sign-in"), guess).status_code for _ in range(2)]
    assert answers == [200, 429]
