"""Train a model on a dataset: the whole recipe, or the head alone.

CONFIG is `article` (a new head, then the top of the base unfrozen) or `head` (the head of --start
trained further on images of source `report`, as the site does). If the command is killed, run it
again: it resumes.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from modeltrain.progress import ProgressCallback
from modeltrain.training.configs import NAMES
from modeltrain.verbs import Result, add_config_option, add_path_options


def options(parser: ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG", help=", ".join(NAMES))
    add_path_options(
        parser,
        dataset="folder of images and labels",
        cache="folder of activations and unfinished trainings",
        artifacts="folder of artifacts",
    )
    parser.add_argument(
        "--start",
        required=True,
        help="folder of an artifact, or `imagenet` to download its weights",
    )
    add_config_option(parser)


def run(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.data import dataset
    from modeltrain.model import artifact
    from modeltrain.training import configs
    from modeltrain.training.configs.head import HeadConfig

    config = configs.get(args.config, args.set)
    data = dataset.load(args.dataset)
    # What is wrong with these files is said before Keras is loaded, which takes seconds.
    if args.start == "imagenet":
        from modeltrain.network import imagenet

        start = imagenet.convert(parent=args.cache / "imagenet", progress=progress)
    else:
        start = artifact.load(Path(args.start))
    if isinstance(config, HeadConfig):
        from modeltrain.training.head import train_head

        candidate = train_head(
            config,
            champion=start,
            rows=data.rows,
            images=data.images,
            cache=args.cache,
            parent=args.artifacts,
            progress=progress,
        )
        return {"artifact": str(candidate.path), "sha256": candidate.sha256}

    from modeltrain.training import article

    trained = article.train(
        config,
        start=start,
        data=data,
        cache=args.cache,
        parent=args.artifacts,
        progress=progress,
    )
    return {
        "artifact": str(trained.artifact.path),
        "sha256": trained.artifact.sha256,
        "phases": {
            name: {"kept": phase["epoch_kept"], **phase["history"][phase["epoch_kept"]]}
            for name, phase in trained.artifact.config["training"]["phases"].items()
        },
        "problems": trained.problems,
    }
