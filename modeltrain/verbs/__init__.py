"""The verbs of `python -m modeltrain`, a module each.

A verb's module has a docstring that says what it does, `options(parser)` that describes what it
takes, and `run(args, report)` that calls one function of this package and returns what came of it,
ready for JSON. What a verb does not need is not imported.
"""

from __future__ import annotations

import importlib
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from modeltrain.progress import ProgressCallback

Result = dict[str, Any]

# In the order in which somebody starting from nothing needs them.
GUIDE: Mapping[str, tuple[str, ...]] = {
    "Make a dataset": ("import", "clean", "review"),
    "Make a model": ("train", "compare"),
    "Judge a model": ("evaluate", "audit", "counterfactual", "slices", "gate", "classify"),
    "Give it away": ("export",),
    "What the site calls": ("convert", "demo-data", "retrain"),
}


class Verb(Protocol):
    """A module of this package."""

    __doc__: str

    def options(self, parser: ArgumentParser) -> None: ...
    def run(self, args: Namespace, report: ProgressCallback) -> Result: ...


def load(name: str) -> Verb:
    """Import a verb by the name it has on the command line."""
    module: Any = importlib.import_module(f"{__name__}.{name.replace('-', '_')}_verb")
    return module  # type: ignore[no-any-return]


def paths(parser: ArgumentParser, **described: str) -> None:
    """Add required options that are paths, each with its description."""
    for name, text in described.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path, required=True, help=text)


def fields(parser: ArgumentParser) -> None:
    """Add the option that changes fields of a config."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a field of the config, such as fine.epochs=3; may be repeated",
    )


def stage(report: ProgressCallback, name: str, message: str) -> Callable[[int, int], None]:
    """Return a callable that reports images done and images in all, as one stage."""
    return lambda done, total: report(name, done, total, message)
