"""The cost of 30 more images after a training on 3,000.

    PYTHONPATH=. .venv/bin/python bench/cached_features.py --openmoji node_modules/openmoji \
        --artifact var/artifacts/VERSION --work FOLDER --out cached.json

About five minutes on two cores, nearly all of it for the first run of the frozen layers.
"""

import argparse
import json
import shutil
import time
from pathlib import Path

import numpy as np
import resvg_py

from modeltrain.data import dataset
from modeltrain.data.manifest import Row
from modeltrain.demo.sources import openmoji_drawings
from modeltrain.formatting import percent
from modeltrain.images import codec
from modeltrain.model import artifact
from modeltrain.training import article, configs

FIRST, MORE = 3000, 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("openmoji", "artifact", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    shutil.rmtree(args.work, ignore_errors=True)
    (args.work / "images").mkdir(parents=True)
    rows, paths = [], {}
    drawings = list(openmoji_drawings(args.openmoji))
    for index in np.random.default_rng(1).permutation(len(drawings)):
        drawing = drawings[index]
        svg = resvg_py.svg_to_bytes(
            svg_path=str(drawing.path), background="#ffffff", skip_system_fonts=True, width=299
        )
        pixels = codec.decode(bytes(svg))
        sha256 = codec.pixel_sha256(pixels)
        if sha256 in paths:
            continue
        paths[sha256] = args.work / "images" / f"{sha256}.png"
        paths[sha256].write_bytes(codec.to_png(pixels))
        label = "other" if drawing.groups["subject"] == "other" else "people"
        split = "validation" if len(rows) % 10 == 9 else "train"
        rows.append(Row(sha256, label, {}, split, drawing.source, sha256))
        if len(rows) == FIRST + MORE:
            break
    config = configs.get("article", ["fine.epochs=0", "copies=0"])
    start = artifact.load(args.artifact)
    figures = {}
    for name, chosen_rows in (("first", rows[:FIRST]), ("30 more", rows)):
        data = dataset.write(
            args.work / name, labels=["other", "people"], rows=chosen_rows, images=paths
        )
        stage_starts = {}

        def record(stage, done, total, message, stage_starts=stage_starts):
            stage_starts.setdefault(stage, time.perf_counter())

        start_time = time.perf_counter()
        article.train(
            config,
            start=start,
            data=data,
            cache=args.work / "cache",
            parent=args.work / "artifacts",
            progress=record,
        )
        figures[name] = {
            "until phase 1": stage_starts["phase 1"] - start_time,
            "whole": time.perf_counter() - start_time,
        }
        print(name, {key: round(value, 1) for key, value in figures[name].items()}, flush=True)
    first = figures["first"]["until phase 1"]
    figures["share, features"] = figures["30 more"]["until phase 1"] / first
    figures["share, whole"] = figures["30 more"]["whole"] / first
    print(
        f"30 more images cost {percent(figures['share, features'])} of the first features' time, "
        f"with training and writing the model {percent(figures['share, whole'])}"
    )
    if args.out:
        args.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
