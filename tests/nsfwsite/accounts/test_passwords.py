import pytest
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError


@pytest.mark.parametrize(
    "password", ["SpeakUp-2026!", "password.speakup", "watchdogs12", "ravi.kumar1"]
)
def test_words_that_everybody_here_knows_are_refused(settings, password) -> None:
    settings.ALLOWED_HOSTS = ["watchdogs.example"]
    with pytest.raises(ValidationError, match=r"name of this site|too similar"):
        validate_password(password, User(username="ravi.kumar"))


def test_a_phrase_may_have_them(settings) -> None:
    validate_password("speakup is where rivers meet", User(username="ravi"))
