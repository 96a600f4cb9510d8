"""Find groups that nobody named: regions of an audit set where mistakes crowd together.

Regions are found on one half of the images and counted on the other. Look at the exemplars; what
they have in common is for a person to say.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, paths


def options(parser: ArgumentParser) -> None:
    paths(
        parser,
        artifact="the model's folder",
        manifest="of the audit set",
        images="JSON from image hash to path",
        cache="folder of features",
        predictions="of this manifest (.jsonl or .npz), by `audit`",
        out="slices to write (.json)",
    )


def run(args: Namespace, report: ProgressCallback) -> Result:
    from modeltrain.audit import evaluate, slices
    from modeltrain.data import manifest
    from modeltrain.files import write_whole
    from modeltrain.labels import ErrorKind
    from modeltrain.model import artifact
    from modeltrain.model.classifier import Classifier
    from modeltrain.model.features import features, read_images

    rows = {row.sha256: row for row in manifest.read(args.manifest)}
    predicted = [e for e in evaluate.read_answers(args.predictions) if e.sha256 in rows]
    classifier = Classifier(artifact.load(args.artifact))
    taken = [rows[each.sha256] for each in predicted]
    known = features(taken, read_images(args.images), classifier, args.cache, report)
    report("clustering", 0, 1, "Looking where mistakes crowd together")
    wrong = [each.error != ErrorKind.CORRECT for each in predicted]
    found = slices.find(known, wrong, [row.cluster for row in taken])
    report("clustering", 1, 1, f"{len(found)} found")
    said = [
        asdict(each)
        | {
            "members": [predicted[n].sha256 for n in each.members],
            "exemplars": [
                {
                    "sha256": predicted[n].sha256,
                    "source": taken[n].source,
                    "expected": predicted[n].expected,
                    "predicted": predicted[n].predicted,
                }
                for n in each.exemplars
            ],
        }
        for each in found
    ]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(args.out, json.dumps(said, indent=2, ensure_ascii=False).encode())
    return {"slices": str(args.out), "found": len(found)}
