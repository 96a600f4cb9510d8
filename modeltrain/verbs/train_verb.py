"""Train a model on a dataset: the whole recipe, or a part of it.

CONFIG is `article` (a new head, then the top of the base unfrozen), `head` (the head of --start
trained further on images of source `report`), `fine-tune` (the top of its base as well), or a
.toml, .yaml or .json file that names one of them as `recipe` and changes its fields. If the command
is killed, run it again: it resumes.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from modeltrain.progress import ProgressCallback
from modeltrain.training.configs import NAMES
from modeltrain.verbs import Result, add_config_option, add_path_options


def options(parser: ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG", help=f"{', '.join(NAMES)}, or a file")
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
    from modeltrain.training import configs

    config = configs.get(args.config, args.set)  # refused before anything heavy is loaded

    from modeltrain.data import dataset
    from modeltrain.model import artifact

    data = dataset.load(args.dataset)
    # What is wrong with these files is said before Keras is loaded, which takes seconds.
    if args.start == "imagenet":
        from modeltrain.network import imagenet

        start = imagenet.convert(parent=args.cache / "imagenet", progress=progress)
    else:
        start = artifact.load(Path(args.start))
    from modeltrain.training.candidates import train_candidate

    trained = train_candidate(
        config,
        start=start,
        data=data,
        cache=args.cache,
        parent=args.artifacts,
        checkpoints=args.cache / "runs",
        progress=progress,
    )
    recorded = trained.artifact.config["training"].get("phases", {})
    return {
        "artifact": str(trained.artifact.path),
        "sha256": trained.artifact.sha256,
        "phases": {
            name: {"kept": phase["epoch_kept"], **phase["history"][phase["epoch_kept"]]}
            for name, phase in recorded.items()
        },
        "problems": trained.problems,
    }
