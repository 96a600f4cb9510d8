"""Make the harmless images that the demo starts with."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options, stage_progress


def options(parser: ArgumentParser) -> None:
    add_path_options(parser, npm="folder of npm's packages, node_modules", out="folder to write")
    parser.add_argument(
        "--debian",
        type=Path,
        help="folder of unpacked Debian packages, which are fetched if they are not in it "
        "(default: packages beside OUT)",
    )


def run(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.demo import build, packages

    build.build(
        npm=args.npm,
        debian=packages.fetch(args.debian or args.out.resolve().parent / "packages"),
        out=args.out,
        progress=stage_progress(progress, "rendering", "Rendering images"),
    )
    return {"out": str(args.out)}
