"""The five names, in the order of the network's outputs, and what a mistake between them is called.

Nothing else in Python knows these names; an artifact carries its own copy in `labels.json`.
"""

from __future__ import annotations

from enum import StrEnum

LABELS: tuple[str, ...] = ("drawings", "hentai", "neutral", "porn", "sexy")
NSFW: frozenset[str] = frozenset({"hentai", "porn", "sexy"})


class ErrorKind(StrEnum):
    """What went wrong, if anything, when a picture was classified."""

    CORRECT = "correct"
    FALSE_ALARM = "false_alarm"
    MISS = "miss"
    CONFUSION = "confusion"


def error_kind(*, expected: str, predicted: str) -> ErrorKind:
    """Name the mistake between the right label and the one a model gave.

    Parameters
    ----------
    expected, predicted : str
        Names from `LABELS`.

    Returns
    -------
    ErrorKind
        `CORRECT` where they are equal; `FALSE_ALARM` where a safe picture was called NSFW; `MISS`
        where an NSFW picture was called safe; `CONFUSION` for a wrong class on the same side.

    Raises
    ------
    ValueError
        Where either is not a known label.
    """
    for received in (expected, predicted):
        if received not in LABELS:
            raise ValueError(
                f"A label must be one of {', '.join(LABELS)}. Received: {received!r}. "
                "Check the manifest or the model's labels.json."
            )
    if expected == predicted:
        return ErrorKind.CORRECT
    if (expected in NSFW) == (predicted in NSFW):
        return ErrorKind.CONFUSION
    return ErrorKind.FALSE_ALARM if predicted in NSFW else ErrorKind.MISS
