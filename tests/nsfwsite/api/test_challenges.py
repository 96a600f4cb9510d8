import pytest
from django.test import Client

from nsfwsite import challenges, throttle
from tests.cast import token_of, upload
from tests.nsfwsite.test_challenges import solution

NEXT = "/api/v1/challenge/"
URL = "/api/v1/classifications/"
# Whoever gets past the challenge finds no worker here.
PASSED = 503
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _challenges_after_two_an_hour(settings, monkeypatch) -> None:
    settings.RATE_CLASSIFICATIONS, settings.CHALLENGE_SHARE = "8/hour", 0.25
    monkeypatch.setattr(challenges, "NUMBERS", (3, 9))


def send(client: Client, **headers: str):
    return client.post(URL, {"image": upload()}, headers=headers)


def test_a_burst_is_challenged_and_a_solution_lets_one_upload_through(client) -> None:
    assert client.get(NEXT, {"for": "classifications"}).json() == {"challenge": None}
    assert [send(client).status_code for _ in range(3)] == [PASSED, PASSED, 429]
    refused = send(client)
    problem = refused.json()
    assert problem["rule"] == (
        "Beyond 2 times per hour, each upload from one address needs a solved challenge."
    )
    assert problem["received"] == "one more, without a solution"
    assert "docs/api.md" in problem["way_out"]
    assert 0 < int(refused["Retry-After"]) <= 3600
    text = solution(problem["challenge"])
    assert send(client, Altcha=text).status_code == PASSED
    assert send(client, Altcha=text).json()["received"] == "a solution that was used before"
    challenge = client.get(NEXT, {"for": "classifications"}).json()["challenge"]
    assert send(client, Altcha=solution(challenge)).status_code == PASSED


def test_the_rate_holds_for_those_who_solve_every_challenge(client) -> None:
    codes = [send(client).status_code for _ in range(2)]
    for _ in range(7):
        challenge = client.get(NEXT, {"for": "classifications"}).json()["challenge"]
        refusal = send(client, Altcha=solution(challenge))
        codes.append(refusal.status_code)
    assert codes == [PASSED] * 8 + [429]
    assert refusal.json()["rule"] == "One address may send at most 8 times per hour."
    assert "challenge" not in refusal.json()


def test_whoever_has_a_token_is_not_challenged(client, sam) -> None:
    token = f"Token {token_of(sam)}"
    assert [send(client, Authorization=token).status_code for _ in range(4)] == [PASSED] * 4


def test_a_solution_is_used_once_also_while_redis_is_away(client, monkeypatch) -> None:
    monkeypatch.setattr(throttle.heartbeat, "redis_answers", lambda: False)
    throttle._process_limiter().storage.reset()
    codes = [send(client).status_code for _ in range(3)]
    text = solution(send(client).json()["challenge"])
    codes += [send(client, Altcha=text).status_code for _ in range(2)]
    assert codes == [PASSED, PASSED, 429, PASSED, 429]
    throttle._process_limiter().storage.reset()


def test_a_solution_for_images_is_none_for_reports(client, settings) -> None:
    settings.CHALLENGE_SHARE = 0
    challenge = client.get(NEXT, {"for": "classifications"}).json()["challenge"]
    refused = client.post("/api/v1/reports/", headers={"Altcha": solution(challenge)})
    assert refused.json()["received"] == "the solution of another sender's challenge"


def test_what_a_challenge_is_for_must_be_named(client) -> None:
    refused = client.get(NEXT, {"for": "love"})
    assert refused.status_code == 422
    assert refused.json()["rule"] == "`for` must be one of classifications, reports."
