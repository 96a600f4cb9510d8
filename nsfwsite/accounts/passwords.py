"""Passwords that somebody who knows this site would try first."""

import re
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

WORDS = {"speakup", "password"}
MIN_LETTERS = 4


class SiteWords:
    """Refuse a password of no more than this site's own words, with digits and signs."""

    def validate(self, password: str, user: Any = None) -> None:
        rest = password.lower()
        for word in sorted(_words(), key=len, reverse=True):
            rest = rest.replace(word, "")
        letters = re.sub(r"[\W\d_]", "", rest)
        if rest != password.lower() and len(letters) < MIN_LETTERS:
            raise ValidationError(
                "A password is more than the name of this site with digits and signs. "
                "Add words that have nothing to do with it."
            )

    def get_help_text(self) -> str:
        return "Your password must be more than the name of this site."


def _words() -> set[str]:
    hosts = (part for host in settings.ALLOWED_HOSTS for part in re.split(r"\W+", host.lower()))
    return WORDS | {part for part in hosts if len(part) >= MIN_LETTERS}
