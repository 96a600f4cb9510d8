"""Train a model on a dataset: the whole recipe, or a head that forgets nothing.

CONFIG is `article` (a new head, then the base unlocked near its top) or `head` (the head of --start
trained further on images of source `report`, as the site does). Killed at any moment, the same
command goes on where it was.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from modeltrain.progress import ProgressCallback
from modeltrain.training.configs import NAMES
from modeltrain.verbs import Result, fields, paths


def options(parser: ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG", help=", ".join(NAMES))
    paths(
        parser,
        dataset="folder of images and labels",
        cache="folder of activations and unfinished trainings",
        artifacts="folder of artifacts",
    )
    parser.add_argument(
        "--start", required=True, help="folder of an artifact, or `imagenet` to fetch its weights"
    )
    fields(parser)


def run(args: Namespace, report: ProgressCallback) -> Result:
    from modeltrain.data import dataset
    from modeltrain.model import artifact
    from modeltrain.network import imagenet
    from modeltrain.training import configs
    from modeltrain.training.configs.head import HeadConfig

    config = configs.get(args.config, args.set)
    data = dataset.load(args.dataset)
    if args.start == "imagenet":
        start = imagenet.convert(parent=args.cache / "imagenet", report=report)
    else:
        start = artifact.load(Path(args.start))
    if isinstance(config, HeadConfig):
        from modeltrain.training.head import train_head

        made = train_head(
            config,
            champion=start,
            rows=data.rows,
            images=data.images,
            cache=args.cache,
            parent=args.artifacts,
            progress=report,
        )
        return {"artifact": str(made.path), "sha256": made.sha256}

    from modeltrain.training import article

    trained = article.train(
        config,
        start=start,
        data=data,
        cache=args.cache,
        parent=args.artifacts,
        progress=report,
    )
    return {
        "artifact": str(trained.artifact.path),
        "sha256": trained.artifact.sha256,
        "phases": {
            name: {"kept": each["epoch_kept"], **each["history"][each["epoch_kept"]]}
            for name, each in trained.artifact.config["training"]["phases"].items()
        },
        "problems": trained.problems,
    }
