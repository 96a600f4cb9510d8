"""The published model on the demo's audit set: who sees which mistakes, and in what kind of image.

    PYTHONPATH=. .venv/bin/python bench/audit_set.py --demo var/demo \
        --artifact var/artifacts/VERSION --work FOLDER

About two minutes on two cores, once; if it is killed, run it again: it resumes. Prints the first
tables of docs/first-audit.md. `--csv tests/modeltrain/demo/published_answers.csv` writes the
answers for the tests, which has to be done after every change to the set.
"""

import argparse
import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.first_audit import counts, rate_text, table
from modeltrain.audit import counterfactual, evaluate
from modeltrain.audit.evaluate import Predicted
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.labels import LABELS
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier

CHUNK = 100
AXES = ("medium", "subject", "skin_tone", "gender")
SOURCES = (
    "OpenMoji",
    "Twemoji",
    "Fluent Emoji",
    "Tux Paint stamps",
    "GCompris",
    "Lomiri wallpapers",
    "Palapeli",
    "scikit-learn",
)


def predict(args: argparse.Namespace, rows: list[Row]) -> list[Predicted]:
    """Classify every image, and save the predictions after each chunk."""
    path = args.work / "predictions.jsonl"
    predictions = evaluate.read_predictions(path) if path.exists() else []
    classified = {prediction.sha256 for prediction in predictions}
    remaining = [row for row in rows if row.sha256 not in classified]
    images = json.loads((args.demo / "images.json").read_text())
    classifier = Classifier(artifact.load(args.artifact))
    while remaining:
        chunk, remaining = remaining[:CHUNK], remaining[CHUNK:]
        predictions += evaluate.predict(classifier, chunk, images, lambda *_: None)
        evaluate.write_predictions(path, predictions)
        print(f"{len(predictions)} of {len(rows)} classified", flush=True)
    return predictions


def write_csv(path: Path, predictions: list[Predicted]) -> None:
    """Write the answers without anything that leads to an image."""
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["cluster", "label", *AXES, *LABELS])
        for answer in predictions:
            groups = [answer.groups.get(axis, "") for axis in AXES]
            scores = [f"{answer.scores[label]:.4g}" for label in LABELS]
            table.writerow([answer.cluster, answer.expected, *groups, *scores])


def print_rates(title: str, cells: Iterable[tuple[str, list[Predicted]]]) -> None:
    lines = []
    for name, predictions in cells:
        cell = evaluate.audit(predictions)["overall"]
        error, alarm = cell["error"], cell["false_alarm"]
        line = [name, str(cell["n"]), str(error["clusters"]), rate_text(error), counts(error)]
        lines.append([*line, rate_text(alarm), counts(alarm)])
    table([title, "images", "clusters", "wrong", "", "false alarms", ""], lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("demo", "artifact", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--csv", type=Path, help="file for the answers")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    rows = manifest.read(args.demo / "audit.jsonl")
    predicted = predict(args, rows)
    if args.csv:
        write_csv(args.csv, predicted)
    source_of = {row.sha256: row.source for row in rows}

    def chosen(is_wanted: Callable[[Predicted], bool]) -> list[Predicted]:
        return [answer for answer in predicted if is_wanted(answer)]

    by_source = []
    for label in ("drawings", "neutral"):
        for source in SOURCES:
            of_source = chosen(
                lambda answer, label=label, source=source: (
                    answer.expected == label and source_of[answer.sha256].startswith(source)
                )
            )
            if of_source:
                by_source.append((f"{source}, {label}", of_source))
    print_rates("source", [("all images", predicted), *by_source])
    for axis, values in evaluate.audit(predicted)["groups"].items():
        cells = [
            (value, chosen(lambda answer, value=value, axis=axis: answer.groups.get(axis) == value))
            for value in values
        ]
        cells.append(("not stated", chosen(lambda answer, axis=axis: axis not in answer.groups)))
        print_rates(axis, [cell for cell in cells if cell[1]])

    compared = counterfactual.compare_sets(predicted, counterfactual.find_counterparts(rows))
    table(
        ["sets that differ in", "sets", "images", "not all get the same label", "side changes"],
        [
            [
                axis.replace("_", " "),
                str(comparison["sets"]),
                str(comparison["images"]),
                f"{rate_text(comparison['flips'])}, {counts(comparison['flips'])}",
                f"{rate_text(comparison['flags'])}, {counts(comparison['flags'])}",
            ]
            for axis, comparison in compared.items()
        ],
    )
    for axis, comparison in compared.items():
        table(
            [axis.replace("_", " "), "images", "NSFW score compared with the rest of the set"],
            [
                [
                    value,
                    str(effect["n"]),
                    f"{effect['shift']:+.4f} ({effect['low']:+.4f} to {effect['high']:+.4f})",
                ]
                for value, effect in comparison["values"].items()
            ],
        )


if __name__ == "__main__":
    main()
