"""Text that people write, made safe to store and to show."""

import re

from feedback.errors import Invalid

MAX_LENGTH = 2000
# Control characters except tab and newline, and characters that override the direction of text:
# Hebrew and Arabic do not need them, and they reorder what stands around them.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def whole_number(text: str) -> int | None:
    """The number that a text of at most nine digits states; None for any other text.

    Python refuses to read numbers of thousands of digits, and databases to store them.
    """
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


def strip_unsafe_characters(text: str) -> str:
    return UNSAFE.sub("", text.replace("\r\n", "\n")).strip()


def required_text(text: str, name: str, max_length: int = MAX_LENGTH) -> str:
    """The text without unsafe characters.

    Raises
    ------
    Invalid
        If nothing is left of it, or if it is too long. `name` says in the message what it is.
    """
    return _checked(text, name, min_length=1, max_length=max_length)


def optional_text(text: str, name: str, max_length: int = MAX_LENGTH) -> str:
    """The same for a text that may be empty."""
    return _checked(text, name, min_length=0, max_length=max_length)


def _checked(text: str, name: str, *, min_length: int, max_length: int) -> str:
    text = strip_unsafe_characters(text)
    if not min_length <= len(text) <= max_length:
        raise Invalid(
            rule=f"{name} is said in {min_length} to {max_length:,} characters.",
            received=f"{len(text):,} characters",
            remedy="Write it shorter." if text else "Write a sentence.",
        )
    return text
