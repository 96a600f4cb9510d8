"""The published model's first audit, on every harmless picture of two packages.

    PYTHONPATH=. .venv/bin/python bench/first_audit.py --openmoji node_modules/openmoji \
        --stamps var/stamps --artifact var/artifacts/VERSION --work FOLDER --out first-audit.json

About ten minutes on two cores, once; killed, it goes on where it was. Prints the tables of
docs/first-audit.md. The model has learned from none of these pictures.
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
from modeltrain.demo import build, sources
from modeltrain.labels import NSFW
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier

CHANGED = 300  # images that are also changed in seven ways
CHUNK = 200


class Audit:
    def __init__(self, args: argparse.Namespace) -> None:
        self.work = args.work
        (self.work / "images").mkdir(parents=True, exist_ok=True)
        self.classifier = Classifier(artifact.load(args.artifact))
        stamps = build.fetch_stamps(args.stamps)
        pictures = list(sources.openmoji_drawings(args.openmoji))
        sets = sources.counterparts(pictures)
        if stamps is not None:
            pictures += sources.tuxpaint_drawings(stamps)
            pictures += sources.photographs(stamps)
        self.rows, self.images, hashes = {}, {}, {}
        with ThreadPoolExecutor() as threads:
            for picture, drawn in zip(pictures, threads.map(build.draw, pictures), strict=True):
                if drawn is None:
                    continue
                sha256, png = drawn
                hashes[picture.source] = sha256
                self.images[sha256] = self.work / "images" / f"{sha256}.png"
                self.images[sha256].write_bytes(png)
                label = "neutral" if picture.is_photograph else "drawings"
                row = Row(sha256, label, picture.groups, "audit", picture.source, picture.cluster)
                self.rows.setdefault(sha256, row)
        manifest.write(self.work / "audit.jsonl", list(self.rows.values()))
        self.sets = []
        for (axis, name), values in sets.items():
            found = {v: hashes[p.source] for v, p in values.items() if p.source in hashes}
            if len(set(found.values())) == len(values):  # drawn alike, they are no counterparts
                self.sets.append(CounterpartSet(axis, name, found))
        counterfactual.write_sets(self.work / "sets.jsonl", self.sets)

    def predicted(self) -> list[evaluate.Predicted]:
        """Answers to every image, kept as they come."""
        kept = self.work / "predictions.jsonl"
        known = evaluate.read_predictions(kept) if kept.exists() else []
        done = {each.sha256 for each in known}
        left = [row for sha256, row in sorted(self.rows.items()) if sha256 not in done]
        while left:
            chunk, left = left[:CHUNK], left[CHUNK:]
            known += evaluate.predict(self.classifier, chunk, self.images, lambda *_: None)
            evaluate.write_predictions(kept, known)
            print(f"{len(known)} of {len(self.rows)} classified", flush=True)
        return known


def table(head: list[str], lines: list[list[str]]) -> None:
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for line in lines:
        print(f"| {' | '.join(line)} |", flush=True)


def said(rate: dict) -> str:
    if rate["rate"] is None:
        return "no data"
    return f"{rate['rate']:.1%} ({rate['low']:.1%} to {rate['high']:.1%})".replace("%", " %")


def counts(rate: dict) -> str:
    return f"{rate['count']:,} of {rate['n']:,}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("openmoji", "stamps", "artifact", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    audit = Audit(args)
    predicted = audit.predicted()
    figures = evaluate.audit(predicted)

    lines = []
    sources = {sha: row.source.split()[0] for sha, row in audit.rows.items()}
    for title, chosen in (
        ("flat vector, OpenMoji", ("drawings", "OpenMoji")),
        ("flat vector, Tux Paint", ("drawings", "Tux")),
        ("photograph, Tux Paint", ("neutral", "Tux")),
    ):
        some = [e for e in predicted if (e.expected, sources[e.sha256]) == chosen]
        cell = evaluate.audit(some)["overall"]
        right = cell["error"] | {
            "count": cell["n"] - cell["error"]["count"],
            "rate": None if not cell["n"] else 1 - cell["error"]["rate"],
            "low": 1 - cell["error"]["high"] if cell["n"] else None,
            "high": 1 - cell["error"]["low"] if cell["n"] else None,
        }
        line = [title, chosen[0], said(right), counts(right), str(cell["error"]["clusters"])]
        lines.append([*line, said(cell["false_alarm"]), counts(cell["false_alarm"])])
    head = ["medium", "label", "recall", "right", "clusters", "false alarms", "called NSFW"]
    table(head, lines)

    lines, subjects = [], {}
    for subject in ("person", "hand", "other"):
        some = [e for e in predicted if e.groups.get("subject") == subject]
        scores = [nsfw_score(e.scores) for e in some]
        clusters = [e.cluster for e in some]
        low, high = mean_interval(scores, clusters)
        alarm = evaluate.audit(some)["overall"]["false_alarm"]
        mean = sum(scores) / len(scores)
        subjects[subject] = {"mean": mean, "low": low, "high": high, "false_alarm": alarm}
        mean_said = f"{mean:.3f} ({low:.3f} to {high:.3f})"
        line = [subject, f"{len(some):,}", str(len(set(clusters))), mean_said]
        lines.append([*line, said(alarm), counts(alarm)])
    head = ["subject", "drawings", "clusters", "mean NSFW score", "false alarms", "called NSFW"]
    table(head, lines)

    given = counterfactual.compare_sets(predicted, audit.sets)
    for axis, found in given.items():
        print(f"\n{axis}: {found['sets']:,} sets, {found['images']:,} images")
        table(
            ["within a set", "share of sets", "sets"],
            [
                ["not all get the same label", said(found["flips"]), counts(found["flips"])],
                ["some are called NSFW, some not", said(found["flags"]), counts(found["flags"])],
            ],
        )
        table(
            ["value", "images", "NSFW score, from the rest of the set"],
            [
                [v, f"{e['n']:,}", f"{e['shift']:+.4f} ({e['low']:+.4f} to {e['high']:+.4f})"]
                for v, e in found["values"].items()
            ],
        )
        table(
            ["farthest apart", *found["values"]],
            [
                [
                    each["name"],
                    *(
                        next(
                            f"{i['label']}, {i['nsfw_score']:.2f}"
                            for i in each["images"]
                            if i["value"] == value
                        )
                        if any(i["value"] == value for i in each["images"])
                        else "–"
                        for value in found["values"]
                    ),
                ]
                for each in found["worst"][:3]
            ],
        )

    ordered = sorted(audit.rows.values(), key=lambda row: row.sha256)[:CHANGED]
    kept = args.work / "changed.json"
    if kept.exists():
        changed = json.loads(kept.read_text())
    else:
        changed = counterfactual.compare_changes(
            audit.classifier, ordered, audit.images, lambda *_: None
        )
        kept.write_text(json.dumps(changed))
    table(
        ["change", "images", "label changes", "side changes", "NSFW score"],
        [
            [
                name,
                str(found["images"]),
                said(found["flips"]),
                said(found["flags"]),
                f"{found['shift']['shift']:+.4f} "
                f"({found['shift']['low']:+.4f} to {found['shift']['high']:+.4f})",
            ]
            for name, found in changed.items()
        ],
    )
    if args.out:
        whole = {"figures": figures, "subjects": subjects, "given": given, "made": changed}
        args.out.write_text(json.dumps(whole, indent=2) + "\n")
    assert not {e.expected for e in predicted} & NSFW  # no explicit picture is here


if __name__ == "__main__":
    main()
