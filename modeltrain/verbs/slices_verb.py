"""Find groups that nobody named: regions of an audit set where mistakes cluster.

Regions are found on one half of the images and counted on the other. Look at the exemplars: only a
person can say what they have in common.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options


def options(parser: ArgumentParser) -> None:
    add_path_options(
        parser,
        artifact="the model's folder",
        manifest="of the audit set",
        images="JSON from image hash to path",
        cache="folder of features",
        predictions="of this manifest (.jsonl or .npz), by `audit`",
        out="slices to write (.json)",
    )


def run(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.audit import evaluate, slices
    from modeltrain.data import manifest
    from modeltrain.files import write_whole
    from modeltrain.labels import ErrorKind
    from modeltrain.model import artifact
    from modeltrain.model.classifier import Classifier
    from modeltrain.model.features import compute_features, read_image_paths

    rows = {row.sha256: row for row in manifest.read(args.manifest)}
    predicted = [
        prediction
        for prediction in evaluate.read_answers(args.predictions)
        if prediction.sha256 in rows
    ]
    classifier = Classifier(artifact.load(args.artifact))
    predicted_rows = [rows[prediction.sha256] for prediction in predicted]
    row_features = compute_features(
        predicted_rows, read_image_paths(args.images), classifier, args.cache, progress
    )
    progress("clustering", 0, 1, "Looking where mistakes crowd together")
    wrong = [prediction.error != ErrorKind.CORRECT for prediction in predicted]
    regions = slices.find(row_features, wrong, [row.cluster for row in predicted_rows])
    progress("clustering", 1, 1, f"{len(regions)} found")
    described = [
        asdict(region)
        | {
            "members": [predicted[n].sha256 for n in region.members],
            "exemplars": [
                {
                    "sha256": predicted[n].sha256,
                    "source": predicted_rows[n].source,
                    "expected": predicted[n].expected,
                    "predicted": predicted[n].predicted,
                }
                for n in region.exemplars
            ],
        }
        for region in regions
    ]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(args.out, json.dumps(described, indent=2, ensure_ascii=False).encode())
    return {"slices": str(args.out), "found": len(regions)}
