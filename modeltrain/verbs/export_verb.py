"""Write a model in 8-bit integers for browsers, and compare both graphs with Keras.

The artifact's own `model.onnx` is the export in float32. Ranges are measured on images of split
train, the comparison is on split audit. What is written is an artifact: evaluate, audit and gate
judge it like any other. With --predictions the gate compares both at once.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, paths, stage
from modeltrain.verbs.gate_verb import answers

if TYPE_CHECKING:
    from modeltrain.data.dataset import Dataset
    from modeltrain.model.artifact import Artifact


def options(parser: ArgumentParser) -> None:
    paths(
        parser,
        artifact="the model's folder, with model.keras in it",
        dataset="folder of images and labels",
        artifacts="folder of artifacts",
    )
    parser.add_argument(
        "--predictions", type=Path, help="the model's own, of split audit (.jsonl or .npz)"
    )
    parser.add_argument("--out", type=Path, help="what was found, verdict included (.json)")


def run(args: Namespace, report: ProgressCallback) -> Result:
    from modeltrain.data import dataset
    from modeltrain.files import write_whole
    from modeltrain.model import artifact
    from modeltrain.network import quantize

    data = dataset.load(args.dataset)
    made = quantize.write(
        artifact.load(args.artifact), data=data, parent=args.artifacts, progress=report
    )
    found = {"artifact": str(made.path), "sha256": made.sha256, **made.config["export"]}
    if args.predictions:
        found["gate"] = _judge(made, data, args.predictions, report)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        write_whole(args.out, json.dumps(found, indent=2, ensure_ascii=False).encode())
    return found


def _judge(
    made: Artifact, data: Dataset, predictions: Path, report: ProgressCallback
) -> dict[str, Any]:
    """Let the gate compare an export with the model it was made of."""
    from modeltrain.audit import evaluate
    from modeltrain.gate import judge
    from modeltrain.model.classifier import Classifier

    step = stage(report, "auditing", "Auditing the export")
    predicted = evaluate.predict(Classifier(made), data.split("audit"), data.images, step)
    return judge.judge(champion=answers(predictions), candidate=predicted)
