"""Turn another model of the npm package into an artifact, to be compared with the model in service.

The artifact is a folder like any other: evaluate, audit and gate take it.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options


def options(parser: ArgumentParser) -> None:
    add_path_options(
        parser, package="folder of the npm package nsfwjs", artifacts="folder of artifacts"
    )
    parser.add_argument("--model", required=True, help="mobilenet_v2 or mobilenet_v2_mid")


def run(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.network import mobilenet

    imported = mobilenet.convert(args.package, args.model, parent=args.artifacts)
    return {"artifact": str(imported.path), "sha256": imported.sha256}
