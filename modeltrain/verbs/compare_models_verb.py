"""Judge the other published models on the audit images of one model, and time all of them.

The gate compares each with the model, whose predictions are those of its audit.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options, stage_progress
from modeltrain.verbs.gate_verb import read_predictions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modeltrain.audit.evaluate import Predicted
    from modeltrain.data.manifest import Row
    from modeltrain.model.classifier import Classifier

TIMED_IMAGES = 20


def options(parser: ArgumentParser) -> None:
    add_path_options(
        parser,
        artifact="the model's folder",
        manifest="of the audit set",
        images="JSON from image hash to path",
        predictions="of this manifest (.jsonl or .npz), by `audit`",
        package="folder of the npm package nsfwjs",
        artifacts="folder for the other models' artifacts",
        out="figures to write (.json)",
    )


def run(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.audit import evaluate
    from modeltrain.data import manifest
    from modeltrain.files import write_whole
    from modeltrain.gate import judge
    from modeltrain.model import artifact
    from modeltrain.model.classifier import Classifier
    from modeltrain.model.features import read_image_paths
    from modeltrain.network import mobilenet

    rows, images = manifest.read(args.manifest), read_image_paths(args.images)
    champion = Classifier(artifact.load(args.artifact))
    answers = evaluate.read_answers(args.predictions)
    columns = read_predictions(args.predictions)
    models = [_figures("champion", champion, answers, rows, images)]
    for path, model in mobilenet.MODELS.items():
        progress("converting", 0, 1, f"Converting {model.title}")
        classifier = Classifier(mobilenet.convert(args.package, path, parent=args.artifacts))
        stage = stage_progress(progress, path, f"Auditing {model.title}")
        predicted = evaluate.predict(classifier, rows, images, stage)
        gate = judge.judge(champion=columns, candidate=predicted)
        models.append(_figures(path, classifier, predicted, rows, images) | {"gate": gate})
    result = {"processors": os.cpu_count(), "timed_images": TIMED_IMAGES, "models": models}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(args.out, json.dumps(result, indent=2, ensure_ascii=False).encode())
    return {"figures": str(args.out), "models": len(models)}


def _figures(
    name: str,
    classifier: Classifier,
    predicted: Sequence[Predicted],
    rows: Sequence[Row],
    images: Mapping[str, Path],
) -> dict[str, Any]:
    """Describe a model: what its artifact says, its speed, and its rates for each class and group.

    Speed is the median time of one image, in milliseconds, with resizing and without decoding.
    """
    from modeltrain.audit import evaluate
    from modeltrain.model.features import load_pixels

    config = classifier.artifact.config
    milliseconds = []
    for number, row in enumerate([rows[0], *rows[:TIMED_IMAGES]]):
        pixels = load_pixels(row.sha256, images)
        start = time.perf_counter()
        classifier.classify(pixels)
        if number:  # the first run allocates memory
            milliseconds.append(1000 * (time.perf_counter() - start))
    audited = evaluate.audit(predicted)
    fields = ("images", "minimum", "labels", "overall", "classes", "groups")
    return {
        "name": name,
        "title": config.get("title", config["name"]),
        "source": config.get("source"),
        "sha256": classifier.artifact.sha256,
        "bytes": classifier.artifact.onnx.stat().st_size,
        "milliseconds": statistics.median(milliseconds),
        "figures": {field: audited[field] for field in fields},
    }
