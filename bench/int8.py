"""How small the 8-bit export of the published model is, and how far from Keras.

    PYTHONPATH=. .venv/bin/python bench/int8.py --demo var/demo --artifact var/artifacts/VERSION

Calibrated on the demo's pool and compared on its audit set (drawings and photographs); about three
minutes on two cores.
"""

import argparse
import tempfile
from pathlib import Path

from modeltrain import artifact, dataset, int8, manifest
from modeltrain.features import read_images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("demo", "artifact"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    start = artifact.load(args.artifact)
    rows = [*manifest.read(args.demo / "pool.jsonl"), *manifest.read(args.demo / "audit.jsonl")]
    images = read_images(args.demo / "images.json")
    with tempfile.TemporaryDirectory() as folder:
        data = dataset.write(Path(folder) / "demo", labels=start.labels, rows=rows, images=images)
        made = int8.write(start, data=data, parent=Path(folder) / "artifacts")
        print((made.path / "card.md").read_text())


if __name__ == "__main__":
    main()
