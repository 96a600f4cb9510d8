"""The size of the quantized published model, and its distance from the original.

    PYTHONPATH=. .venv/bin/python bench/quantize.py --demo var/demo --artifact var/artifacts/VERSION

Activations are measured on photographs of the demo's pool, as on a new site. First, both graphs
classify the pool's other images, most of which are drawings, and photographs blurred by 6 pixels or
at a quarter of their brightness; this is repeated for each of --float-convolutions. --calibrated-on
says how many photographs activations are measured on. Then the script prints the card of an export,
with figures on the audit set. Five minutes on two cores.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from modeltrain.data import dataset, manifest
from modeltrain.formatting import percent
from modeltrain.model import artifact
from modeltrain.model.features import load_pixels, read_image_paths
from modeltrain.network import quantize


def probabilities(graph: bytes, images: list[np.ndarray]) -> np.ndarray:
    session = quantize.open_session(graph)
    return np.stack([session.run(["probabilities"], {"image": image})[0] for image in images])


def blurred(pixels: np.ndarray) -> np.ndarray:
    return np.array(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(6)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("demo", "artifact"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument(
        "--float-convolutions", type=int, nargs="*", default=[quantize.FLOAT_CONVOLUTIONS]
    )
    parser.add_argument("--calibrated-on", type=int, default=quantize.CALIBRATION_IMAGES)
    args = parser.parse_args()
    start = artifact.load(args.artifact)
    images = read_image_paths(args.demo / "images.json")
    pool = manifest.read(args.demo / "pool.jsonl")
    photographs = [row for row in pool if row.label == "neutral"]
    train = sorted(row.sha256 for row in photographs if row.split == "train")
    calibration = train[: args.calibrated_on]
    pixels = {row.sha256: load_pixels(row.sha256, images) for row in pool}
    other_photographs = [row.sha256 for row in photographs if row.sha256 not in calibration]
    kinds = {
        "as they are": [pixels[row.sha256] for row in pool if row.sha256 not in calibration],
        "blurred": [blurred(pixels[sha256]) for sha256 in other_photographs],
        "dark": [pixels[sha256] // 4 for sha256 in other_photographs],
    }
    float_graph = start.onnx.read_bytes()
    expected = {kind: probabilities(float_graph, chosen) for kind, chosen in kinds.items()}
    for count in args.float_convolutions:
        graph = quantize.quantize(
            start.onnx, [pixels[sha256] for sha256 in calibration], float_convolutions=count
        )
        for kind, chosen in kinds.items():
            received = probabilities(graph, chosen)
            mean = np.abs(received - expected[kind]).max(axis=1).mean()
            drift = quantize.drift(expected[kind], received)
            print(
                f"{count} convolutions in float, {len(chosen):3} {kind:12}"
                f" mean {mean:.4f}, 99% below {drift['p99']:.4f}, largest"
                f" {drift['max']:.4f}, within {quantize.TOLERANCE} {percent(drift['within'])}",
                flush=True,
            )
    rows = [row for row in photographs if row.split == "train"]
    rows += manifest.read(args.demo / "audit.jsonl")
    with tempfile.TemporaryDirectory() as folder:
        data = dataset.write(Path(folder) / "demo", labels=start.labels, rows=rows, images=images)
        quantized = quantize.write_artifact(start, data=data, parent=Path(folder) / "artifacts")
        print((quantized.path / "card.md").read_text())


if __name__ == "__main__":
    main()
