"""How small the 8-bit export of the published model is, and how far from the model.

    PYTHONPATH=. .venv/bin/python bench/int8.py --demo var/demo --artifact var/artifacts/VERSION

Ranges are measured on photographs of the demo's pool, as a new site has them. First the pool's
other pictures, drawings most of all, answered by both graphs: as they are, and photographs blurred
by 6 pixels and at a quarter of their brightness, with each --float-convolutions, and with ranges of
as many photographs as --calibrated-on says. Then the card, of the audit set, as exports are made.
Five minutes on two cores.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from modeltrain.data import dataset, manifest
from modeltrain.model import artifact
from modeltrain.model.features import load_pixels, read_images
from modeltrain.network import quantize


def answers(graph: bytes, pictures: list[np.ndarray]) -> np.ndarray:
    session = quantize._session(graph)
    return np.stack([session.run(["probabilities"], {"image": each})[0] for each in pictures])


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
    parser.add_argument("--calibrated-on", type=int, default=quantize.CALIBRATED_ON)
    args = parser.parse_args()
    start = artifact.load(args.artifact)
    images = read_images(args.demo / "images.json")
    pool = manifest.read(args.demo / "pool.jsonl")
    photographs = [row for row in pool if row.label == "neutral"]
    train = sorted(row.sha256 for row in photographs if row.split == "train")
    calibration = train[: args.calibrated_on]
    pixels = {row.sha256: load_pixels(row.sha256, images) for row in pool}
    left = [row.sha256 for row in photographs if row.sha256 not in calibration]
    kinds = {
        "as they are": [pixels[row.sha256] for row in pool if row.sha256 not in calibration],
        "blurred": [blurred(pixels[each]) for each in left],
        "dark": [pixels[each] // 4 for each in left],
    }
    exact = {kind: answers(start.onnx.read_bytes(), each) for kind, each in kinds.items()}
    for count in args.float_convolutions:
        graph = quantize.quantise(
            start.onnx, [pixels[each] for each in calibration], float_convolutions=count
        )
        for kind, each in kinds.items():
            received = answers(graph, each)
            mean = np.abs(received - exact[kind]).max(axis=1).mean()
            far = quantize.drift(exact[kind], received)
            print(
                f"{count} convolutions in float, {len(each):3} {kind:12}"
                f" mean {mean:.4f}, 99 % below {far['p99']:.4f},"
                f" largest {far['max']:.4f}, within {quantize.TOLERANCE} {far['within']:.1%}",
                flush=True,
            )
    rows = [row for row in photographs if row.split == "train"]
    rows += manifest.read(args.demo / "audit.jsonl")
    with tempfile.TemporaryDirectory() as folder:
        data = dataset.write(Path(folder) / "demo", labels=start.labels, rows=rows, images=images)
        made = quantize.write(start, data=data, parent=Path(folder) / "artifacts")
        print((made.path / "card.md").read_text())


if __name__ == "__main__":
    main()
