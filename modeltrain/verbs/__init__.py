"""The verbs of `python -m modeltrain`, a module each.

A verb's module has a docstring that says what it does, `options(parser)`, which declares its
arguments, and `run(args, progress)`, which calls one function of this package and returns a result
that can be written as JSON. A verb imports only what it needs, and only when it runs.
"""

from __future__ import annotations

import importlib
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from modeltrain.progress import ProgressCallback

Result = dict[str, Any]

# In the order in which a newcomer needs them.
GUIDE: Mapping[str, tuple[str, ...]] = {
    "Make a dataset": ("import", "clean", "review"),
    "Make a model": ("train", "compare", "import-model"),
    "Judge a model": ("evaluate", "audit", "counterfactual", "slices", "gate", "classify"),
    "Give it away": ("export",),
    "What the site calls": ("convert", "demo-data", "retrain", "compare-models"),
}


class Verb(Protocol):
    """A module of this package."""

    __doc__: str

    def options(self, parser: ArgumentParser) -> None: ...
    def run(self, args: Namespace, progress: ProgressCallback) -> Result: ...


def load(name: str) -> Verb:
    """Import a verb by its name on the command line."""
    module: Any = importlib.import_module(f"{__name__}.{name.replace('-', '_')}_verb")
    return module  # type: ignore[no-any-return]


def add_path_options(parser: ArgumentParser, **descriptions: str) -> None:
    """Add required options whose values are paths, each with its description."""
    for name, description in descriptions.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=Path, required=True, help=description)


def add_config_option(parser: ArgumentParser) -> None:
    """Add the option that changes fields of a config."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a field of the config, such as fine.epochs=3; may be repeated",
    )


def stage_progress(
    progress: ProgressCallback, name: str, message: str
) -> Callable[[int, int], None]:
    """Return a callable that takes images done and in total, and reports them as one stage."""
    return lambda done, total: progress(name, done, total, message)
