"""Do the package's two other models answer as in the package? The same images through both.

    PYTHONPATH=. .venv/bin/python bench/parity_mobilenet.py --data var

--data is the DATA_DIR of a site. 200 images of the demo's audit set are resized to 224 × 224 first,
so that only the networks differ. Required: every probability within 0.001. A minute on two cores.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from modeltrain.data import manifest
from modeltrain.model.classifier import Classifier
from modeltrain.network import mobilenet
from modeltrain.network.mobilenet import SIZE

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "node_modules" / "nsfwjs"
REFERENCE = ROOT / "tests" / "modeltrain" / "network" / "reference.mjs"
TOLERANCE = 0.001


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("var"))
    parser.add_argument("--images", type=int, default=200)
    args = parser.parse_args()
    demo = args.data / "demo"
    rows = sorted(manifest.read(demo / "audit.jsonl"), key=lambda row: row.sha256)[: args.images]
    paths = [demo / "images" / f"{row.sha256}.png" for row in rows]
    images = [
        np.asarray(Image.open(path).convert("RGB").resize((SIZE, SIZE)), dtype=np.uint8)
        for path in paths
    ]
    report = {}
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "images.bin"
        file.write_bytes(b"".join(image.tobytes() for image in images))
        for path in mobilenet.MODELS:
            command = ["node", str(REFERENCE), str(PACKAGE), str(file), path, str(SIZE)]
            process = subprocess.run(command, check=True, capture_output=True, text=True)
            classifier = Classifier(mobilenet.convert(PACKAGE, path, parent=Path(temporary)))
            received = [list(classifier.classify(image).scores.values()) for image in images]
            difference = np.abs(np.array(json.loads(process.stdout)) - np.array(received))
            report[path] = {"images": len(images), "largest_difference": float(difference.max())}
    print(json.dumps(report, indent=2))
    return int(any(model["largest_difference"] > TOLERANCE for model in report.values()))


if __name__ == "__main__":
    sys.exit(main())
