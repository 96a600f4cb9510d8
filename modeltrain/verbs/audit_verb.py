"""Predict every audit image and count the errors, per class and per group."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options, stage_progress


def options(parser: ArgumentParser) -> None:
    add_path_options(
        parser,
        artifact="the model's folder",
        manifest="of the audit set",
        images="JSON from image hash to path",
        out="answers to write (.jsonl to read, .npz to compare fast); figures go beside (.json)",
    )


def run(args: Namespace, progress: ProgressCallback) -> Result:
    images_done = stage_progress(progress, "auditing", "Auditing")
    predictions, figures = write_audit(
        args.artifact, args.manifest, args.images, args.out, images_done
    )
    return {"predictions": str(predictions), "audit": str(figures)}


def write_audit(
    folder: Path, rows: Path, images: Path, out: Path, images_done: Callable[[int, int], None]
) -> tuple[Path, Path]:
    """Write a model's predictions and, beside them, its figures; return both paths."""
    from modeltrain.audit import columns, evaluate
    from modeltrain.data import manifest
    from modeltrain.model import artifact
    from modeltrain.model.classifier import Classifier
    from modeltrain.model.features import read_image_paths

    classifier = Classifier(artifact.load(folder))
    predicted = evaluate.predict(
        classifier, manifest.read(rows), read_image_paths(images), images_done
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".npz":
        columns.write(out, columns.from_predicted(predicted))
    else:
        evaluate.write_predictions(out, predicted)
    figures = out.with_suffix(".json")
    figures.write_text(json.dumps(evaluate.audit(predicted), indent=2, ensure_ascii=False) + "\n")
    return out, figures
