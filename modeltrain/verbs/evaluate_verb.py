"""Measure a model on a split: confusion, precision, recall, calibration, mistakes."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from modeltrain.data.manifest import SPLITS
from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options


def options(parser: ArgumentParser) -> None:
    add_path_options(
        parser,
        artifact="the model's folder",
        dataset="folder of images and labels",
        out="figures to write (.json); a page goes beside them (.md)",
    )
    parser.add_argument("--split", choices=SPLITS, default="audit")


def run(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.audit import quality
    from modeltrain.data import dataset
    from modeltrain.files import write_whole
    from modeltrain.model import artifact
    from modeltrain.model.classifier import Classifier
    from modeltrain.model.features import ImageMissing, load_pixels

    model, data = artifact.load(args.artifact), dataset.load(args.dataset)
    if model.labels != data.labels:
        raise dataset.DatasetRefused(
            "A model is evaluated on a dataset with its own labels. Received: a model of "
            f"{', '.join(model.labels)} and a dataset of {', '.join(data.labels)}. Use another one."
        )
    classifier = Classifier(model)
    answers, problems = [], []
    rows = data.split(args.split)
    for number, row in enumerate(rows, start=1):
        try:
            scores = classifier.classify(load_pixels(row.sha256, data.images)).scores
        except ImageMissing as error:
            problems.append(str(error))
            continue
        answers.append(
            quality.Answer(
                row.sha256, row.source, row.label, [scores[label] for label in data.labels]
            )
        )
        progress("evaluating", number, len(rows), "Classifying")
    figures = quality.measure(answers, data.labels) | {"problems": problems}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(args.out, json.dumps(figures, indent=2, ensure_ascii=False).encode())
    page = args.out.with_suffix(".md")
    title = f"Model {model.version} on split {args.split}"
    write_whole(page, quality.to_markdown(figures, title=title).encode())
    return {
        "figures": str(args.out),
        "page": str(page),
        "images": figures["images"],
        "accuracy": figures["accuracy"],
        "ece": figures["calibration"]["ece"],
        "problems": problems,
    }
