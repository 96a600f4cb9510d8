"""What happens to two classes of five that get no new images, with and without the guard.

    PYTHONPATH=. .venv/bin/python bench/forgetting_classes.py --openmoji node_modules/openmoji \
        --artifact var/artifacts/VERSION --work FOLDER --out forgetting-classes.json

About five minutes on two cores. Five groups of OpenMoji are the classes. The champion's head learns
all five from half of the training clusters. From the other half, three classes come in as reports;
the other two get none, and every pair is left out once. Unlike the published model's classes, all
five have real images to measure on: recall is on the audit split.
"""

import argparse
import json
from collections import defaultdict
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from bench import stand_in
from bench.forgetting import NOTHING
from modeltrain.data import dataset, manifest
from modeltrain.data.manifest import Row
from modeltrain.formatting import percent
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import compute_features
from modeltrain.network import export
from modeltrain.training import article, configs
from modeltrain.training.data_impressions import head_probabilities
from modeltrain.training.head import fit_head
from modeltrain.training.objective import Examples


def is_old(row: Row) -> bool:
    """Return whether the champion is trained on an image's cluster."""
    split = manifest.split_of(f"old or new: {row.cluster}", audit_share=0.5, validation_share=0)
    return split == "audit"


class Bench:
    def __init__(self, args: argparse.Namespace) -> None:
        folder = args.work / "set"
        if not (folder / dataset.MANIFEST_FILE).exists():
            stand_in.build(args.openmoji, folder)
        self.data = dataset.load(folder)
        start = artifact.load(args.artifact)
        features = compute_features(
            self.data.rows, self.data.images, Classifier(start), args.work / "cache"
        )
        self.features = {row.sha256: features[n] for n, row in enumerate(self.data.rows)}
        old = args.work / "old"
        if not (old / dataset.MANIFEST_FILE).exists():
            rows = [row for row in self.data.rows if row.split == "audit" or is_old(row)]
            dataset.write(old, labels=self.data.labels, rows=rows, images=self.data.images)
        champion = article.train(
            configs.get("article", ["fine.epochs=0"]),
            start=start,
            data=dataset.load(old),
            cache=args.work / "cache",
            parent=args.work / "artifacts",
        ).artifact
        self.champion = export.head_weights(champion.onnx)

    def examples(self, split: str, classes: set[str]) -> Examples:
        rows = [row for row in self.data.split(split) if row.label in classes and not is_old(row)]
        return Examples(
            np.stack([self.features[row.sha256] for row in rows]),
            np.array([self.data.labels.index(row.label) for row in rows]),
            np.ones(len(rows), dtype=bool),
        )

    def recall(self, weights: list[np.ndarray]) -> dict[str, float]:
        rows = self.data.split("audit")
        features = np.stack([self.features[row.sha256] for row in rows])
        predicted = head_probabilities(weights, features).argmax(axis=1)
        correct = defaultdict(list)
        for row, index in zip(rows, predicted, strict=True):
            correct[row.label].append(self.data.labels[int(index)] == row.label)
        return {label: float(np.mean(correct[label])) for label in self.data.labels}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("openmoji", "artifact", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    bench = Bench(args)
    config = configs.get("head")
    heads = {"plain fine-tuning": replace(config, **NOTHING), "with the guard": config}
    before = bench.recall(bench.champion)
    results = []
    for left_out in combinations(bench.data.labels, 2):
        reported = set(bench.data.labels) - set(left_out)
        train, validation = (bench.examples(split, reported) for split in ("train", "validation"))
        for name, head_config in heads.items():
            fitted = fit_head(head_config, bench.champion, train=train, validation=validation)
            after = bench.recall(fitted.weights)
            results.append({"left out": left_out, "head": name, "recall": after})
            print(
                left_out, name, {key: round(value, 2) for key, value in after.items()}, flush=True
            )
    print("\n| | classes without new images | classes with new images |\n|---|---|---|")
    accuracy = percent(np.mean(list(before.values())))
    print(f"| before | {accuracy} | {accuracy} |")
    for name in heads:
        trials = [trial for trial in results if trial["head"] == name]
        left_out = [t["recall"][label] for t in trials for label in t["left out"]]
        reported = [
            t["recall"][label]
            for t in trials
            for label in bench.data.labels
            if label not in t["left out"]
        ]
        print(f"| {name} | {percent(np.mean(left_out))} | {percent(np.mean(reported))} |")
    if args.out:
        args.out.write_text(json.dumps({"before": before, "after": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
