"""A stand-in for the real dataset: five groups of OpenMoji as five labels.

    PYTHONPATH=. .venv/bin/python bench/stand_in.py --openmoji node_modules/openmoji --out FOLDER

Everything can be measured on it, unlike on the labels of the published model. All variants of a
drawing in skin tone, gender and hair are one cluster, and a cluster is in one split.
"""

import argparse
import hashlib
import json
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import resvg_py

from modeltrain.data import dataset, manifest
from modeltrain.data.dataset import Dataset
from modeltrain.data.manifest import Row
from modeltrain.demo.sources import concept
from modeltrain.images import codec

CLASSES = ("animals-nature", "flags", "people-body", "smileys-emotion", "symbols")
SIDE = 299
AUDIT_SHARE = 0.3
VALIDATION_SHARE = 0.15


def build(
    openmoji: Path,
    out: Path,
    *,
    per_class: int = 400,
    wrong_labels: float = 0.0,
    seed: int = 0,
    audit_share: float = AUDIT_SHARE,
) -> Dataset:
    """Render the drawings and write them as a dataset.

    Parameters
    ----------
    openmoji : Path
        The folder of the npm package `openmoji`.
    out : Path
        Folder to write.
    per_class : int
        At most this many drawings per label, always the same ones.
    wrong_labels : float
        Share of the images outside the audit split that get a wrong label; `planted.json` lists
        them with the right label.
    seed : int
        For the choice of wrong labels.
    audit_share : float
        Of the clusters.
    """
    dataset.refuse_existing(out)
    shutil.rmtree(out, ignore_errors=True)
    (out / "images").mkdir(parents=True)
    rows: dict[str, Row] = {}
    paths = {}
    for entry in _choose(openmoji, per_class):
        png = resvg_py.svg_to_bytes(
            svg_path=str(openmoji / "color" / "svg" / f"{entry['hexcode']}.svg"),
            background="#ffffff",
            skip_system_fonts=True,
            width=SIDE,
        )
        pixels = codec.decode(bytes(png))
        sha256 = codec.pixel_sha256(pixels)
        if sha256 in rows:
            continue
        paths[sha256] = out / "images" / f"{sha256}.png"
        paths[sha256].write_bytes(codec.to_png(pixels))
        cluster = f"openmoji: {concept(entry['annotation'])}"
        split = manifest.split_of(
            cluster, audit_share=audit_share, validation_share=VALIDATION_SHARE
        )
        source = f"OpenMoji {entry['hexcode']}"
        rows[sha256] = Row(sha256, entry["group"], {}, split, source, cluster)
    wrong = _plant(list(rows.values()), wrong_labels, seed)
    (out / "planted.json").write_text(json.dumps({sha256: rows[sha256].label for sha256 in wrong}))
    relabelled = [replace(row, label=wrong.get(row.sha256, row.label)) for row in rows.values()]
    return dataset.write(out, labels=CLASSES, rows=relabelled, images=paths)


def _choose(openmoji: Path, per_class: int) -> list[dict]:
    by_class = defaultdict(list)
    for entry in json.loads((openmoji / "data" / "openmoji.json").read_text()):
        if entry["group"] in CLASSES and not entry["skintone"]:
            by_class[entry["group"]].append(entry)
    return [
        entry for name in CLASSES for entry in sorted(by_class[name], key=_hash_order)[:per_class]
    ]


def _hash_order(entry: dict) -> bytes:
    return hashlib.sha256(entry["hexcode"].encode()).digest()


def _plant(rows: list[Row], share: float, seed: int) -> dict[str, str]:
    """Choose images and a wrong label for each."""
    random = np.random.default_rng(seed)
    eligible = [row for row in sorted(rows, key=lambda row: row.sha256) if row.split != "audit"]
    chosen = random.choice(len(eligible), size=round(share * len(eligible)), replace=False)
    return {
        eligible[index].sha256: str(
            random.choice([name for name in CLASSES if name != eligible[index].label])
        )
        for index in chosen
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--openmoji", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--per-class", type=int, default=400)
    parser.add_argument("--wrong-labels", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    data = build(
        args.openmoji,
        args.out,
        per_class=args.per_class,
        wrong_labels=args.wrong_labels,
        seed=args.seed,
    )
    for split in manifest.SPLITS:
        rows = data.split(split)
        print(split, {name: sum(row.label == name for row in rows) for name in CLASSES})


if __name__ == "__main__":
    main()
