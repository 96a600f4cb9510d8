"""Classify image files, or all files in folders, with a model.

A file that cannot be read is named on stderr, and the rest is classified. The exit status is then
3. Without --out, the result on stdout has the answers.
"""

import csv
import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options

_FORMATS = ("csv", "jsonl")
_Write = Callable[[str, str, Mapping[str, float]], None]


def options(parser: ArgumentParser) -> None:
    add_path_options(parser, artifact="the model's folder")
    parser.add_argument("image", type=Path, nargs="+", help="a file, or a folder of files")
    parser.add_argument("--out", type=Path, help="write the answers to this file, a line for each")
    parser.add_argument(
        "--format", choices=_FORMATS, help="of --out: its suffix by default, or else jsonl"
    )


def run(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.importing.items import to_text
    from modeltrain.model import artifact
    from modeltrain.model.classifier import Classifier
    from modeltrain.model.classify_files import classify_files

    if args.format and not args.out:
        raise ValueError("--format needs a file. Received: --format without --out. Add --out.")
    problems: list[str] = []

    def refuse(path: Path, error: Exception) -> None:
        problems.append(f"{to_text(str(path))}: {error}")
        sys.stderr.write(f"{problems[-1]}\n")

    loaded = artifact.load(args.artifact)
    answers = classify_files(args.image, Classifier(loaded), refuse=refuse, progress=progress)
    if not args.out:
        images = {
            to_text(str(path)): {"label": prediction.label, "scores": prediction.scores}
            for path, prediction in answers
        }
        return {"images": images, "problems": problems}
    count = 0
    with args.out.open("w", encoding="utf-8", newline="") as file:
        is_csv = (args.format or args.out.suffix.lower().removeprefix(".")) == "csv"
        write = (_csv_writer if is_csv else _jsonl_writer)(file, loaded.labels)
        for path, prediction in answers:
            write(to_text(str(path)), prediction.label, prediction.scores)
            count += 1
    return {"answers": str(args.out), "classified": count, "problems": problems}


def _csv_writer(file: TextIO, labels: Sequence[str]) -> _Write:
    """Write a header, and return a function that writes a line with a column for each score."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["path", "label", *(f"score:{label}" for label in labels)])

    def write(path: str, label: str, scores: Mapping[str, float]) -> None:
        writer.writerow([path, label, *scores.values()])

    return write


def _jsonl_writer(file: TextIO, _labels: Sequence[str]) -> _Write:
    def write(path: str, label: str, scores: Mapping[str, float]) -> None:
        line = {"path": path, "label": label, "scores": scores}
        file.write(json.dumps(line, ensure_ascii=False) + "\n")

    return write
