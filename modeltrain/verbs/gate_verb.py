"""Judge a candidate by its predictions and the champion's."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from modeltrain.progress import Report
from modeltrain.verbs import Result, paths


def options(parser: ArgumentParser) -> None:
    paths(
        parser,
        champion="predictions of the model in service",
        candidate="predictions of the new one",
        out="verdict to write (.json)",
    )


def run(args: Namespace, report: Report) -> Result:
    report("gate", 0, 1, "Comparing with the champion")
    judged = judge(args.champion, args.candidate, args.out)
    report("gate", 1, 1, judged["sentence"])
    return {"gate": str(args.out), "verdict": judged["verdict"]}


def judge(champion: Path, candidate: Path, out: Path) -> dict[str, Any]:
    """Write what the gate says of two files of predictions, and return it."""
    from modeltrain import gate, policy
    from modeltrain.columns import read
    from modeltrain.evaluate import read_predictions

    old, new = (
        read(path) if path.suffix == ".npz" else read_predictions(path)
        for path in (champion, candidate)
    )
    judged = gate.judge(
        champion=old,
        candidate=new,
        policy=policy.Policy.load(),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(judged, indent=2, ensure_ascii=False) + "\n")
    return judged
