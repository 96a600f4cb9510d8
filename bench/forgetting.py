"""What a retrained head learns and what it forgets, with each part of the loss left out in turn.

    .venv/bin/python bench/forgetting.py --data var/demo --champion var/artifacts/VERSION \
        --cache var/features --out forgetting.json

About four minutes on two cores once the features are cached, five more before. The data comes from
`python -m modeltrain demo-data`. A fixed number of the pool's drawings serve as reports and the
pool's photographs as anchors; figures are on the audit set, which is never trained on.

No image of `hentai`, `porn` or `sexy` is used. What the head keeps of these classes is measured on
data impressions that were not in the loss. To show whether impressions can stand in for images, the
rows that end in "no anchors" leave the photographs out of training: then `neutral` is a class that
nobody reported, and for that class there are real images to measure on.
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

from bench.audit_set import SOURCES
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import compute_features, read_image_paths
from modeltrain.network import export
from modeltrain.training import configs
from modeltrain.training.data_impressions import Weights, agreement, head_probabilities, synthesize
from modeltrain.training.head import fit_head
from modeltrain.training.objective import Examples

NOTHING = {"impression_weight": 0.0, "distil": 0.0, "l2_sp": 0.0, "dropout": (0.5, 0.25)}
HELD_OUT_SEED = 4_000
HELD_OUT_PER_CLASS = 400
SURE = 0.8  # "sure" counts only impressions to which the champion gives at least this probability


class Measurements:
    """Computes the features once, and then the figures of any head."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.champion = artifact.load(args.champion)
        self.start: Weights = export.head_weights(self.champion.onnx)
        pool = manifest.read(args.data / "pool.jsonl")
        drawings = [row for row in pool if row.label == "drawings"][: args.reports]
        photographs = [row for row in pool if row.label == "neutral"]
        self.audit = manifest.read(args.data / "audit.jsonl")
        rows = [*drawings, *photographs, *self.audit]
        classifier = Classifier(self.champion)
        images = read_image_paths(args.data / "images.json")
        features = compute_features(rows, images, classifier, args.cache)
        self.features = {row.sha256: features[n] for n, row in enumerate(rows)}
        reported = {row.sha256 for row in drawings}
        self.train = self.examples([*drawings, *photographs], "train", reported)
        self.validation = self.examples([*drawings, *photographs], "validation", reported)
        labels = self.champion.labels
        self.impressions = synthesize(
            self.start,
            self.validation.features,
            target_classes=np.repeat(np.arange(len(labels)), HELD_OUT_PER_CLASS),
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
        """Recall on audit images by kind, and the share of impressions whose class is unchanged."""
        correct: dict[str, list[bool]] = {}
        probabilities = head_probabilities(
            weights, np.stack([self.features[row.sha256] for row in self.audit])
        )
        for row, scores in zip(self.audit, probabilities, strict=True):
            is_correct = self.champion.labels[int(scores.argmax())] == row.label
            correct.setdefault(f"{row.label}, {origin(row)}", []).append(is_correct)
        labels = self.champion.labels
        certainty = head_probabilities(self.start, self.impressions).max(axis=1)
        sure = self.impressions[certainty >= SURE]
        return {
            "recall": {name: float(np.mean(flags)) for name, flags in sorted(correct.items())},
            "images": {name: len(flags) for name, flags in sorted(correct.items())},
            "kept": agreement(self.start, weights, self.impressions, labels),
            "kept where sure": agreement(self.start, weights, sure, labels),
        }


def origin(row: Row) -> str:
    """Return the collection that an image comes from."""
    return next(name for name in SOURCES if row.source.startswith(name))


def without_anchors(examples: Examples) -> Examples:
    reported = examples.reported
    return Examples(examples.features[reported], examples.classes[reported], reported[reported])


def table_row(name: str, figures: Mapping[str, Any]) -> str:
    parts = ("recall", "kept", "kept where sure")
    shares = [share for part in parts for share in figures[part].values()]
    cells = " | ".join("-" if share is None else f"{share:.3f}" for share in shares)
    return f"| {name} | {cells} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("data", "champion", "cache", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--reports", type=int, default=130, help="drawings that were reported")
    parser.add_argument("--set", nargs="*", default=[], help="try only these changes: a=1 b=2")
    args = parser.parse_args()
    measurements = Measurements(args)
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
        pairs = (change.split("=") for change in args.set)
        changes = {key: json.loads(value) for key, value in pairs}
        trials = {" ".join(args.set): (changes, True)}
    results = {"the champion": measurements.figures(measurements.start)}
    first = results["the champion"]
    names = [*first["recall"], *first["kept"], *(f"{label}, sure" for label in first["kept"])]
    print("| head | " + " | ".join(names) + " |\n" + "|---" * (len(names) + 1) + "|")
    print(table_row("the champion", results["the champion"]))
    for name, (changes, anchored) in trials.items():
        splits = measurements.train, measurements.validation
        train, validation = splits if anchored else map(without_anchors, splits)
        fitted = fit_head(
            replace(config, **changes), measurements.start, train=train, validation=validation
        )
        results[name] = measurements.figures(fitted.weights) | {"epoch": fitted.epoch}
        print(table_row(name, results[name]), flush=True)
    args.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
