"""The hash of every kind of artifact, from the same images and seeds: has a change moved a byte?

    PYTHONPATH=. .venv/bin/python bench/artifact_bytes.py --openmoji node_modules/openmoji \
        --package node_modules/nsfwjs --work FOLDER

About three minutes on two cores. Converts the published model, trains it with each config on 100
drawings, and quantizes the result, all through the command line. To compare with an older commit,
check it out beside this one and run its code on the same images:

    git worktree add ../before COMMIT
    PYTHONPATH=. .venv/bin/python bench/artifact_bytes.py --openmoji node_modules/openmoji \
        --package node_modules/nsfwjs --work FOLDER --tree ../before

Hashes are comparable on one machine with the same packages installed, and nowhere else.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from bench import stand_in
from modeltrain.data import dataset
from modeltrain.labels import LABELS

ROOT = Path(__file__).resolve().parent.parent
PER_CLASS = 20
ARTICLE = ["head.epochs=4", "fine.epochs=2", "fine.batch=8", "copies=1"]
HEAD = ["epochs=4", "impressions_per_class=40", "validation_minimum=1"]


def build_images(openmoji: Path, folder: Path) -> None:
    """Write the drawings twice: with five classes, and half of them as reports of drawings."""
    drawings = stand_in.build(openmoji, folder / "set", per_class=PER_CLASS)
    rows = [
        replace(row, label="drawings", source="report")
        if number % 2
        else replace(row, label="neutral")
        for number, row in enumerate(drawings.rows)
    ]
    dataset.write(folder / "reported", labels=LABELS, rows=rows, images=drawings.images)


def write_artifact(tree: Path, *arguments: str) -> Path:
    """Run one verb of a checkout, print the hash of its artifact and return the folder."""
    process = subprocess.run(
        [sys.executable, "-m", "modeltrain", *arguments, "--json-progress"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
    )
    if process.returncode:
        sys.exit(f"{' '.join(arguments)}: {process.stdout[-500:]}{process.stderr[-500:]}")
    result = json.loads(process.stdout.splitlines()[-1])["result"]
    name = " ".join(word for word in arguments[:2] if not word.startswith("--"))
    print(f"{result['sha256']}  {name}", flush=True)
    return Path(result["artifact"])


def write_artifacts(tree: Path, package: Path, images: Path, out: Path) -> None:
    """Make an artifact of each kind with the code of a checkout."""
    cache, artifacts = f"--cache={out / 'cache'}", f"--artifacts={out / 'artifacts'}"
    drawings, reported = f"--dataset={images / 'set'}", f"--dataset={images / 'reported'}"
    published = write_artifact(tree, "convert", f"--package={package}", artifacts)
    training = [f"--start={published}", cache, artifacts]
    changes = [f"--set={change}" for change in HEAD]
    write_artifact(tree, "train", "head", reported, *training, *changes)
    changes = [f"--set={change}" for change in ARTICLE]
    model = write_artifact(tree, "train", "article", drawings, *training, *changes)
    write_artifact(tree, "export", drawings, f"--artifact={model}", artifacts)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("openmoji", "package", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--tree", type=Path, default=ROOT, help="checkout whose code runs")
    args = parser.parse_args()
    work, package, tree = args.work.resolve(), args.package.resolve(), args.tree.resolve()
    if not (work / "reported").exists():
        build_images(args.openmoji, work)
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    write_artifacts(tree, package, work, out)
    shutil.rmtree(out)


if __name__ == "__main__":
    main()
