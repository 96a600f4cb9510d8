"""Make the harmless images that the demo starts with."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options, stage_progress


def options(parser: ArgumentParser) -> None:
    add_path_options(parser, openmoji="folder of the npm package openmoji", out="folder to write")
    parser.add_argument(
        "--stamps", type=Path, help="folder of Tux Paint's stamps; fetched by default"
    )


def run(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.demo import build

    build.build(
        openmoji=args.openmoji,
        stamps=args.stamps or build.fetch_stamps(args.out.resolve().parent / "stamps"),
        out=args.out,
        progress=stage_progress(progress, "rendering", "Rendering images"),
    )
    return {"out": str(args.out)}
