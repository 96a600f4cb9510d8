"""Leave out duplicates and conflicts, and say why each image was left out.

Writes a new dataset; images stay where they are. An image in other colours is another image; one
that was saved again, resized, cropped, mirrored, rotated, framed, relit or written on is the same.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options


def options(parser: ArgumentParser) -> None:
    add_path_options(
        parser,
        dataset="folder of images and labels",
        artifact="the model whose features are used",
        cache="folder of features",
        out="folder of the new dataset; its clean.jsonl lists what was left out",
    )
    parser.add_argument(
        "--keep-conflicts",
        action="store_true",
        help="keep images that have two labels; they are listed all the same",
    )


def run(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.curate import clean
    from modeltrain.data import dataset
    from modeltrain.model import artifact
    from modeltrain.model.classifier import Classifier

    data = dataset.load(args.dataset)
    cleaned, excluded = clean.clean(
        data,
        args.out,
        classifier=Classifier(artifact.load(args.artifact)),
        cache=args.cache,
        keep_conflicts=args.keep_conflicts,
        progress=progress,
    )
    problems = [image.sentence for image in excluded if image.reason == clean.MISSING]
    return {
        "dataset": str(cleaned.path),
        "list": str(cleaned.path / clean.EXCLUDED_FILE),
        **clean.summary(data, cleaned, excluded),
        "problems": problems,
    }
