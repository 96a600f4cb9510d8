"""Compare answers to counterfactuals: images that differ in one thing only.

--sets names counterparts that people made, such as one drawing in five skin tones. --own-sets uses
the counterparts in the manifest itself: images of one cluster that differ in one group only.
--changes-on N makes greyscale, mirrored, degraded and otherwise changed copies of N images, evenly
spread over the manifest: seven more answers for each image.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options, stage_progress


def options(parser: ArgumentParser) -> None:
    add_path_options(
        parser,
        artifact="the model's folder",
        manifest="of the audit set",
        images="JSON from image hash to path",
        out="figures to write (.json)",
    )
    parser.add_argument("--sets", type=Path, help="counterparts, one set a line (.jsonl)")
    parser.add_argument("--own-sets", action="store_true", help="counterparts in the manifest")
    parser.add_argument(
        "--predictions", type=Path, help="existing answers to this manifest (.jsonl or .npz)"
    )
    parser.add_argument("--changes-on", type=int, default=0, metavar="N", help="images to change")


def run(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.audit import counterfactual, evaluate
    from modeltrain.data import manifest
    from modeltrain.files import write_whole
    from modeltrain.images.perturbations import name_of
    from modeltrain.model import artifact
    from modeltrain.model.classifier import Classifier
    from modeltrain.model.features import read_image_paths

    classifier = Classifier(artifact.load(args.artifact))
    rows, images = manifest.read(args.manifest), read_image_paths(args.images)
    figures: dict[str, Any] = {}
    sets = counterfactual.read_sets(args.sets) if args.sets else []
    sets += counterfactual.find_counterparts(rows) if args.own_sets else []
    if sets:
        if args.predictions:
            predicted = evaluate.read_answers(args.predictions)
        else:
            hashes = {sha256 for counterparts in sets for sha256 in counterparts.images.values()}
            chosen = [row for row in rows if row.sha256 in hashes]
            images_done = stage_progress(progress, "auditing", "Classifying counterparts")
            predicted = evaluate.predict(classifier, chosen, images, images_done)
        figures |= counterfactual.compare_sets(predicted, sets)
    if args.changes_on:
        stride = max(len(rows) / args.changes_on, 1.0)
        chosen = [rows[int(n * stride)] for n in range(min(args.changes_on, len(rows)))]
        images_done = stage_progress(progress, "changing", "Classifying changed copies")
        figures |= counterfactual.compare_changes(classifier, chosen, images, images_done)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(args.out, json.dumps(figures, indent=2, ensure_ascii=False).encode())
    return {"counterfactuals": str(args.out), "compared": [name_of(name) for name in figures]}
