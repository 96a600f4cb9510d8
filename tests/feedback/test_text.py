"""Text is stored without characters that could harm, or refused with the rule."""

import pytest

from feedback.errors import Invalid
from feedback.text import MAX_LENGTH, optional_text, required_text, whole_number


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("  A drawing.\r\nBy hand.\t ", "A drawing.\nBy hand."),
        ("a\x00b\x07c\x7fd\x85e", "abcde"),
        ("\u202eevil\u2066", "evil"),
        ("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
    ],
)
def test_control_characters_are_stripped_and_letters_stay(text, stored) -> None:
    assert required_text(text, "A text") == stored
    assert optional_text(text, "A text") == stored


@pytest.mark.parametrize("text", ["", " \n ", "\x00\u202e"])
def test_an_empty_text_is_refused_where_one_is_required(text) -> None:
    with pytest.raises(Invalid, match=r"A text is said in 1 to 2,000 characters\..*0 characters"):
        required_text(text, "A text")
    assert optional_text(text, "A text") == ""


@pytest.mark.parametrize("clean", [required_text, optional_text])
def test_a_text_has_a_longest_length(clean) -> None:
    assert len(clean("x" * MAX_LENGTH, "A text")) == MAX_LENGTH
    with pytest.raises(Invalid, match=r"2,001 characters.*Write it shorter"):
        clean("x" * (MAX_LENGTH + 1), "A text")
    with pytest.raises(Invalid, match=r"to 5 characters"):
        clean("abcdef", "A text", 5)


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("012", 12), ("999999999", 999_999_999), ("1" * 10, None), ("1" * 5000, None)]
    + [(text, None) for text in ("", "-1", "1.0", "1e3", " 1", "one", "\u0661", "\u00b2")],
)
def test_a_number_is_a_few_plain_digits(text, number) -> None:
    assert whole_number(text) == number
