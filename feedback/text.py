"""What people write, as a database can keep it and a page can show it."""

import re

from feedback.errors import Invalid

LONGEST = 2000
# Control characters but for tab and newline, and those that turn the direction of what follows:
# nobody needs them to write Hebrew or Arabic, and they reorder what stands around them.
NEVER = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def inert(text: str) -> str:
    return NEVER.sub("", text.replace("\r\n", "\n")).strip()


def required_text(text: str, what: str, longest: int = LONGEST, *, needed: bool = True) -> str:
    """The same words without what could do harm, or a refusal."""
    text = inert(text)
    if len(text) > longest or (needed and not text):
        raise Invalid(
            rule=f"{what} is said in {1 if needed else 0} to {longest:,} characters.",
            received=f"{len(text):,} characters",
            remedy="Write it shorter." if text else "Write a sentence.",
        )
    return text
