"""What 40 million pixels in a small file cost until they are stored, and what shrinking changes.

    PYTHONPATH=. .venv/bin/python bench/bombs.py --artifact var/artifacts/NAME

The second part says how much the answers for large photographs differ from those for the whole
image, which is what the model saw before large images were shrunk.
"""

import argparse
import io
import statistics
import time
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from bench.decoding import photograph
from modeltrain.images import codec, hashing, pool
from modeltrain.images.child import Ending
from modeltrain.images.decoder import Limits
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier

BOMB = (6324, 6324)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--artifact", type=Path, required=True, help="the model's folder")
    args = parser.parse_args()
    classifier = Classifier(artifact.load(args.artifact), threads=1)
    report_bombs(classifier)
    report_answers(classifier)


def bombs() -> dict[str, bytes]:
    """Files of few bytes and many pixels."""
    # Larger ones of these are refused.
    webp, progressive, whole_colours = (4000, 4000), (6200, 6200), (5190, 5190)
    return {
        "PNG, one bit": saved(Image.new("1", BOMB), "PNG"),
        "PNG, transparent": saved(Image.new("RGBA", BOMB, (9, 99, 9, 99)), "PNG"),
        "JPEG": saved(Image.new("RGB", BOMB, "teal"), "JPEG"),
        "JPEG, progressive": saved(Image.new("RGB", progressive, "teal"), "JPEG", progressive=True),
        "JPEG, progressive, colours whole": saved(
            Image.new("RGB", whole_colours, "teal"), "JPEG", progressive=True, subsampling="4:4:4"
        ),
        "WebP": saved(Image.new("RGB", webp, "teal"), "WEBP", method=0),
        "GIF": saved(Image.new("P", BOMB), "GIF"),
    }


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def report_bombs(classifier: Classifier) -> None:
    """Processor time from the file to the stored image, beside that of a plain photograph."""
    print("\n| file | bytes | child, CPU s | all, CPU s | times a photograph's | child's peak |")
    print("|---|---|---|---|---|---|")
    pool.shared.decode(photograph(64, 64), limits=Limits())
    for name, data in bombs().items():
        pixels, ending, seconds = cost(classifier, data)
        height, width, _ = pixels.shape
        _, _, plain = cost(classifier, photograph(width, height))
        print(
            f"| {name} | {len(data):,} | {ending.cpu_seconds:.2f} | {seconds:.2f} | "
            f"{seconds / plain:.2f} | {ending.peak_bytes / 1e6:.0f} MB |",
            flush=True,
        )


def cost(classifier: Classifier, data: bytes) -> tuple[codec.Pixels, Ending, float]:
    """What `classifications.classify` does with a file, in seconds of all processes."""
    pixels, ending = pool.shared.decode(data, limits=Limits())
    start = time.process_time()
    classifier.classify(pixels)
    hashing.pdq(pixels)
    codec.pixel_sha256(pixels)
    codec.to_png(pixels)
    return pixels, ending, ending.cpu_seconds + time.process_time() - start


def report_answers(classifier: Classifier, *, side: int = 4000) -> None:
    """How the answers differ between large photographs and what is left of them."""
    largest, bits = [], []
    for seed, photo in enumerate(load_sample_images().images):
        for top, left in ((0, 0), (100, 200), (150, 300)):
            part = Image.fromarray(photo[top : top + 256, left : left + 256])
            enlarged = np.asarray(part.resize((side, side), Image.Resampling.BICUBIC), np.int16)
            grain = np.random.default_rng(seed).integers(-12, 13, enlarged.shape, dtype=np.int16)
            image = Image.fromarray((enlarged + grain).clip(0, 255).astype(np.uint8))
            data = saved(image, "JPEG", quality=90)
            whole = codec.decode(data)
            shrunk, _ = pool.shared.decode(data, limits=Limits())
            answers = [classifier.classify(pixels).scores for pixels in (whole, shrunk)]
            largest.append(max(abs(answers[0][label] - answers[1][label]) for label in answers[0]))
            bits.append(hashing.distance(hashing.pdq(whole), hashing.pdq(shrunk)))
    print(
        f"\n{len(largest)} photographs of {side} × {side}, shrunk to {shrunk.shape[1]} × "
        f"{shrunk.shape[0]}: the score that differs most differs by "
        f"{statistics.median(largest):.5f} (at most {max(largest):.5f}), the PDQ hash in "
        f"{statistics.median(bits):.0f} of 256 bits (at most {max(bits)})."
    )


if __name__ == "__main__":
    main()
