"""Training configs, one per module, each with a `get()` that returns a frozen dataclass."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from modeltrain.training.config_rules import ConfigRefused

NAMES = ("article", "head")


def get(name: str, changes: Sequence[str] = ()) -> Any:
    """Return a config by its name, with some fields changed.

    Parameters
    ----------
    name : str
    changes : sequence of str
        Each is `field=value` or `part.field=value`, with the value as in JSON.

    Raises
    ------
    ConfigRefused
        When there is no config or field of that name, or a value is impossible.

    Returns
    -------
    ArticleConfig or HeadConfig
    """
    if name not in NAMES:
        raise ConfigRefused(
            f"A config must be one of {', '.join(NAMES)}. Received: {name!r}. "
            "Add a module to modeltrain/training/configs for another."
        )
    config = importlib.import_module(f"{__name__}.{name}").get()
    for change in changes:
        key, separator, value = change.partition("=")
        if not separator:
            raise ConfigRefused(
                f"A change must be FIELD=VALUE. Received: {change!r}. Write, say, fine.epochs=3."
            )
        config = _changed(config, key.split("."), value, change)
    return config


def _changed(config: Any, path: Sequence[str], value: str, change: str) -> Any:
    name, *rest = path
    names = [field.name for field in fields(config)]
    if name not in names:
        raise ConfigRefused(
            f"{type(config).__name__} has {', '.join(names)}. Received: {change!r}. "
            "Change one of these."
        )
    default = getattr(config, name)
    if rest and is_dataclass(default):
        return replace(config, **{name: _changed(default, rest, value, change)})
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = value
    types = (int, float) if isinstance(default, float) else type(default)
    is_bool = isinstance(parsed, bool)
    if rest or not isinstance(parsed, types) or is_bool != isinstance(default, bool):
        raise ConfigRefused(
            f"{type(config).__name__}.{name} must be a {type(default).__name__}. "
            f"Received: {change!r}. Write a value of that type."
        )
    return replace(config, **{name: parsed})
