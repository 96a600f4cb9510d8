"""The gain from each step of the recipe, on a stand-in where everything can be measured.

    PYTHONPATH=. .venv/bin/python bench/recipe.py --openmoji node_modules/openmoji \
        --artifact var/artifacts/VERSION --work FOLDER --out recipe.json

About half an hour on two cores, once; if it is killed, run it again: it resumes. Five groups of
OpenMoji are the classes; clusters are never split. The published model provides the base, the head
is new and random. 5% of the labels outside the audit split are made wrong. `clean` removes
duplicates; `review` ranks the labels, and the wrong ones among the first 10% of its list are
corrected, as a person would who looks at them. Accuracy is on the audit split, on which nothing was
trained or chosen.
"""

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

from bench import stand_in
from modeltrain.audit import quality
from modeltrain.curate import clean
from modeltrain.curate.label_errors import rank_labels
from modeltrain.data import dataset
from modeltrain.formatting import interval, percent, points_interval
from modeltrain.gate.paired import count_pairs, difference_interval
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import compute_features, load_pixels
from modeltrain.training import article, configs

REVIEWED_SHARE = 0.1


def print_progress(stage, done, total, message):
    if done == total or stage.startswith("phase"):
        print(f"  {stage}: {message}", flush=True)


class Bench:
    def __init__(self, args: argparse.Namespace) -> None:
        self.start = artifact.load(args.artifact)
        self.work = args.work
        self.cache = args.work / "cache"

    def train(self, data: dataset.Dataset, *, phases: int) -> artifact.Artifact:
        config = configs.get("article")
        if phases == 1:
            config = replace(config, fine=replace(config.fine, epochs=0))
        result = article.train(
            config,
            start=self.start,
            data=data,
            cache=self.cache,
            parent=self.work / "artifacts",
            progress=print_progress,
        )
        return result.artifact

    def answers(self, model: artifact.Artifact, data: dataset.Dataset) -> list[quality.Answer]:
        classifier = Classifier(model)
        answers = []
        for row in data.split("audit"):
            scores = classifier.classify(load_pixels(row.sha256, data.images)).scores
            probabilities = [scores[label] for label in data.labels]
            answers.append(quality.Answer(row.sha256, row.source, row.label, probabilities))
        return answers

    def cleaned_and_reviewed(self, dirty: dataset.Dataset) -> tuple[dataset.Dataset, dict]:
        planted = json.loads((dirty.path / "planted.json").read_text())
        folder = self.work / "clean"
        shutil.rmtree(folder, ignore_errors=True)
        classifier = Classifier(self.start)
        cleaned, excluded = clean.clean(
            dirty, folder, classifier=classifier, cache=self.cache, progress=print_progress
        )
        rows = cleaned.split("train", "validation")
        image_features = compute_features(rows, cleaned.images, classifier, self.cache)
        ranked = rank_labels(rows, image_features).labels
        top = [label.row.sha256 for label in ranked[: round(REVIEWED_SHARE * len(ranked))]]
        corrections = {sha256: planted[sha256] for sha256 in top if sha256 in planted}
        shutil.rmtree(self.work / "reviewed", ignore_errors=True)
        reviewed = dataset.write(
            self.work / "reviewed",
            labels=cleaned.labels,
            rows=[
                replace(row, label=corrections.get(row.sha256, row.label)) for row in cleaned.rows
            ],
            images=cleaned.images,
        )
        steps = {
            "left by clean": clean.count_by_reason(excluded),
            "looked at in review": len(top),
            "put right": len(corrections),
            "wrong labels": len(planted),
        }
        return reviewed, steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("openmoji", "artifact", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    bench = Bench(args)
    folder = args.work / "dirty"
    if not (folder / dataset.MANIFEST_FILE).exists():
        stand_in.build(args.openmoji, folder, wrong_labels=0.05, seed=1)
    dirty = dataset.load(folder)
    reviewed, steps = bench.cleaned_and_reviewed(dirty)
    models = {
        "phase 1": bench.train(dirty, phases=1),
        "phase 2": bench.train(dirty, phases=2),
        "phase 1 after cleaning and review": bench.train(reviewed, phases=1),
        "phase 2 after cleaning and review": bench.train(reviewed, phases=2),
    }
    answers = {name: bench.answers(model, dirty) for name, model in models.items()}
    figures = {
        name: quality.measure(model_answers, dirty.labels)
        for name, model_answers in answers.items()
    }
    print(f"\n{json.dumps(steps)}\n\n| model | accuracy on {figures['phase 1']['images']} images |")
    print("|---|---|")
    for name, model_figures in figures.items():
        rate, low, high = (model_figures["accuracy"][key] for key in ("rate", "low", "high"))
        print(f"| {name} | {percent(rate)} ({interval(low, high)}) |")
    gains = {}
    for before, after in (
        ("phase 1", "phase 2"),
        ("phase 2", "phase 2 after cleaning and review"),
    ):
        low, high = difference(answers[before], answers[after], dirty.labels)
        gains[f"{before} to {after}"] = low, high
        print(f"{before} to {after}: {points_interval(low, high)} points, paired, 95%")
    if args.out:
        result = {"steps": steps, "figures": figures, "gains": gains}
        args.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


def difference(
    before: list[quality.Answer], after: list[quality.Answer], labels: tuple[str, ...]
) -> tuple[float, float]:
    """Return the interval of the gain in accuracy, on the same images."""

    def is_wrong(answer: quality.Answer) -> bool:
        best = max(range(len(labels)), key=answer.probabilities.__getitem__)
        return labels[best] != answer.label

    pairs = count_pairs(champion=list(map(is_wrong, before)), candidate=list(map(is_wrong, after)))
    low, high = difference_interval(pairs)  # of error rates
    return -high, -low


if __name__ == "__main__":
    main()
