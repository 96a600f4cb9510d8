"""Training configs, one per module, each with a `get()` that returns a frozen dataclass.

Nothing here loads a machine-learning library, so a wrong config is refused at once.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from modeltrain.training.config_rules import ConfigRefused
from modeltrain.training.configs import article, fine_tune, head

_MODULES = {"article": article, "fine-tune": fine_tune, "head": head}
NAMES = tuple(_MODULES)

Config = article.ArticleConfig | fine_tune.FineTuneConfig | head.HeadConfig


def get(name: str, changes: Sequence[str] = ()) -> Any:
    """Return a config by its name or from a file, with some fields changed.

    Parameters
    ----------
    name : str
        One of `NAMES`, or the path of a file for `read`.
    changes : sequence of str
        Each is `field=value` or `part.field=value`, with the value as in JSON.

    Raises
    ------
    ConfigRefused
        When there is no config or field of that name, or a value is impossible.

    Returns
    -------
    ArticleConfig, FineTuneConfig or HeadConfig
    """
    if Path(name).suffix in _PARSERS:
        config = read(Path(name))
    elif name in NAMES:
        config = _MODULES[name].get()
    else:
        raise ConfigRefused(
            f"A config must be one of {', '.join(NAMES)}, or a .toml, .yaml or .json file. "
            f"Received: {name!r}. Write a file with `recipe` and the fields to change."
        )
    for change in changes:
        key, separator, value = change.partition("=")
        if not separator:
            raise ConfigRefused(
                f"A change must be FIELD=VALUE. Received: {change!r}. Write, say, fine.epochs=3."
            )
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = value
        config = _changed(config, key.split("."), parsed, change)
    return config


def read(path: Path) -> Config:
    """Read a config from a file: `recipe` names the config that its other fields change.

    Parameters
    ----------
    path : pathlib.Path
        A `.toml`, `.yaml`, `.yml` or `.json` file.

    Raises
    ------
    ConfigRefused
        When the file cannot be read, or for the reasons of `get`.
    """
    if path.suffix not in _PARSERS:
        raise ConfigRefused(
            f"A config must be a file that ends in {', '.join(_PARSERS)}. Received: {path.name}. "
            "Rename it, or write it in one of these formats."
        )
    try:
        values = _PARSERS[path.suffix](path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigRefused(
            f"A config must be a readable {path.suffix} file. Received: {path.name} ({error}). "
            "Correct it."
        ) from None
    return from_fields(values)


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
    ".json": json.loads,
}


def from_fields(values: object) -> Config:
    """Return a config from a mapping of `recipe` and the fields to change.

    Raises
    ------
    ConfigRefused
        When it is no mapping, names no recipe or an unknown field, or a value is impossible.
    """
    name = values.get("recipe") if isinstance(values, Mapping) else None
    if not isinstance(values, Mapping) or name not in NAMES:
        raise ConfigRefused(
            f"A config must name its recipe: {', '.join(NAMES)}. Received: {str(name)[:80]!r}. "
            'Begin it with, say, recipe = "fine-tune".'
        )
    config: Config = _MODULES[name].get()
    for path, value in _leaves(values):
        if path == ["recipe"]:
            continue
        config = _changed(config, path, value, f"{'.'.join(path)}={value}")
    return config


def _leaves(values: Mapping[str, Any], above: Sequence[str] = ()) -> list[tuple[list[str], Any]]:
    leaves = []
    for name, value in values.items():
        path = [*above, str(name)]
        leaves += _leaves(value, path) if isinstance(value, Mapping) else [(path, value)]
    return leaves


def _changed(config: Any, path: Sequence[str], value: Any, change: str) -> Any:
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
    if isinstance(default, tuple) and isinstance(value, list):
        value = tuple(value)  # JSON, TOML and YAML have no tuples
    types = (int, float) if isinstance(default, float) else type(default)
    is_bool = isinstance(value, bool)
    if rest or not isinstance(value, types) or is_bool != isinstance(default, bool):
        raise ConfigRefused(
            f"{type(config).__name__}.{name} must be a {type(default).__name__}. "
            f"Received: {change!r}. Write a value of that type."
        )
    return replace(config, **{name: value})
