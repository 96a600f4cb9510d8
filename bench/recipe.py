"""What each step of the recipe is worth, on a stand-in where everything can be measured.

    PYTHONPATH=. .venv/bin/python bench/recipe.py --openmoji node_modules/openmoji \
        --artifact var/artifacts/VERSION --work FOLDER --out recipe.json

About half an hour on two cores, once; killed, it goes on where it was. Five groups of OpenMoji are
the classes, clusters kept apart; the published model gives the base, the head is new and random.
5 % of the labels outside the audit split are made wrong. `clean` takes duplicates away; `review`
ranks the labels, and of the first 10 % of its list those that are wrong are put right, as a person
who looks at them would. Accuracy is on the audit split, of which nothing was learned or chosen.
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
from modeltrain.gate.paired import count_pairs, difference_interval
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import features, load_pixels
from modeltrain.training import article, configs

LOOKED_AT = 0.1


def told(stage, done, total, message):
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
        made = article.train(
            config,
            start=self.start,
            data=data,
            cache=self.cache,
            parent=self.work / "artifacts",
            progress=told,
        )
        return made.artifact

    def answers(self, model: artifact.Artifact, data: dataset.Dataset) -> list[quality.Answer]:
        classifier = Classifier(model)
        out = []
        for row in data.split("audit"):
            scores = classifier.classify(load_pixels(row.sha256, data.images)).scores
            probabilities = [scores[label] for label in data.labels]
            out.append(quality.Answer(row.sha256, row.source, row.label, probabilities))
        return out

    def cleaned_and_reviewed(self, dirty: dataset.Dataset) -> tuple[dataset.Dataset, dict]:
        planted = json.loads((dirty.path / "planted.json").read_text())
        folder = self.work / "clean"
        shutil.rmtree(folder, ignore_errors=True)
        classifier = Classifier(self.start)
        cleaned, excluded = clean.clean(
            dirty, folder, classifier=classifier, cache=self.cache, progress=told
        )
        rows = cleaned.split("train", "validation")
        image_features = features(rows, cleaned.images, classifier, self.cache)
        ranked = rank_labels(rows, image_features).labels
        top = [label.row.sha256 for label in ranked[: round(LOOKED_AT * len(ranked))]]
        right = {sha256: planted[sha256] for sha256 in top if sha256 in planted}
        shutil.rmtree(self.work / "reviewed", ignore_errors=True)
        reviewed = dataset.write(
            self.work / "reviewed",
            labels=cleaned.labels,
            rows=[replace(row, label=right.get(row.sha256, row.label)) for row in cleaned.rows],
            images=cleaned.images,
        )
        steps = {
            "left by clean": clean.count_by_reason(excluded),
            "looked at in review": len(top),
            "put right": len(right),
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
    found = {name: quality.measure(each, dirty.labels) for name, each in answers.items()}
    print(f"\n{json.dumps(steps)}\n\n| model | accuracy on {found['phase 1']['images']} images |")
    print("|---|---|")
    for name, each in found.items():
        at = each["accuracy"]
        print(f"| {name} | {at['rate']:.1%} ({at['low']:.1%} to {at['high']:.1%}) |")
    gains = {}
    for one, other in (
        ("phase 1", "phase 2"),
        ("phase 2", "phase 2 after cleaning and review"),
    ):
        gains[f"{one} to {other}"] = difference(answers[one], answers[other], dirty.labels)
        low, high = gains[f"{one} to {other}"]
        print(f"{one} to {other}: {low:+.1%} to {high:+.1%}, paired, 95 %")
    if args.out:
        result = {"steps": steps, "figures": found, "gains": gains}
        args.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


def difference(
    before: list[quality.Answer], after: list[quality.Answer], labels: tuple[str, ...]
) -> tuple[float, float]:
    """Return the interval of the gain in accuracy, on the same images."""

    def wrong(each: quality.Answer) -> bool:
        return labels[max(range(len(labels)), key=each.probabilities.__getitem__)] != each.label

    pairs = count_pairs(champion=list(map(wrong, before)), candidate=list(map(wrong, after)))
    low, high = difference_interval(pairs)  # of error rates
    return -high, -low


if __name__ == "__main__":
    main()
