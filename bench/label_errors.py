"""How many planted wrong labels are at the top of the ranked list.

    PYTHONPATH=. .venv/bin/python bench/label_errors.py --openmoji node_modules/openmoji \
        --artifact var/artifacts/VERSION --cache var/features --out label-errors.json

Takes about three minutes on two cores, nearly all of it for features; a second run takes seconds.
In the stand-in dataset (five groups of OpenMoji as labels) 5 % of the labels are made wrong, with
three seeds. The model is the published one, which was not trained on these labels.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from bench import stand_in
from modeltrain.curate.label_errors import rank_labels
from modeltrain.formatting import whole_percent
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import compute_features

SHARE = 0.05
SEEDS = (11, 12, 13)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--openmoji", type=Path, required=True)
    parser.add_argument("--artifact", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    classifier = Classifier(artifact.load(args.artifact))
    results = []
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            data = stand_in.build(
                args.openmoji,
                Path(folder) / "set",
                wrong_labels=SHARE,
                seed=seed,
                audit_share=0,
            )
            planted = set(json.loads((data.path / "planted.json").read_text()))
            rows = list(data.rows)
            image_features = compute_features(rows, data.images, classifier, args.cache)
        start = time.perf_counter()
        ranked = rank_labels(rows, image_features).labels
        seconds = time.perf_counter() - start
        top = ranked[: round(SHARE * len(ranked))]
        hits = sum(label.row.sha256 in planted for label in top)
        results.append(
            {
                "seed": seed,
                "images": len(rows),
                "planted": len(planted),
                "top": len(top),
                "planted_in_top": hits,
                "share": hits / len(top),
                "seconds": round(seconds, 2),
            }
        )
        print(
            f"seed {seed}: {hits} of the first {len(top)} are planted "
            f"({whole_percent(hits / len(top))}), {len(planted)} of {len(rows)} were; "
            f"{seconds:.1f} s"
        )
    if args.out:
        args.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
