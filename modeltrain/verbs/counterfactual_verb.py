"""Compare answers to images that are alike but for one thing.

--sets are counterparts that people made, such as one drawing in five skin tones; --own-sets takes
those that the manifest itself holds: one cluster, alike in all groups but one. --changes-on N
makes greyscale, mirrored, worse and otherwise changed copies of N images, evenly spread over the
manifest: seven more answers for each.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, paths, stage


def options(parser: ArgumentParser) -> None:
    paths(
        parser,
        artifact="the model's folder",
        manifest="of the audit set",
        images="JSON from image hash to path",
        out="figures to write (.json)",
    )
    parser.add_argument("--sets", type=Path, help="counterparts, one set a line (.jsonl)")
    parser.add_argument("--own-sets", action="store_true", help="counterparts in the manifest")
    parser.add_argument(
        "--predictions", type=Path, help="of this manifest, if they are there (.jsonl or .npz)"
    )
    parser.add_argument("--changes-on", type=int, default=0, metavar="N", help="images to change")


def run(args: Namespace, report: ProgressCallback) -> Result:
    from modeltrain.audit import counterfactual, evaluate
    from modeltrain.data import manifest
    from modeltrain.files import write_whole
    from modeltrain.model import artifact
    from modeltrain.model.classifier import Classifier
    from modeltrain.model.features import read_images

    classifier = Classifier(artifact.load(args.artifact))
    rows, images = manifest.read(args.manifest), read_images(args.images)
    found: dict[str, Any] = {}
    sets = counterfactual.read_sets(args.sets) if args.sets else []
    sets += counterfactual.find_counterparts(rows) if args.own_sets else []
    if sets:
        if args.predictions:
            predicted = evaluate.read_answers(args.predictions)
        else:
            wanted = {sha256 for each in sets for sha256 in each.images.values()}
            some = [row for row in rows if row.sha256 in wanted]
            step = stage(report, "auditing", "Classifying counterparts")
            predicted = evaluate.predict(classifier, some, images, step)
        found |= counterfactual.compare_sets(predicted, sets)
    if args.changes_on:
        every = max(len(rows) / args.changes_on, 1.0)
        some = [rows[int(n * every)] for n in range(min(args.changes_on, len(rows)))]
        step = stage(report, "changing", "Classifying changed copies")
        found |= counterfactual.compare_changes(classifier, some, images, step)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(args.out, json.dumps(found, indent=2, ensure_ascii=False).encode())
    return {"counterfactuals": str(args.out), "compared": list(found)}
