"""How many planted copies are found, and how many wrong pairs, compared with imagededup's PHash.

    PYTHONPATH=. .venv/bin/python bench/duplicates.py --openmoji node_modules/openmoji \
        --images var/demo/images --artifact var/artifacts/VERSION --cache var/features --seed 2

There are up to 2,000 originals (OpenMoji drawings and the demo's photographs, with look-alikes: a
drawing in five skin tones is five originals) and 200 copies of each of eight kinds. A pair counts
as wrong unless it is a copy with its original, or two copies of one original.

imagededup needs torch, so it has its own environment; pass its Python with --imagededup-python.
"""

import argparse
import io
import json
import subprocess
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from modeltrain.curate import duplicates
from modeltrain.data.manifest import Row
from modeltrain.demo.sources import openmoji_drawings
from modeltrain.formatting import percent
from modeltrain.images import codec
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import compute_features

ORIGINALS, COPIES_PER_KIND = 2000, 200


def reencoded(image, random):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(random.integers(40, 90)))
    return Image.open(file).convert("RGB")


def resized(image, random):
    scale = random.choice([random.uniform(0.4, 0.8), random.uniform(1.25, 2)])
    return image.resize([max(32, round(side * scale)) for side in image.size])


def cropped(image, random):
    width, height = image.size
    left, top = (int(random.integers(0, side - round(0.8 * side) + 1)) for side in image.size)
    return image.crop((left, top, left + round(0.8 * width), top + round(0.8 * height)))


def mirrored(image, random):
    return ImageOps.mirror(image)


def rotated(image, random):
    return image.rotate(
        float(random.choice([-10, 10])), Image.Resampling.BICUBIC, expand=True, fillcolor="white"
    )


def relit(image, random):
    lit = ImageEnhance.Brightness(image).enhance(random.uniform(0.7, 1.3))
    return ImageEnhance.Contrast(lit).enhance(random.uniform(0.7, 1.3))


def overlaid(image, random):
    copy = image.copy()
    height = max(10, round(0.09 * copy.height))
    words = " ".join(random.choice(["sample", "photo", "free", "2026", "share"], 2))
    position = (int(0.05 * copy.width), int(random.uniform(0.1, 0.85) * copy.height))
    ink = tuple(int(level) for level in random.integers(0, 256, 3))
    ImageDraw.Draw(copy).text(position, words, fill=ink, font=ImageFont.load_default(height))
    return copy


def framed(image, random):
    colour = tuple(int(level) for level in random.integers(0, 256, 3))
    return ImageOps.expand(image, round(random.uniform(0.05, 0.12) * image.width), colour)


KINDS = {
    "re-encoded": reencoded,
    "resized": resized,
    "cropped to 80%": cropped,
    "mirrored": mirrored,
    "rotated by 10°": rotated,
    "brightness, contrast": relit,
    "text": overlaid,
    "border": framed,
}


def originals(openmoji: Path, demo: Path, seed: int) -> list[tuple[str, np.ndarray]]:
    """Return name and pixels of up to 2,000 different images."""
    random = np.random.default_rng(seed)
    # The package repeats drawings: for a person and a man, and mirrored as "facing right". By its
    # own names, one of them is taken; one drawing in five skin tones is five originals.
    by_name = {
        (drawing.cluster, drawing.groups.get("skin_tone")): drawing
        for drawing in openmoji_drawings(openmoji)
    }
    drawings = list(by_name.values())
    rows = [
        json.loads(line)
        for name in ("pool", "audit")
        for line in (demo.parent / f"{name}.jsonl").open()
    ]
    others = [row for row in rows if not row["cluster"].startswith("openmoji")]
    chosen = [
        drawings[index] for index in random.permutation(len(drawings))[: ORIGINALS - len(others)]
    ]

    def render(drawing):
        size = int(np.random.default_rng([seed, drawing.path.stat().st_size]).integers(200, 400))
        png = resvg_py.svg_to_bytes(
            svg_path=str(drawing.path), background="#ffffff", skip_system_fonts=True, width=size
        )
        return drawing.source, codec.decode(bytes(png))

    with ThreadPoolExecutor() as threads:
        images = list(threads.map(render, chosen))
    for row in others:
        images.append((row["source"], codec.decode((demo / f"{row['sha256']}.png").read_bytes())))
    return list({codec.pixel_sha256(pixels): (name, pixels) for name, pixels in images}.values())


def plant_copies(
    images: list[tuple[str, np.ndarray]], seed: int
) -> list[tuple[int, str, np.ndarray]]:
    """Return copies: the index of the original, the kind, the pixels."""
    random = np.random.default_rng([seed, 1])
    copies = []
    for kind, change in KINDS.items():
        for index in random.permutation(len(images))[:COPIES_PER_KIND]:
            copy = change(Image.fromarray(images[index][1]), random)
            copies.append((int(index), kind, np.asarray(copy, dtype=np.uint8)))
    return copies


def score(pairs: set[tuple[int, int]], original_of: list[int], kinds: list[str]) -> dict:
    """Count the copies found of each kind, and the wrong pairs."""
    right = {pair for pair in pairs if original_of[pair[0]] == original_of[pair[1]]}
    hits = Counter(
        kind for index, kind in enumerate(kinds) if kind and (original_of[index], index) in right
    )
    return {
        "recall": {kind: hits[kind] / COPIES_PER_KIND for kind in KINDS},
        "recall_overall": sum(hits.values()) / (COPIES_PER_KIND * len(KINDS)),
        "precision": len(right) / len(pairs) if pairs else None,
        "wrong_pairs": len(pairs) - len(right),
    }


def print_progress(stage, done, total, message):
    if done % 4096 == 0 or done == total:
        print(f"  {message}: {done} of {total}", flush=True)


IMAGEDEDUP_PROGRAM = """
import json, sys
from imagededup.methods import PHash
duplicates = PHash(verbose=False).find_duplicates(image_dir=sys.argv[1], max_distance_threshold=10)
print(json.dumps(duplicates))
"""


def run_imagededup(python: Path, pixels: list[np.ndarray]) -> tuple[set[tuple[int, int]], float]:
    """Return the pairs that imagededup's PHash finds at its own threshold, and its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        for index, image in enumerate(pixels):
            (Path(folder) / f"{index:05d}.png").write_bytes(codec.to_png(image))
        start = time.perf_counter()
        process = subprocess.run(
            [python, "-c", IMAGEDEDUP_PROGRAM, folder], check=True, capture_output=True, text=True
        )
        seconds = time.perf_counter() - start
    near = json.loads(process.stdout.splitlines()[-1])
    pairs = {
        tuple(sorted((int(Path(name).stem), int(Path(copy).stem))))
        for name, copies in near.items()
        for copy in copies
    }
    return pairs, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("openmoji", "images", "artifact", "cache"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--imagededup-python", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--show-wrong", type=Path, help="folder for contact sheets of wrong pairs")
    args = parser.parse_args()
    images = originals(args.openmoji, args.images, args.seed)
    copies = plant_copies(images, args.seed)
    pixels = [image for _, image in images] + [copy for _, _, copy in copies]
    original_of = [*range(len(images)), *(index for index, _, _ in copies)]
    kinds = [""] * len(images) + [kind for _, kind, _ in copies]
    print(f"{len(images)} originals, {len(copies)} copies", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        rows, paths = [], {}
        for image in pixels:
            sha256 = codec.pixel_sha256(image)
            paths[sha256] = Path(folder) / f"{sha256}.png"
            paths[sha256].write_bytes(codec.to_png(image))
            rows.append(Row(sha256, "neutral", {}, "train", "bench", sha256))
        start = time.perf_counter()
        classifier = Classifier(artifact.load(args.artifact))
        image_features = compute_features(rows, paths, classifier, args.cache)
        feature_seconds = time.perf_counter() - start
    start = time.perf_counter()
    pairs = duplicates.find(
        pixels.__getitem__, len(pixels), image_features, progress=print_progress
    )
    seconds = time.perf_counter() - start
    result = {"seed": args.seed, "originals": len(images), "copies": len(copies)}
    result["ours"] = score({(pair.first, pair.second) for pair in pairs}, original_of, kinds) | {
        "seconds": round(seconds, 1),
        "feature_seconds": round(feature_seconds, 1),
    }
    if args.imagededup_python:
        their_pairs, seconds = run_imagededup(args.imagededup_python, pixels)
        result["imagededup PHash"] = score(their_pairs, original_of, kinds) | {
            "seconds": round(seconds, 1)
        }
    for name in ("ours", "imagededup PHash"):
        if name not in result:
            continue
        scores = result[name]
        print(
            f"\n{name}: recall {percent(scores['recall_overall'])}, "
            f"precision {percent(scores['precision'], decimals=2)} "
            f"({scores['wrong_pairs']} pairs wrong), {scores['seconds']} s"
        )
        for kind, recall in scores["recall"].items():
            print(f"  {kind:22}{percent(recall):>6}")
    if args.out:
        args.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    if args.show_wrong:
        args.show_wrong.mkdir(parents=True, exist_ok=True)
        wrong = [pair for pair in pairs if original_of[pair.first] != original_of[pair.second]]
        names = [name for name, _ in images]
        for number, pair in enumerate(wrong[:40]):
            sides = [
                Image.fromarray(pixels[index]).resize((200, 200))
                for index in (pair.first, pair.second)
            ]
            sheet = Image.new("RGB", (400, 200))
            sheet.paste(sides[0], (0, 0))
            sheet.paste(sides[1], (200, 0))
            sheet.save(args.show_wrong / f"{number:03d}.png")
            print(
                number,
                [names[original_of[index]] for index in (pair.first, pair.second)],
                [kinds[index] for index in (pair.first, pair.second)],
                pair.alignment,
            )


if __name__ == "__main__":
    main()
