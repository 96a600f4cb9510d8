"""Turn the published npm package into an artifact."""

from argparse import ArgumentParser, Namespace

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, paths


def options(parser: ArgumentParser) -> None:
    paths(parser, package="folder of the npm package nsfwjs", artifacts="folder of artifacts")


def run(args: Namespace, report: ProgressCallback) -> Result:
    from modeltrain.network import baseline

    made = baseline.convert(args.package, parent=args.artifacts, report=report)
    return {"artifact": str(made.path), "sha256": made.sha256}
