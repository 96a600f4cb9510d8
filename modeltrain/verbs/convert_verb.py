"""Turn the published npm package into an artifact."""

from argparse import ArgumentParser, Namespace

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options


def options(parser: ArgumentParser) -> None:
    add_path_options(
        parser, package="folder of the npm package nsfwjs", artifacts="folder of artifacts"
    )


def run(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.network import published_model

    published = published_model.convert(args.package, parent=args.artifacts, progress=progress)
    return {"artifact": str(published.path), "sha256": published.sha256}
