"""Judge a candidate by its predictions and the champion's."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modeltrain.files import write_whole
from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options

if TYPE_CHECKING:
    from modeltrain.audit.columns import Columns
    from modeltrain.audit.evaluate import Predicted


def options(parser: ArgumentParser) -> None:
    add_path_options(
        parser,
        champion="predictions of the model in service",
        candidate="predictions of the new model",
        out="verdict to write (.json)",
    )


def run(args: Namespace, progress: ProgressCallback) -> Result:
    progress("gate", 0, 1, "Comparing with the champion")
    verdict = write_verdict(args.champion, args.candidate, args.out)
    progress("gate", 1, 1, verdict["sentence"])
    return {"gate": str(args.out), "verdict": verdict["verdict"]}


def write_verdict(champion: Path, candidate: Path, out: Path) -> dict[str, Any]:
    """Judge two files of predictions, write the verdict to a file and return it."""
    from modeltrain.gate import judge

    verdict = judge.judge(
        champion=read_predictions(champion), candidate=read_predictions(candidate)
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, (json.dumps(verdict, indent=2, ensure_ascii=False) + "\n").encode())
    return verdict


def read_predictions(path: Path) -> Sequence[Predicted] | Columns:
    """Read a file of predictions in the form that suits the gate: columns from .npz, else rows."""
    from modeltrain.audit import columns, evaluate

    return columns.read(path) if path.suffix == ".npz" else evaluate.read_predictions(path)
