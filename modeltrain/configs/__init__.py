"""Training configs: a module each, with `get()` returning a frozen dataclass."""

from __future__ import annotations

from modeltrain.configs import head
from modeltrain.configs.head import HeadConfig

_CONFIGS = {"head": head.get}


def get(name: str) -> HeadConfig:
    """Return a config by its name.

    Raises
    ------
    ValueError
        When there is none of that name.
    """
    if name not in _CONFIGS:
        raise ValueError(
            f"A config must be one of {', '.join(_CONFIGS)}. Received: {name!r}. "
            "Add a module to modeltrain/configs for another."
        )
    return _CONFIGS[name]()
