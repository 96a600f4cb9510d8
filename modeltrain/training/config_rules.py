"""Rules for the fields of a config. A config that breaks one is refused, and the field is named."""

from __future__ import annotations

from typing import Any


class ConfigRefused(ValueError):
    """A config has an unknown field or an impossible value."""


def at_least(config: Any, name: str, low: float, *, value: float | None = None) -> None:
    """Refuse a number below `low`, and anything that is not a number."""
    received = getattr(config, name) if value is None else value
    if not isinstance(received, int | float) or not low <= received < float("inf"):
        raise ConfigRefused(_message(config, name, f"a number of at least {low:g}", received))


def above(config: Any, name: str, low: float) -> None:
    """Refuse a number that is not greater than `low`."""
    received = getattr(config, name)
    if not isinstance(received, int | float) or not low < received < float("inf"):
        raise ConfigRefused(_message(config, name, f"a number over {low:g}", received))


def between(config: Any, name: str, low: float, high: float) -> None:
    """Refuse a number that is not between `low` and `high`, both included."""
    received = getattr(config, name)
    if not isinstance(received, int | float) or not low <= received <= high:
        raise ConfigRefused(_message(config, name, f"a number from {low:g} to {high:g}", received))


def pair(config: Any, name: str, low: float, high: float) -> None:
    """Refuse anything that is not two numbers between `low` and `high`, both included."""
    received = getattr(config, name)
    numbers = [n for n in received if isinstance(n, int | float) and low <= n <= high]
    if len(numbers) != 2 or len(received) != 2:
        rule = f"two numbers from {low:g} to {high:g}"
        raise ConfigRefused(_message(config, name, rule, received))


def _message(config: Any, name: str, rule: str, received: object) -> str:
    return (
        f"{type(config).__name__}.{name} must be {rule}. Received: {received!r}. "
        "Change it in the config, or leave it out for its default."
    )
