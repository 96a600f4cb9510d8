"""Judge a candidate by its predictions and the champion's."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, paths

if TYPE_CHECKING:
    from modeltrain.audit.columns import Columns
    from modeltrain.audit.evaluate import Predicted


def options(parser: ArgumentParser) -> None:
    paths(
        parser,
        champion="predictions of the model in service",
        candidate="predictions of the new one",
        out="verdict to write (.json)",
    )


def run(args: Namespace, report: ProgressCallback) -> Result:
    report("gate", 0, 1, "Comparing with the champion")
    judged = judge(args.champion, args.candidate, args.out)
    report("gate", 1, 1, judged["sentence"])
    return {"gate": str(args.out), "verdict": judged["verdict"]}


def judge(champion: Path, candidate: Path, out: Path) -> dict[str, Any]:
    """Write what the gate says of two files of predictions, and return it."""
    from modeltrain.gate import judge

    judged = judge.judge(champion=answers(champion), candidate=answers(candidate))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(judged, indent=2, ensure_ascii=False) + "\n")
    return judged


def answers(path: Path) -> Sequence[Predicted] | Columns:
    """Read a file of predictions for the gate, of either kind."""
    from modeltrain.audit import columns, evaluate

    return columns.read(path) if path.suffix == ".npz" else evaluate.read_predictions(path)
