"""What a retrained head learns, and what it forgets, with each part of the loss left out.

    .venv/bin/python bench/forgetting.py --data var/demo --champion var/artifacts/VERSION \
        --cache var/features --out forgetting.json

About four minutes on two cores once the features are cached, five more before. The data is what
`python -m modeltrain demo-data` makes. A fixed number of the pool's drawings plays the reports, the
pool's photographs are the anchors, the audit set is what is measured and is never learned from.

No image of `hentai`, `porn` or `sexy` is used. How much of them is kept is measured on made-up
features that were in no loss. To see whether such features can stand in for images at all, the rows
that end in "no anchors" leave the photographs out of training: then `neutral` is a class nobody
reported, and for that class there are real images to measure on.
"""

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import features, read_images
from modeltrain.network import export
from modeltrain.training import configs
from modeltrain.training.head import fit
from modeltrain.training.impressions import Weights, agreement, answer, impressions
from modeltrain.training.objective import Examples

NOTHING = {"impression_weight": 0.0, "distil": 0.0, "l2_sp": 0.0, "dropout": (0.5, 0.25)}
HELD_OUT_SEED = 4_000
HELD_OUT_PER_CLASS = 400
SURE = 0.8  # "sure" counts only what the champion gave at least this probability


class Measured:
    """The features, computed once, and every figure that a head gets."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.champion = artifact.load(args.champion)
        self.start: Weights = export.head_weights(self.champion.onnx)
        pool = manifest.read(args.data / "pool.jsonl")
        drawings = [row for row in pool if row.label == "drawings"][: args.reports]
        photographs = [row for row in pool if row.label == "neutral"]
        self.audit = manifest.read(args.data / "audit.jsonl")
        rows = [*drawings, *photographs, *self.audit]
        classifier = Classifier(self.champion)
        images = read_images(args.data / "images.json")
        known = features(rows, images, classifier, args.cache)
        self.features = {row.sha256: known[place] for place, row in enumerate(rows)}
        reported = {row.sha256 for row in drawings}
        self.train = self.examples([*drawings, *photographs], "train", reported)
        self.validation = self.examples([*drawings, *photographs], "validation", reported)
        labels = self.champion.labels
        self.made = impressions(
            self.start,
            self.validation.features,
            wanted=np.repeat(np.arange(len(labels)), HELD_OUT_PER_CLASS),
            steps=120,
            random_seed=HELD_OUT_SEED,
        )

    def examples(self, rows: list[Row], split: str, reported: set[str]) -> Examples:
        chosen = [row for row in rows if row.split == split]
        return Examples(
            np.stack([self.features[row.sha256] for row in chosen]),
            np.array([self.champion.labels.index(row.label) for row in chosen]),
            np.array([row.sha256 in reported for row in chosen]),
        )

    def figures(self, weights: Weights) -> dict[str, Any]:
        """Recall on audit images by kind, and the share of made-up features answered as before."""
        found: dict[str, list[bool]] = {}
        said = answer(weights, np.stack([self.features[row.sha256] for row in self.audit]))
        for row, scores in zip(self.audit, said, strict=True):
            right = self.champion.labels[int(scores.argmax())] == row.label
            found.setdefault(f"{row.label}, {origin(row)}", []).append(right)
        labels = self.champion.labels
        kept = agreement(self.start, weights, self.made, labels)
        sure = self.made[answer(self.start, self.made).max(axis=1) >= SURE]
        return {
            "recall": {name: float(np.mean(each)) for name, each in sorted(found.items())},
            "images": {name: len(each) for name, each in sorted(found.items())},
            "kept": kept,
            "kept where sure": agreement(self.start, weights, sure, labels),
        }


def origin(row: Row) -> str:
    """Say which collection an image comes from."""
    return "OpenMoji" if "openmoji" in row.source.lower() else "Tux Paint"


def without_anchors(examples: Examples) -> Examples:
    there = examples.reported
    return Examples(examples.features[there], examples.classes[there], there[there])


def line(name: str, figures: Mapping[str, Any]) -> str:
    parts = ("recall", "kept", "kept where sure")
    shares = [share for part in parts for share in figures[part].values()]
    cells = " | ".join("-" if share is None else f"{share:.3f}" for share in shares)
    return f"| {name} | {cells} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("data", "champion", "cache", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--reports", type=int, default=130, help="drawings that were reported")
    parser.add_argument("--set", nargs="*", default=[], help="try only this: a=1 b=2")
    args = parser.parse_args()
    measured = Measured(args)
    config = configs.get("head")
    trials: dict[str, tuple[dict[str, Any], bool]] = {
        "plain fine-tuning": (NOTHING, True),
        "without impressions": ({"impression_weight": 0.0}, True),
        "without distillation": ({"distil": 0.0}, True),
        "without L2-SP": ({"l2_sp": 0.0}, True),
        "the config": ({}, True),
        "plain, no anchors": (NOTHING, False),
        "the config, no anchors": ({}, False),
    }
    if args.set:
        changes = {key: json.loads(value) for key, value in (each.split("=") for each in args.set)}
        trials = {" ".join(args.set): (changes, True)}
    results = {"the champion": measured.figures(measured.start)}
    first = results["the champion"]
    names = [*first["recall"], *first["kept"], *(f"{each}, sure" for each in first["kept"])]
    print("| head | " + " | ".join(names) + " |\n" + "|---" * (len(names) + 1) + "|")
    print(line("the champion", results["the champion"]))
    for name, (changes, anchored) in trials.items():
        sides = measured.train, measured.validation
        train, validation = sides if anchored else map(without_anchors, sides)
        fitted = fit(replace(config, **changes), measured.start, train=train, validation=validation)
        results[name] = measured.figures(fitted.weights) | {"epoch": fitted.epoch}
        print(line(name, results[name]), flush=True)
    args.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
