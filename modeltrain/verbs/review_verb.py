"""Rank labels by how doubtful they are, with a suggestion for each.

Heads are trained on parts of the dataset and judge the rest, on features of --artifact. Nothing is
changed: people decide, from the top of the list.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from modeltrain.data.manifest import SPLITS
from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, paths


def options(parser: ArgumentParser) -> None:
    paths(
        parser,
        dataset="folder of images and labels",
        artifact="the model whose features are used",
        cache="folder of features",
        out="list to write (.jsonl); counts by label and group go beside it (.json)",
    )
    parser.add_argument(
        "--splits",
        nargs="+",
        choices=SPLITS,
        default=["train", "validation"],
        help="what is reviewed; train and validation unless given",
    )


def run(args: Namespace, report: ProgressCallback) -> Result:
    from modeltrain.curate import label_errors
    from modeltrain.data import dataset
    from modeltrain.model import artifact
    from modeltrain.model.classifier import Classifier
    from modeltrain.model.features import features

    data = dataset.load(args.dataset)
    rows = data.split(*args.splits)
    classifier = Classifier(artifact.load(args.artifact))
    known = features(rows, data.images, classifier, args.cache, report)
    report("reviewing", 0, 1, "Judging each image by the others")
    found = label_errors.review(rows, known)
    report("reviewing", 1, 1, "Ranked")
    label_errors.write(args.out, found)
    return {
        "list": str(args.out),
        "counts": str(args.out.with_suffix(".json")),
        "doubtful": sum(each.is_issue for each in found.doubts),
        "reviewed": len(found.doubts),
        "problems": list(found.left_out.values()),
    }
