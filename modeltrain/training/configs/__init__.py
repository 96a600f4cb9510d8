"""Training configs: a module each, with `get()` returning a frozen dataclass."""

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
        Each `field=value` or `part.field=value`, the value as in JSON.

    Raises
    ------
    ConfigRefused
        When there is no config or field of that name, or a value cannot be.
    """
    if name not in NAMES:
        raise ConfigRefused(
            f"A config must be one of {', '.join(NAMES)}. Received: {name!r}. "
            "Add a module to modeltrain/configs for another."
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
    known = [each.name for each in fields(config)]
    if name not in known:
        raise ConfigRefused(
            f"{type(config).__name__} has {', '.join(known)}. Received: {change!r}. "
            "Change one of these."
        )
    before = getattr(config, name)
    if rest and is_dataclass(before):
        return replace(config, **{name: _changed(before, rest, value, change)})
    try:
        after = json.loads(value)
    except ValueError:
        after = value
    kinds = (int, float) if isinstance(before, float) else type(before)
    if rest or not isinstance(after, kinds) or isinstance(after, bool) != isinstance(before, bool):
        raise ConfigRefused(
            f"{type(config).__name__}.{name} must be a {type(before).__name__}. "
            f"Received: {change!r}. Write a value of that kind."
        )
    return replace(config, **{name: after})
