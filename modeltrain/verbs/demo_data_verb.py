"""Make the harmless pictures that the demo starts with."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, paths, stage


def options(parser: ArgumentParser) -> None:
    paths(parser, openmoji="folder of the npm package openmoji", out="folder to write")
    parser.add_argument("--stamps", type=Path, help="folder of Tux Paint's stamps, if not fetched")


def run(args: Namespace, report: ProgressCallback) -> Result:
    from modeltrain.demo import build

    build.build(
        openmoji=args.openmoji,
        stamps=args.stamps or build.fetch_stamps(args.out.resolve().parent / "stamps"),
        out=args.out,
        progress=stage(report, "rendering", "Rendering pictures"),
    )
    return {"out": str(args.out)}
