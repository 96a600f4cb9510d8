import base64
import json

import altcha
import pytest

from nsfwsite import challenges

ROSA, SAM = "classifications 203.0.113.1", "classifications 203.0.113.2"


@pytest.fixture
def _few_trials(monkeypatch) -> None:
    monkeypatch.setattr(challenges, "NUMBERS", (3, 9))


def solution(challenge: dict[str, object]) -> str:
    """What ALTCHA's own library sends for this challenge."""
    parsed = altcha.Challenge.from_dict(challenge)
    return altcha.Payload(parsed, altcha.solve_challenge(parsed)).to_base64()


@pytest.mark.usefixtures("_few_trials")
def test_a_solution_is_right_for_its_sender_alone() -> None:
    text = solution(challenges.create(ROSA))
    assert challenges.problem_of(text, ROSA) == ""
    assert challenges.problem_of(text, SAM) == "the solution of another sender's challenge"


def test_a_challenge_takes_as_many_trials_as_promised() -> None:
    tried = json.loads(base64.b64decode(solution(challenges.create(ROSA))))["solution"]["counter"]
    least, most = challenges.NUMBERS
    assert least <= tried <= most


@pytest.mark.usefixtures("_few_trials")
def test_a_challenge_expires(monkeypatch) -> None:
    monkeypatch.setattr(challenges, "VALID_SECONDS", -1)
    text = solution(challenges.create(ROSA))
    assert challenges.problem_of(text, ROSA) == "the solution of a challenge that has expired"


@pytest.mark.usefixtures("_few_trials")
def test_another_secret_key_ends_every_challenge(settings) -> None:
    text = solution(challenges.create(ROSA))
    settings.SECRET_KEY = "another" * 10
    assert challenges.problem_of(text, ROSA) == "text that solves no challenge of this site"


@pytest.mark.parametrize("change", [{"cost": 1}, {"expiresAt": 2**40}, {"data": None}])
def test_a_challenge_that_was_made_easier_is_refused(change) -> None:
    challenge = challenges.create(ROSA)
    challenge["parameters"] |= change
    text = base64.b64encode(
        json.dumps(
            {"challenge": challenge, "solution": {"counter": 0, "derivedKey": "00" * 32}}
        ).encode()
    ).decode()
    assert challenges.problem_of(text, ROSA) == "text that solves no challenge of this site"


def test_a_number_that_was_not_computed_is_refused() -> None:
    payload = {
        "challenge": challenges.create(ROSA),
        "solution": {"counter": 400, "derivedKey": "00" * 32},
    }
    text = base64.b64encode(json.dumps(payload).encode()).decode()
    assert challenges.problem_of(text, ROSA) == "text that solves no challenge of this site"


@pytest.mark.parametrize("text", ["é", "e30=", "W10=", "AAAA", "x" * 9000])
def test_text_that_is_no_solution_is_refused(text) -> None:
    assert challenges.problem_of(text, ROSA) == "text that solves no challenge of this site"
