"""Quantize a model to 8-bit integers for browsers, and compare both graphs with Keras.

The artifact's own `model.onnx` is the float32 export. Activations are measured on images of split
train; the comparison is on split audit. The output is an artifact: evaluate, audit and gate treat
it like any other. With --predictions, the gate compares it with the model in the same run.

With --for sensitive-detector, write the model instead as Misskey's detector mounts it: a folder,
--out, with nsfw_model.onnx.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options, stage_progress
from modeltrain.verbs.gate_verb import read_predictions

if TYPE_CHECKING:
    from modeltrain.data.dataset import Dataset
    from modeltrain.model.artifact import Artifact


def options(parser: ArgumentParser) -> None:
    add_path_options(parser, artifact="the model's folder, with model.keras in it")
    parser.add_argument("--for", dest="user", choices=["sensitive-detector"], help="who takes it")
    parser.add_argument("--dataset", type=Path, help="folder of images and labels")
    parser.add_argument("--artifacts", type=Path, help="folder of artifacts")
    parser.add_argument(
        "--predictions", type=Path, help="the model's own, of split audit (.jsonl or .npz)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="figures to write, with the verdict (.json); with --for, the folder",
    )


def run(args: Namespace, progress: ProgressCallback) -> Result:
    given = {f"--{name}" for name in ("dataset", "artifacts", "out") if getattr(args, name)}
    if args.user:
        _require({"--out"}, given)
        return _write_for_detector(args.artifact, args.out)
    _require({"--dataset", "--artifacts"}, given)
    return _quantize(args, progress)


def _require(options: set[str], given: set[str]) -> None:
    if missing := sorted(options - given):
        raise ValueError(
            f"This export needs {' and '.join(sorted(options))}. "
            f"Received: no {' and no '.join(missing)}. Add what is missing."
        )


def _write_for_detector(path: Path, folder: Path) -> Result:
    from modeltrain.model import artifact
    from modeltrain.network import sensitive_detector

    model = artifact.load(path)
    return {"model": str(sensitive_detector.write(model, folder)), "version": model.version}


def _quantize(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.data import dataset
    from modeltrain.files import write_whole
    from modeltrain.model import artifact
    from modeltrain.network import quantize

    data = dataset.load(args.dataset)
    quantized = quantize.write_artifact(
        artifact.load(args.artifact), data=data, parent=args.artifacts, progress=progress
    )
    result = {
        "artifact": str(quantized.path),
        "sha256": quantized.sha256,
        **quantized.config["export"],
    }
    if args.predictions:
        result["gate"] = _judge(quantized, data, args.predictions, progress)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        write_whole(args.out, json.dumps(result, indent=2, ensure_ascii=False).encode())
    return result


def _judge(
    quantized: Artifact, data: Dataset, predictions: Path, progress: ProgressCallback
) -> dict[str, Any]:
    """Let the gate compare the quantized model with the original."""
    from modeltrain.audit import evaluate
    from modeltrain.gate import judge
    from modeltrain.model.classifier import Classifier

    images_done = stage_progress(progress, "auditing", "Auditing the export")
    predicted = evaluate.predict(
        Classifier(quantized), data.split("audit"), data.images, images_done
    )
    return judge.judge(champion=read_predictions(predictions), candidate=predicted)
