"""Let the gate judge a candidate that is better overall but worse for one group.

    PYTHONPATH=. .venv/bin/python bench/worse_for_one_group.py --data var/demo \
        --artifact var/artifacts/VERSION --cache var/features --out FOLDER

Takes about a minute on two cores once the features are cached, and three before. The champion is
the published model. The candidate is trained only on the pool's drawings, without what keeps a
retrain from forgetting, so that it calls photographs drawings. Both are measured on the audit set,
from which neither has learnt.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.forgetting import NOTHING
from modeltrain.audit import columns, evaluate
from modeltrain.audit.evaluate import Predicted
from modeltrain.data import manifest
from modeltrain.formatting import percent
from modeltrain.gate import judge
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import compute_features, read_image_paths
from modeltrain.network import export
from modeltrain.training import configs
from modeltrain.training.data_impressions import head_probabilities
from modeltrain.training.head import fit_head
from modeltrain.training.objective import Examples


class Bench:
    def __init__(self, args: argparse.Namespace) -> None:
        self.start = artifact.load(args.artifact)
        self.pool = manifest.read(args.data / "pool.jsonl")
        self.audit = manifest.read(args.data / "audit.jsonl")
        rows = [*self.pool, *self.audit]
        images = read_image_paths(args.data / "images.json")
        matrix = compute_features(rows, images, Classifier(self.start), args.cache)
        self.features = {row.sha256: matrix[index] for index, row in enumerate(rows)}

    def examples(self, split: str) -> Examples:
        """The pool's drawings."""
        drawings = [row for row in self.pool if row.split == split and row.label == "drawings"]
        return Examples(
            np.stack([self.features[row.sha256] for row in drawings]),
            np.full(len(drawings), self.start.labels.index("drawings")),
            np.ones(len(drawings), dtype=bool),
        )

    def predicted(self, weights) -> list[Predicted]:
        predictions = head_probabilities(
            weights, np.stack([self.features[row.sha256] for row in self.audit])
        )
        return [
            Predicted(
                row.sha256,
                row.cluster,
                row.label,
                dict(row.groups),
                dict(zip(self.start.labels, map(float, scores), strict=True)),
            )
            for row, scores in zip(self.audit, predictions, strict=True)
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("data", "artifact", "cache", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    bench = Bench(args)
    champion = export.head_weights(bench.start.onnx)
    sides = {split: bench.examples(split) for split in ("train", "validation")}
    candidate = fit_head(replace(configs.get("head"), **NOTHING), champion, **sides).weights
    before, after = bench.predicted(champion), bench.predicted(candidate)
    result = judge.judge(champion=before, candidate=after)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, predicted in (("champion", before), ("candidate", after)):
        columns.write(args.out / f"{name}.npz", columns.from_predicted(predicted))
        figures = json.dumps(evaluate.audit(predicted))
        (args.out / f"{name}.json").write_text(figures)
    (args.out / "gate.json").write_text(json.dumps(result, indent=2) + "\n")
    print(f"{result['verdict']}: {result['sentence']}\n")
    print("| mistake | cell | images | before | now | finding |\n|---|---|---|---|---|---|")
    for cell in result["cells"]:
        if cell["n"] and cell["rule"] == "highest score":
            print(
                f"| {cell['measure'].replace('_', ' ')} | {cell['axis']} {cell['value']} | "
                f"{cell['n']} | {percent(cell['champion_error'])} | "
                f"{percent(cell['candidate_error'])} | {cell['finding']} |"
            )


if __name__ == "__main__":
    main()
