"""A retrained head, and a new division of what the old one answers, on sources nobody tuned to.

    PYTHONPATH=. .venv/bin/python bench/unseen_sources.py --data var/demo \
        --champion var/artifacts/VERSION --cache var/features --out unseen-sources.json

About six minutes on two cores once the features are cached, four more before. The data comes from
`python -m modeltrain demo-data`.

Drawings of one package are reported, photographs of another are the anchors, and figures are on the
drawings and photographs of all other packages. Each of six pairs of packages is learnt from once.

A division leaves the champion's head as it is. The probability that the head gives to drawings and
neutral together is divided anew between these two, by a logistic regression on the features that
weighs both classes alike. The probabilities of `hentai`, `porn` and `sexy` stay the same, bit for
bit; whether they are the highest may still change. C is the inverse strength of its penalty. The
division with the lowest loss on validation images is compared with the head, image by image.

No image of `hentai`, `porn` or `sexy` is used. What is kept of them is measured on data impressions
that were in no loss: the share of those to which the champion gives one of the three, and that
still get it.
"""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.linear_model import LogisticRegression

from bench.forgetting import origin
from modeltrain.audit.fairness import effective_sample_size
from modeltrain.data import manifest
from modeltrain.formatting import percent, points, points_interval
from modeltrain.gate.paired import count_pairs, difference_interval
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import compute_features, read_image_paths
from modeltrain.network import export
from modeltrain.training import configs
from modeltrain.training.configs.head import HeadConfig
from modeltrain.training.data_impressions import Floats, Weights, head_probabilities, synthesize
from modeltrain.training.head import fit_head
from modeltrain.training.objective import Examples

REPORTED = ("OpenMoji", "Twemoji", "Fluent Emoji")
ANCHORS = ("Tux Paint stamps", "GCompris")
STRENGTHS = (0.1, 1.0, 10.0, 100.0)
WITH_IMAGES = ("drawings", "neutral")
HELD_OUT_PER_CLASS = 400
VALIDATION_EVERY = 5

Answer = Callable[[Floats], Floats]  # features → probabilities


def divide(champion: Weights, learnt: Examples, strength: float) -> Answer:
    """Fit a division between the classes that have images."""
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=5_000)
    model.fit(learnt.features.astype(np.float64), learnt.classes)

    def answer(features: Floats) -> Floats:
        probabilities = head_probabilities(champion, features)
        together = probabilities[:, model.classes_].sum(axis=1, keepdims=True)
        probabilities[:, model.classes_] = together * model.predict_proba(features)
        return probabilities

    return answer


class Images:
    """Every image of the data, with its features."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.champion = artifact.load(args.champion)
        self.start: Weights = export.head_weights(self.champion.onnx)
        rows = [*manifest.read(args.data / "pool.jsonl"), *manifest.read(args.data / "audit.jsonl")]
        paths = read_image_paths(args.data / "images.json")
        self.features = compute_features(rows, paths, Classifier(self.champion), args.cache)
        self.sources = np.array([origin(row) for row in rows])
        self.labels = np.array([row.label for row in rows])
        self.clusters = np.array([row.cluster for row in rows])
        self.classes = np.array([self.champion.labels.index(row.label) for row in rows])
        self.is_audit = np.array([row.split == "audit" for row in rows])
        self.limit: int = args.reports

    def learnt(self, reported: str, anchors: str) -> tuple[Examples, Examples]:
        """Choose what is learnt from, and every fifth image of it for validation."""
        (drawings,) = np.nonzero((self.sources == reported) & (self.labels == "drawings"))
        drawings = np.random.default_rng(1).permutation(drawings)[: self.limit]
        is_anchor = (self.sources == anchors) & (self.labels == "neutral") & ~self.is_audit
        places = np.concatenate([drawings, np.nonzero(is_anchor)[0]])
        is_validation = np.arange(len(places)) % VALIDATION_EVERY == 0

        def examples(chosen: np.ndarray) -> Examples:
            return Examples(self.features[chosen], self.classes[chosen], np.isin(chosen, drawings))

        return examples(places[~is_validation]), examples(places[is_validation])

    def judged(self, reported: str, anchors: str) -> dict[str, np.ndarray]:
        """Choose the images of all other sources: drawings, and photographs."""
        return {
            "drawings": (self.labels == "drawings") & (self.sources != reported),
            "photographs": (self.labels == "neutral") & (self.sources != anchors),
        }

    def gain(self, chosen: np.ndarray, before: np.ndarray, after: np.ndarray) -> str:
        """Write how many more of some images are right, with an interval that knows of clusters."""
        effective = effective_sample_size(
            before[chosen].astype(float) - after[chosen], self.clusters[chosen]
        )
        pairs = count_pairs(champion=~before[chosen], candidate=~after[chosen])
        interval = difference_interval(pairs, effective=effective)
        assert interval is not None
        gain = (pairs.champion_wrong - pairs.candidate_wrong) / pairs.n
        return f"{points(gain)} points ({points_interval(-interval[1], -interval[0])})"

    def compare(self, config: HeadConfig, reported: str, anchors: str) -> dict[str, Any]:
        """Learn from one pair of sources, and print the figures on the others."""
        train, validation = self.learnt(reported, anchors)
        parts = ("features", "classes", "reported")
        learnt = Examples(
            *(np.concatenate([getattr(train, name), getattr(validation, name)]) for name in parts)
        )
        losses = {
            strength: loss_of(divide(self.start, train, strength), validation)
            for strength in STRENGTHS
        }
        best = min(STRENGTHS, key=lambda strength: losses[strength])
        fitted = fit_head(config, self.start, train=train, validation=validation)
        answers: dict[str, Answer] = {
            "champion": lambda features: head_probabilities(self.start, features),
            "head": lambda features: head_probabilities(fitted.weights, features),
        }
        for strength in STRENGTHS:
            answers[f"divided, C = {strength:g}"] = divide(self.start, learnt, strength)
        held_out = synthesize(
            self.start,
            learnt.features,
            target_classes=np.repeat(np.arange(len(self.champion.labels)), HELD_OUT_PER_CLASS),
            steps=120,
            random_seed=4_000,
        )
        class_before = head_probabilities(self.start, held_out).argmax(axis=1)
        judged = self.judged(reported, anchors)
        counts = [f"{name} ({chosen.sum()})" for name, chosen in judged.items()]
        others = [n for n, label in enumerate(self.champion.labels) if label not in WITH_IMAGES]
        print(f"\nReports: {reported}; anchors: {anchors}; learnt from {len(learnt.classes)}.\n")
        print(f"| | {' | '.join(counts)} | hentai | porn | sexy |\n|---|---|---|---|---|---|")
        correct, shares = {}, {}
        for name, answer in answers.items():
            correct[name] = answer(self.features).argmax(axis=1) == self.classes
            same = answer(held_out).argmax(axis=1) == class_before
            shares[name] = [float(correct[name][chosen].mean()) for chosen in judged.values()]
            shares[name] += [float(same[class_before == n].mean()) for n in others]
            print(f"| {name} | {' | '.join(map(percent, shares[name]))} |", flush=True)
        print(f"\nC = {best:g} has the lowest loss on validation images. Against `head`:")
        for name, chosen in judged.items():
            gain = self.gain(chosen, correct["head"], correct[f"divided, C = {best:g}"])
            print(f"- {name}: {gain}", flush=True)
        return {"shares": shares, "losses": losses}


def loss_of(answer: Answer, examples: Examples) -> float:
    """Return the mean cross-entropy between the classes with images, which count the same."""
    present = np.unique(examples.classes)
    shares = answer(examples.features)[:, present]
    shares = shares / shares.sum(axis=1, keepdims=True)
    places = np.searchsorted(present, examples.classes)
    losses = -np.log(shares[np.arange(len(places)), places])
    return float(np.mean([losses[places == n].mean() for n in range(len(present))]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("data", "champion", "cache"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--reports", type=int, default=120, help="drawings that were reported")
    args = parser.parse_args()
    images, config = Images(args), configs.get("head")
    results = {
        f"{reported}; {anchors}": images.compare(config, reported, anchors)
        for anchors in ANCHORS
        for reported in REPORTED
    }
    if args.out:
        args.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
