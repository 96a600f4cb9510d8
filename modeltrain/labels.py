"""The five labels, in the order of the network's outputs, and the kinds of mistake between them.

No other Python module knows these names; an artifact carries its own copy in `labels.json`.
"""

from __future__ import annotations

from enum import StrEnum

LABELS: tuple[str, ...] = ("drawings", "hentai", "neutral", "porn", "sexy")
NSFW: frozenset[str] = frozenset({"hentai", "porn", "sexy"})


class ErrorKind(StrEnum):
    """What went wrong, if anything, when an image was classified."""

    CORRECT = "correct"
    FALSE_ALARM = "false_alarm"
    MISS = "miss"
    CONFUSION = "confusion"


def error_kind(*, expected: str, predicted: str) -> ErrorKind:
    """Return the kind of mistake between the right label and the one that a model gave.

    Parameters
    ----------
    expected, predicted : str
        Names from `LABELS`.

    Returns
    -------
    ErrorKind
        `CORRECT` if they are equal; `FALSE_ALARM` if a safe image was called NSFW; `MISS` if an
        NSFW image was called safe; `CONFUSION` for a wrong label on the same side.

    Raises
    ------
    ValueError
        When either is not one of `LABELS`.
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
