"""Proof of work: what a sender's computer computes before one more upload.

The protocol is ALTCHA's (https://altcha.org/docs/v2/), and so are both libraries. A challenge is
signed and names its sender, so the site keeps nothing until it is solved.
"""

import random
import time
from collections.abc import Mapping

import altcha
from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

# Trying one number takes a browser about 2 ms, and this many are tried.
ITERATIONS = 5_000
NUMBERS = (300, 900)
VALID_SECONDS = 300


def create(sender: str) -> dict[str, object]:
    """A challenge for this sender."""
    challenge = altcha.create_challenge(
        "PBKDF2/SHA-256",
        ITERATIONS,
        counter=random.SystemRandom().randint(*NUMBERS),
        expires_at=int(time.time()) + VALID_SECONDS,
        data={"sender": _keyed_hash(sender)},
        hmac_secret=_secret("challenge"),
        hmac_key_secret=_secret("solution"),
    )
    return challenge.to_dict()


def problem_of(text: str, sender: str) -> str:
    """What is wrong with this solution, in words; nothing if it solves a challenge of the sender.

    Parameters
    ----------
    text
        Challenge and solution as JSON in Base64, as ALTCHA's own widget sends them.
    sender
        Who sends it.
    """
    if not text:
        return "one more, without a solution"
    result = altcha.verify_solution(text, _secret("challenge"), hmac_key_secret=_secret("solution"))
    if result.expired:
        return "the solution of a challenge that has expired"
    if not result.verified:
        return "text that solves no challenge of this site"
    data = altcha.Payload.from_base64(text).challenge.parameters.data
    if not isinstance(data, Mapping) or not constant_time_compare(
        data.get("sender", ""), _keyed_hash(sender)
    ):
        return "the solution of another sender's challenge"
    return ""


def name_of(text: str) -> str:
    """What tells this challenge from all others, for a solution that is right."""
    return altcha.Payload.from_base64(text).challenge.parameters.nonce


def _keyed_hash(sender: str) -> str:
    return salted_hmac("sender of a challenge", sender, algorithm="sha256").hexdigest()


def _secret(use: str) -> str:
    return salted_hmac(f"signs a {use}", settings.SECRET_KEY, algorithm="sha256").hexdigest()
