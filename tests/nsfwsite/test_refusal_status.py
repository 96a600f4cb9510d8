"""Every refusal has a status, and one place says which."""

import inspect

import pytest

from feedback import errors
from feedback.errors import Refusal
from nsfwsite.refusal_status import STATUS, headers_of, status_of

REFUSALS = [
    refusal
    for _, refusal in inspect.getmembers(errors, inspect.isclass)
    if issubclass(refusal, Refusal) and refusal is not Refusal
]
WORDS = {"rule": "A rule.", "received": "something else", "remedy": "Try again."}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_every_refusal_has_a_status_of_its_own_or_its_parents(refusal) -> None:
    assert any(ancestor in STATUS for ancestor in refusal.__mro__ if ancestor is not Refusal)


def test_a_refusal_has_the_status_of_the_nearest_parent() -> None:
    assert status_of(errors.AlreadyDecided(**WORDS)) == 409
    assert status_of(errors.ClassifierBusy(**WORDS)) == 503
    assert status_of(Refusal(**WORDS)) == 400


def test_a_refusal_that_knows_says_when_to_try_again() -> None:
    assert headers_of(errors.ClassifierBusy(**WORDS)) == {"Retry-After": "60"}
    assert headers_of(errors.TooManyRequests(**WORDS, retry_after=3)) == {"Retry-After": "3"}
    assert headers_of(errors.Invalid(**WORDS)) == {}
