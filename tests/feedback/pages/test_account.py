import pytest
from django.urls import reverse


def test_ravi_signs_in_and_comes_to_triage(client, ravi) -> None:
    answer = client.post(
        reverse("sign-in"), {"username": "ravi", "password": "a long enough password"}
    )

    assert answer.url == reverse("triage")


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
