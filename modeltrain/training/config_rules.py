"""What a config's fields may be. A config that breaks a rule is refused by the field's name."""

from __future__ import annotations

from typing import Any


class ConfigRefused(ValueError):
    """A config has a field that cannot be."""


def at_least(config: Any, name: str, low: float, *, value: float | None = None) -> None:
    """Refuse a number under `low`, and what is not a number."""
    received = getattr(config, name) if value is None else value
    if not isinstance(received, int | float) or not low <= received < float("inf"):
        raise ConfigRefused(_says(config, name, f"a number of at least {low:g}", received))


def above(config: Any, name: str, low: float) -> None:
    """Refuse a number that is not over `low`."""
    received = getattr(config, name)
    if not isinstance(received, int | float) or not low < received < float("inf"):
        raise ConfigRefused(_says(config, name, f"a number over {low:g}", received))


def between(config: Any, name: str, low: float, high: float) -> None:
    """Refuse a number outside `low` to `high`."""
    received = getattr(config, name)
    if not isinstance(received, int | float) or not low <= received <= high:
        raise ConfigRefused(_says(config, name, f"a number from {low:g} to {high:g}", received))


def _says(config: Any, name: str, rule: str, received: object) -> str:
    return (
        f"{type(config).__name__}.{name} must be {rule}. Received: {received!r}. "
        "Change it in the config, or leave it out for its default."
    )
