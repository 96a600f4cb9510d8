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
    image_features = features(rows, data.images, classifier, args.cache, report)
    report("reviewing", 0, 1, "Judging each image by the others")
    ranking = label_errors.rank_labels(rows, image_features)
    report("reviewing", 1, 1, "Ranked")
    label_errors.write(args.out, ranking)
    return {
        "list": str(args.out),
        "counts": str(args.out.with_suffix(".json")),
        "doubtful": sum(ranked.is_issue for ranked in ranking.labels),
        "reviewed": len(ranking.labels),
        "problems": list(ranking.left_out.values()),
    }
