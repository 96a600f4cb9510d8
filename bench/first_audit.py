"""The published model on every image of OpenMoji and Tux Paint that the demo could use.

    PYTHONPATH=. .venv/bin/python bench/first_audit.py --openmoji node_modules/openmoji \
        --debian var/packages --artifact var/artifacts/VERSION --work FOLDER --out first-audit.json

About ten minutes on two cores, once; if it is killed, run it again: it resumes. Prints the later
tables of docs/first-audit.md. The model was not trained on any of these images.
"""

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from modeltrain.audit import counterfactual, evaluate
from modeltrain.audit.counterfactual import CounterpartSet
from modeltrain.audit.evaluate import nsfw_score
from modeltrain.audit.fairness import mean_interval
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.demo import build, packages, sources
from modeltrain.formatting import interval, percent
from modeltrain.labels import NSFW
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier

CHANGED = 300  # images that are also changed in seven ways
CHUNK = 200


class FirstAudit:
    def __init__(self, args: argparse.Namespace) -> None:
        self.work = args.work
        (self.work / "images").mkdir(parents=True, exist_ok=True)
        self.classifier = Classifier(artifact.load(args.artifact))
        debian = packages.fetch(args.debian, [build.STAMPS])
        entries = list(sources.openmoji_drawings(args.openmoji))
        sets = sources.find_counterparts(entries)
        if debian:
            stamps = debian[build.STAMPS] / build.STAMPS_PATH
            entries += sources.tuxpaint_drawings(stamps)
            entries += sources.tuxpaint_photographs(stamps)
        self.rows, self.images, hashes = {}, {}, {}
        with ThreadPoolExecutor() as threads:
            for entry, rendered in zip(
                entries, threads.map(build.render_image, entries), strict=True
            ):
                if rendered is None:
                    continue
                sha256, png = rendered
                hashes[entry.source] = sha256
                self.images[sha256] = self.work / "images" / f"{sha256}.png"
                self.images[sha256].write_bytes(png)
                label = "neutral" if entry.is_photograph else "drawings"
                row = Row(sha256, label, entry.groups, "audit", entry.source, entry.cluster)
                self.rows.setdefault(sha256, row)
        manifest.write(self.work / "audit.jsonl", list(self.rows.values()))
        self.sets = []
        for (axis, name), values in sets.items():
            images = {v: hashes[p.source] for v, p in values.items() if p.source in hashes}
            if len(set(images.values())) == len(values):  # identical images are no counterparts
                self.sets.append(CounterpartSet(axis, name, images))
        counterfactual.write_sets(self.work / "sets.jsonl", self.sets)

    def predicted(self) -> list[evaluate.Predicted]:
        """Classify every image, and save the predictions after each chunk."""
        path = self.work / "predictions.jsonl"
        predictions = evaluate.read_predictions(path) if path.exists() else []
        classified = {prediction.sha256 for prediction in predictions}
        remaining = [row for sha256, row in sorted(self.rows.items()) if sha256 not in classified]
        while remaining:
            chunk, remaining = remaining[:CHUNK], remaining[CHUNK:]
            predictions += evaluate.predict(self.classifier, chunk, self.images, lambda *_: None)
            evaluate.write_predictions(path, predictions)
            print(f"{len(predictions)} of {len(self.rows)} classified", flush=True)
        return predictions


def table(head: list[str], lines: list[list[str]]) -> None:
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for line in lines:
        print(f"| {' | '.join(line)} |", flush=True)


def rate_text(rate: dict) -> str:
    if rate["rate"] is None:
        return "no data"
    return f"{percent(rate['rate'])} ({interval(rate['low'], rate['high'])})"


def counts(rate: dict) -> str:
    return f"{rate['count']:,} of {rate['n']:,}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("openmoji", "debian", "artifact", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    audit = FirstAudit(args)
    predicted = audit.predicted()
    figures = evaluate.audit(predicted)

    lines = []
    sources = {sha: row.source.split()[0] for sha, row in audit.rows.items()}
    for title, chosen in (
        ("flat vector, OpenMoji", ("drawings", "OpenMoji")),
        ("flat vector, Tux Paint", ("drawings", "Tux")),
        ("photograph, Tux Paint", ("neutral", "Tux")),
    ):
        chosen_predictions = [p for p in predicted if (p.expected, sources[p.sha256]) == chosen]
        cell = evaluate.audit(chosen_predictions)["overall"]
        right = cell["error"] | {
            "count": cell["n"] - cell["error"]["count"],
            "rate": None if not cell["n"] else 1 - cell["error"]["rate"],
            "low": 1 - cell["error"]["high"] if cell["n"] else None,
            "high": 1 - cell["error"]["low"] if cell["n"] else None,
        }
        line = [title, chosen[0], rate_text(right), counts(right), str(cell["error"]["clusters"])]
        lines.append([*line, rate_text(cell["false_alarm"]), counts(cell["false_alarm"])])
    head = ["medium", "label", "recall", "right", "clusters", "false alarms", "called NSFW"]
    table(head, lines)

    lines, subjects = [], {}
    for subject in ("person", "hand", "other"):
        of_subject = [p for p in predicted if p.groups.get("subject") == subject]
        scores = [nsfw_score(p.scores) for p in of_subject]
        clusters = [p.cluster for p in of_subject]
        low, high = mean_interval(scores, clusters)
        alarm = evaluate.audit(of_subject)["overall"]["false_alarm"]
        mean = sum(scores) / len(scores)
        subjects[subject] = {"mean": mean, "low": low, "high": high, "false_alarm": alarm}
        mean_text = f"{mean:.3f} ({low:.3f} to {high:.3f})"
        line = [subject, f"{len(of_subject):,}", str(len(set(clusters))), mean_text]
        lines.append([*line, rate_text(alarm), counts(alarm)])
    head = ["subject", "drawings", "clusters", "mean NSFW score", "false alarms", "called NSFW"]
    table(head, lines)

    given = counterfactual.compare_sets(predicted, audit.sets)
    for axis, comparison in given.items():
        print(f"\n{axis}: {comparison['sets']:,} sets, {comparison['images']:,} images")
        table(
            ["within a set", "share of sets", "sets"],
            [
                [
                    "not all get the same label",
                    rate_text(comparison["flips"]),
                    counts(comparison["flips"]),
                ],
                [
                    "some are called NSFW, some not",
                    rate_text(comparison["flags"]),
                    counts(comparison["flags"]),
                ],
            ],
        )
        table(
            ["value", "images", "NSFW score, from the rest of the set"],
            [
                [v, f"{e['n']:,}", f"{e['shift']:+.4f} ({e['low']:+.4f} to {e['high']:+.4f})"]
                for v, e in comparison["values"].items()
            ],
        )
        table(
            ["farthest apart", *comparison["values"]],
            [
                [
                    worst_set["name"],
                    *(
                        next(
                            f"{i['label']}, {i['nsfw_score']:.2f}"
                            for i in worst_set["images"]
                            if i["value"] == value
                        )
                        if any(i["value"] == value for i in worst_set["images"])
                        else "–"
                        for value in comparison["values"]
                    ),
                ]
                for worst_set in comparison["worst"][:3]
            ],
        )

    ordered = sorted(audit.rows.values(), key=lambda row: row.sha256)[:CHANGED]
    path = args.work / "changed.json"
    if path.exists():
        changed = json.loads(path.read_text())
    else:
        changed = counterfactual.compare_changes(
            audit.classifier, ordered, audit.images, lambda *_: None
        )
        path.write_text(json.dumps(changed))
    table(
        ["change", "images", "label changes", "side changes", "NSFW score"],
        [
            [
                name,
                str(effect["images"]),
                rate_text(effect["flips"]),
                rate_text(effect["flags"]),
                f"{effect['shift']['shift']:+.4f} "
                f"({effect['shift']['low']:+.4f} to {effect['shift']['high']:+.4f})",
            ]
            for name, effect in changed.items()
        ],
    )
    if args.out:
        whole = {"figures": figures, "subjects": subjects, "given": given, "made": changed}
        args.out.write_text(json.dumps(whole, indent=2) + "\n")
    assert not {e.expected for e in predicted} & NSFW  # no image here is explicit


if __name__ == "__main__":
    main()
