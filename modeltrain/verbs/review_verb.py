"""Rank labels by how doubtful they are, with a suggestion for each.

Heads are trained on parts of the dataset and judge the rest, on features of --artifact. Nothing is
changed: people decide, starting at the top of the list.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from modeltrain.data.manifest import SPLITS
from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options


def options(parser: ArgumentParser) -> None:
    add_path_options(
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
        help="splits to review; train and validation by default",
    )


def run(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.curate import label_errors
    from modeltrain.data import dataset
    from modeltrain.model import artifact
    from modeltrain.model.classifier import Classifier
    from modeltrain.model.features import compute_features

    data = dataset.load(args.dataset)
    rows = data.split(*args.splits)
    classifier = Classifier(artifact.load(args.artifact))
    image_features = compute_features(rows, data.images, classifier, args.cache, progress)
    progress("reviewing", 0, 1, "Judging each image by the others")
    ranking = label_errors.rank_labels(rows, image_features)
    progress("reviewing", 1, 1, "Ranked")
    label_errors.write(args.out, ranking)
    return {
        "list": str(args.out),
        "counts": str(args.out.with_suffix(".json")),
        "doubtful": sum(ranked.is_issue for ranked in ranking.labels),
        "reviewed": len(ranking.labels),
        "problems": list(ranking.left_out.values()),
    }
