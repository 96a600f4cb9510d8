"""A stand-in for the real classes: five groups of OpenMoji as five classes.

    PYTHONPATH=. .venv/bin/python bench/stand_in.py --openmoji node_modules/openmoji --out FOLDER

Everything can be measured on it, which cannot be done with the classes of the published model. A
picture in its skin tones, genders and hair is one cluster, and a cluster is on one side of a split.
"""

import argparse
import hashlib
import json
import shutil
from collections import defaultdict
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
        At most so many drawings of a class, always the same ones.
    wrong_labels : float
        Share of the images, outside the audit split, that get another class's label;
        `planted.json` says which, with the right label.
    seed : int
        Of the choice of these.
    audit_share : float
        Of the clusters.
    """
    dataset.refuse_existing(out)
    shutil.rmtree(out, ignore_errors=True)
    (out / "images").mkdir(parents=True)
    rows: dict[str, Row] = {}
    paths = {}
    for entry in _chosen(openmoji, per_class):
        drawn = resvg_py.svg_to_bytes(
            svg_path=str(openmoji / "color" / "svg" / f"{entry['hexcode']}.svg"),
            background="#ffffff",
            skip_system_fonts=True,
            width=SIDE,
        )
        pixels = codec.decode(bytes(drawn))
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
    (out / "planted.json").write_text(json.dumps({each: rows[each].label for each in wrong}))
    made = [_relabelled(row, wrong) for row in rows.values()]
    return dataset.write(out, labels=CLASSES, rows=made, images=paths)


def _chosen(openmoji: Path, per_class: int) -> list[dict]:
    by_class = defaultdict(list)
    for entry in json.loads((openmoji / "data" / "openmoji.json").read_text()):
        if entry["group"] in CLASSES and not entry["skintone"]:
            by_class[entry["group"]].append(entry)
    place = {
        entry["hexcode"]: hashlib.sha256(entry["hexcode"].encode()).digest()
        for entries in by_class.values()
        for entry in entries
    }
    return [
        entry
        for name in CLASSES
        for entry in sorted(by_class[name], key=lambda each: place[each["hexcode"]])[:per_class]
    ]


def _plant(rows: list[Row], share: float, seed: int) -> dict[str, str]:
    """Choose images and another class for each."""
    random = np.random.default_rng(seed)
    open_to_it = [row for row in sorted(rows, key=lambda row: row.sha256) if row.split != "audit"]
    chosen = random.choice(len(open_to_it), size=round(share * len(open_to_it)), replace=False)
    return {
        open_to_it[each].sha256: str(
            random.choice([name for name in CLASSES if name != open_to_it[each].label])
        )
        for each in chosen
    }


def _relabelled(row: Row, wrong: dict[str, str]) -> Row:
    label = wrong.get(row.sha256, row.label)
    return Row(row.sha256, label, row.groups, row.split, row.source, row.cluster)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--openmoji", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--per-class", type=int, default=400)
    parser.add_argument("--wrong-labels", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    made = build(
        args.openmoji,
        args.out,
        per_class=args.per_class,
        wrong_labels=args.wrong_labels,
        seed=args.seed,
    )
    for split in manifest.SPLITS:
        rows = made.split(split)
        print(split, {name: sum(row.label == name for row in rows) for name in CLASSES})


if __name__ == "__main__":
    main()
