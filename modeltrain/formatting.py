"""Shares and differences as pages, charts, cards and sentences write them.

`nsfwsite/static/src/format.js` gives the same text for the same number.
"""

import math

MINUS = "\N{MINUS SIGN}"


def percent(rate: float, *, decimals: int = 1) -> str:
    """Write 0.766 as "76.6%"."""
    return f"{rate:.{decimals}%}".replace("-", MINUS)


def exact_percent(share: float) -> str:
    """Write 0.95 as "95%" and 0.9975 as "99.75%": with the decimals that it needs."""
    return f"{share * 100:g}%".replace("-", MINUS)


def whole_percent(rate: float) -> str:
    """Write 0.766 as "77%", where a decimal would say nothing."""
    return f"{math.floor(rate * 100 + 0.5)}%".replace("-", MINUS)


def per_thousand(share: float) -> str:
    """Write 0.0123 as "12.3": of 1,000 images."""
    return f"{share * 1000:,.1f}".removesuffix(".0")


def interval(low: float, high: float) -> str:
    """Write the two ends of an interval as "71.1% to 81.3%"."""
    return f"{percent(low)} to {percent(high)}"


def points(difference: float) -> str:
    """Write a difference of two rates in percentage points, "+3.1" or "−3.1"."""
    return f"{difference * 100:+.1f}".replace("-", MINUS)


def points_interval(low: float, high: float) -> str:
    """Write the two ends of a difference's interval as "+1.2 to +5.0"."""
    return f"{points(low)} to {points(high)}"


def short_points(share: float, *, signed: bool = False) -> str:
    """Write a share as percentage points in a sentence, "12", "−3" or "0.4"; signed "+12".

    There is one decimal under 10 points, where it is not 0; and no sign of 0.
    """
    rounded = round(share * 100, 1)
    text = f"{abs(rounded):.1f}" if abs(rounded) < 10 else f"{abs(rounded):.0f}"
    text = text.removesuffix(".0")
    if rounded < 0:
        return f"{MINUS}{text}"
    return f"+{text}" if signed and rounded else text


def megabytes(size: int) -> str:
    """Write a number of bytes as "22 MB", rounded up: how much a download is."""
    return f"{math.ceil(size / 1e6)} MB"


def duration(seconds: float) -> str:
    """Write a time in the unit that fits: "40 seconds", "12 minutes", "3.5 hours", "2.1 days"."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} second{'s' * (round(seconds) > 1)}"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f}".removesuffix(".0") + " hours"
    return f"{seconds / 86400:.1f}".removesuffix(".0") + " days"
