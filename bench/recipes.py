"""The recipes compared on sources of images that none of them was tuned to.

    PYTHONPATH=. .venv/bin/python bench/recipes.py --data var/demo \
        --champion var/artifacts/VERSION --work FOLDER --out recipes.json

About five minutes on two cores, and half an hour with `--fine-tune`; both once features are
computed, which takes five minutes more. The data comes from `python -m modeltrain demo-data`.

Reports are OpenMoji drawings, anchors are Tux Paint's photographs. The head's config was chosen
while looking at these two packages only. Figures are on the drawings of Fluent Emoji, Twemoji and
Tux Paint, and on the photographs of GCompris, Lomiri, Palapeli and scikit-learn. No image of
`hentai`, `porn` or `sexy` is used: what is kept of them is measured on data impressions that were
not in any loss.
"""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from scipy.stats import binomtest

from bench import redistribution
from bench.audit_set import SOURCES
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.formatting import percent
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import compute_features, read_image_paths
from modeltrain.network import export
from modeltrain.training import configs
from modeltrain.training.data_impressions import Floats, Weights, head_probabilities, synthesize
from modeltrain.training.head import fit_head
from modeltrain.training.objective import Examples

REPORTED, ANCHORS = "OpenMoji", "Tux Paint stamps"
HELD_OUT_PER_CLASS = 400
Answer = Callable[[Floats], Floats]  # features → probabilities


def origin(row: Row) -> str:
    """Return the package that an image comes from."""
    return next(name for name in SOURCES if row.source.startswith(name))


class Comparison:
    """The images, their features, and the figures of anything that answers with probabilities."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.champion = artifact.load(args.champion)
        self.start: Weights = export.head_weights(self.champion.onnx)
        self.labels = self.champion.labels
        pool = manifest.read(args.data / "pool.jsonl")
        audit = manifest.read(args.data / "audit.jsonl")
        self.images = read_image_paths(args.data / "images.json")
        features = compute_features(
            [*pool, *audit], self.images, Classifier(self.champion), args.work / "cache"
        )
        self.features = {row.sha256: features[n] for n, row in enumerate([*pool, *audit])}
        drawings = [row for row in pool if origin(row) == REPORTED][: args.reports]
        photographs = [row for row in pool if row.label == "neutral" and origin(row) == ANCHORS]
        self.reported = {row.sha256 for row in drawings}
        self.learnt = [*drawings, *photographs]
        unseen_photographs = [
            row for row in pool if row.label == "neutral" and origin(row) != ANCHORS
        ]
        self.judged = [
            row for row in [*audit, *unseen_photographs] if self._name(row) not in self._tuned
        ]
        self.names = np.array([self._name(row) for row in self.judged])
        self.right = np.array([self.labels.index(row.label) for row in self.judged])
        self.impressions = synthesize(
            self.start,
            np.stack([self.features[row.sha256] for row in self.learnt]),
            target_classes=np.repeat(np.arange(len(self.labels)), HELD_OUT_PER_CLASS),
            steps=120,
            random_seed=4_000,
        )

    _tuned = (f"{REPORTED}, drawings", f"{ANCHORS}, neutral")

    @staticmethod
    def _name(row: Row) -> str:
        return f"{origin(row)}, {row.label}"

    def examples(self, split: str) -> Examples:
        rows = [row for row in self.learnt if row.split == split]
        return Examples(
            np.stack([self.features[row.sha256] for row in rows]),
            np.array([self.labels.index(row.label) for row in rows]),
            np.array([row.sha256 in self.reported for row in rows]),
        )

    def judged_features(self) -> Floats:
        return np.stack([self.features[row.sha256] for row in self.judged])

    def figures(self, probabilities: Floats, kept: Answer | None) -> dict[str, Any]:
        """Count right answers by source, and how many impressions keep the champion's class."""
        hits = probabilities.argmax(axis=1) == self.right
        before = head_probabilities(self.start, self.impressions).argmax(axis=1)
        after = kept(self.impressions).argmax(axis=1) if kept else None
        return {
            "hits": hits.tolist(),
            "kept": {
                label: float((after[before == n] == n).mean()) if after is not None else None
                for n, label in enumerate(self.labels)
            },
        }


def mcnemar(first: list[bool], second: list[bool], chosen: np.ndarray) -> tuple[int, int, float]:
    """Return how many only the first has right, how many only the second, and the exact p-value."""
    a, b = np.array(first)[chosen], np.array(second)[chosen]
    only_first, only_second = int((a & ~b).sum()), int((~a & b).sum())
    total = only_first + only_second
    p_value = binomtest(only_first, total).pvalue if total else 1.0
    return only_first, only_second, float(p_value)


def print_tables(comparison: Comparison, results: dict[str, dict[str, Any]]) -> None:
    sources = sorted(set(comparison.names), key=lambda name: (name.split(", ")[1], name))
    counts = {name: int((comparison.names == name).sum()) for name in sources}
    groups = {
        "all drawings": np.array([name.endswith("drawings") for name in comparison.names]),
        "all photographs": np.array([name.endswith("neutral") for name in comparison.names]),
    }
    columns = {name: comparison.names == name for name in sources} | groups
    kept = [label for label in comparison.labels if label not in ("drawings", "neutral")]
    titles = [f"{name} ({counts.get(name, int(mask.sum()))})" for name, mask in columns.items()]
    print("| | " + " | ".join([*titles, *(f"{label} kept" for label in kept)]) + " |")
    print("|---" * (1 + len(titles) + len(kept)) + "|")
    for recipe, figures in results.items():
        hits = np.array(figures["hits"])
        shares = [percent(hits[mask].mean()) for mask in columns.values()]
        shares += [
            "-" if figures["kept"][label] is None else percent(figures["kept"][label])
            for label in kept
        ]
        print(f"| {recipe} | " + " | ".join(shares) + " |", flush=True)
    for recipe, figures in results.items():
        if recipe == "head":
            continue
        for group, mask in groups.items():
            only_head, only_other, p_value = mcnemar(results["head"]["hits"], figures["hits"], mask)
            print(f"head against {recipe}, {group}: {only_head} to {only_other}, p = {p_value:.2g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("data", "champion", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--reports", type=int, default=120, help="drawings that were reported")
    args = parser.parse_args()
    comparison = Comparison(args)
    features, start = comparison.judged_features(), comparison.start
    train, validation = comparison.examples("train"), comparison.examples("validation")
    fitted = fit_head(configs.get("head"), start, train=train, validation=validation)
    split = redistribution.fit(
        train.features,
        train.classes,
        validation_features=validation.features,
        validation_classes=validation.classes,
    )
    middle = [(a + b) / 2 for a, b in zip(start, fitted.weights, strict=True)]
    answers: dict[str, Answer] = {
        "champion": lambda x: head_probabilities(start, x),
        "head": lambda x: head_probabilities(fitted.weights, x),
        "head, halfway": lambda x: head_probabilities(middle, x),
        "classes-with-data": lambda x: split.apply(head_probabilities(start, x), x),
    }
    results = {
        name: comparison.figures(answer(features), answer) for name, answer in answers.items()
    }
    print(f"learnt: {len(train.classes)} + {len(validation.classes)}; C = {split.strength}")
    print_tables(comparison, results)
    if args.out:
        args.out.write_text(json.dumps(results) + "\n")


if __name__ == "__main__":
    main()
