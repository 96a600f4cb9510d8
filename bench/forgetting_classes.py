"""What becomes of two classes of five that get no new images, with and without the guard.

    PYTHONPATH=. .venv/bin/python bench/forgetting_classes.py --openmoji node_modules/openmoji \
        --artifact var/artifacts/VERSION --work FOLDER --out forgetting-classes.json

About five minutes on two cores. Five groups of OpenMoji are the classes. The champion's head learns
all five from half of the training clusters. Of the other half, three classes come in as reports,
and the two that are left out get none; each pair is left out once. Unlike the published model's
classes, all five have real images to measure on: recall is on the audit split.
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
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import features
from modeltrain.network import export
from modeltrain.training import article, configs
from modeltrain.training.head import fit
from modeltrain.training.impressions import answer
from modeltrain.training.objective import Examples


def is_old(row: Row) -> bool:
    """Say whether the champion learned from an image's cluster."""
    side = manifest.split_of(f"old or new: {row.cluster}", audit_share=0.5, validation_share=0)
    return side == "audit"


class Bench:
    def __init__(self, args: argparse.Namespace) -> None:
        folder = args.work / "set"
        if not (folder / dataset.MANIFEST_FILE).exists():
            stand_in.build(args.openmoji, folder)
        self.data = dataset.load(folder)
        start = artifact.load(args.artifact)
        known = features(self.data.rows, self.data.images, Classifier(start), args.work / "cache")
        self.features = {row.sha256: known[at] for at, row in enumerate(self.data.rows)}
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
        said = answer(weights, np.stack([self.features[row.sha256] for row in rows])).argmax(axis=1)
        right = defaultdict(list)
        for row, place in zip(rows, said, strict=True):
            right[row.label].append(self.data.labels[int(place)] == row.label)
        return {label: float(np.mean(right[label])) for label in self.data.labels}


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
        new = set(bench.data.labels) - set(left_out)
        train, validation = (bench.examples(split, new) for split in ("train", "validation"))
        for name, each in heads.items():
            fitted = fit(each, bench.champion, train=train, validation=validation)
            after = bench.recall(fitted.weights)
            results.append({"left out": left_out, "head": name, "recall": after})
            print(
                left_out, name, {key: round(value, 2) for key, value in after.items()}, flush=True
            )
    print("\n| | classes without new images | classes with new images |\n|---|---|---|")
    print(
        f"| before | {np.mean(list(before.values())):.1%} | {np.mean(list(before.values())):.1%} |"
    )
    for name in heads:
        of_head = [each for each in results if each["head"] == name]
        kept = [each["recall"][label] for each in of_head for label in each["left out"]]
        learned = [
            each["recall"][label]
            for each in of_head
            for label in bench.data.labels
            if label not in each["left out"]
        ]
        print(f"| {name} | {np.mean(kept):.1%} | {np.mean(learned):.1%} |")
    if args.out:
        args.out.write_text(json.dumps({"before": before, "after": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
