"""How many planted copies are found, and what is found wrongly, beside imagededup's PHash.

    PYTHONPATH=. .venv/bin/python bench/duplicates.py --openmoji node_modules/openmoji \
        --images var/demo/images --artifact var/artifacts/VERSION --cache var/features --seed 2

Up to 2,000 originals (drawings of OpenMoji and the demo's photographs, look-alikes and all: a
drawing in five skin tones is five originals) and 200 copies of each of eight kinds. Every pair that
is found and is not a copy with its original, or two copies of one original, counts as wrong.

imagededup needs torch, so it has its own environment; give its Python with --imagededup-python.
"""

import argparse
import io
import json
import re
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
from modeltrain.images import codec
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import features

ORIGINALS, EACH = 2000, 200


def reencoded(picture, random):
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=int(random.integers(40, 90)))
    return Image.open(io.BytesIO(out.getvalue())).convert("RGB")


def resized(picture, random):
    share = random.choice([random.uniform(0.4, 0.8), random.uniform(1.25, 2)])
    return picture.resize([max(32, round(side * share)) for side in picture.size])


def cropped(picture, random):
    width, height = picture.size
    left, top = (int(random.integers(0, side - round(0.8 * side) + 1)) for side in picture.size)
    return picture.crop((left, top, left + round(0.8 * width), top + round(0.8 * height)))


def mirrored(picture, random):
    return ImageOps.mirror(picture)


def rotated(picture, random):
    return picture.rotate(
        float(random.choice([-10, 10])), Image.Resampling.BICUBIC, expand=True, fillcolor="white"
    )


def relit(picture, random):
    lit = ImageEnhance.Brightness(picture).enhance(random.uniform(0.7, 1.3))
    return ImageEnhance.Contrast(lit).enhance(random.uniform(0.7, 1.3))


def overlaid(picture, random):
    copy = picture.copy()
    height = max(10, round(0.09 * copy.height))
    words = " ".join(random.choice(["sample", "photo", "free", "2026", "share"], 2))
    where = (int(0.05 * copy.width), int(random.uniform(0.1, 0.85) * copy.height))
    ink = tuple(int(each) for each in random.integers(0, 256, 3))
    ImageDraw.Draw(copy).text(where, words, fill=ink, font=ImageFont.load_default(height))
    return copy


def framed(picture, random):
    colour = tuple(int(each) for each in random.integers(0, 256, 3))
    return ImageOps.expand(picture, round(random.uniform(0.05, 0.12) * picture.width), colour)


KINDS = {
    "re-encoded": reencoded,
    "resized": resized,
    "cropped to 80 %": cropped,
    "mirrored": mirrored,
    "rotated by 10°": rotated,
    "brightness, contrast": relit,
    "text": overlaid,
    "border": framed,
}


def originals(openmoji: Path, demo: Path, seed: int) -> list[tuple[str, np.ndarray]]:
    """Return name and pixels of 2,000 different pictures."""
    random = np.random.default_rng(seed)
    # The package has the same drawing for a person and a man, and again mirrored, "facing right".
    # By its own names, one of each is taken; one drawing in five skin tones is five originals.
    named = {
        (drawing.cluster, drawing.groups.get("skin_tone")): drawing
        for drawing in openmoji_drawings(openmoji)
    }
    drawings = list(named.values())
    rows = [
        json.loads(line)
        for name in ("pool", "audit")
        for line in (demo.parent / f"{name}.jsonl").open()
    ]
    others = [row for row in rows if not row["source"].startswith("OpenMoji")]
    chosen = [drawings[at] for at in random.permutation(len(drawings))[: ORIGINALS - len(others)]]

    def render(picture):
        size = int(np.random.default_rng([seed, picture.path.stat().st_size]).integers(200, 400))
        drawn = resvg_py.svg_to_bytes(
            svg_path=str(picture.path), background="#ffffff", skip_system_fonts=True, width=size
        )
        return picture.source, codec.decode(bytes(drawn))

    with ThreadPoolExecutor() as threads:
        found = list(threads.map(render, chosen))
    for row in others:
        found.append((row["source"], codec.decode((demo / f"{row['sha256']}.png").read_bytes())))
    return list({codec.pixel_sha256(pixels): (name, pixels) for name, pixels in found}.values())


def planted(found: list[tuple[str, np.ndarray]], seed: int) -> list[tuple[int, str, np.ndarray]]:
    """Return copies: the place of the original, the kind, the pixels."""
    random = np.random.default_rng([seed, 1])
    out = []
    for kind, change in KINDS.items():
        for at in random.permutation(len(found))[:EACH]:
            copy = change(Image.fromarray(found[at][1]), random)
            out.append((int(at), kind, np.asarray(copy, dtype=np.uint8)))
    return out


def judged(pairs: set[tuple[int, int]], original_of: list[int], kinds: list[str]) -> dict:
    """Count what was found of each kind, and what was found wrongly."""
    right = {pair for pair in pairs if original_of[pair[0]] == original_of[pair[1]]}
    hit = Counter(
        kinds[at] for at in range(len(kinds)) if kinds[at] and (original_of[at], at) in right
    )
    return {
        "recall": {kind: hit[kind] / EACH for kind in KINDS},
        "recall_overall": sum(hit.values()) / (EACH * len(KINDS)),
        "precision": len(right) / len(pairs) if pairs else None,
        "wrong_pairs": len(pairs) - len(right),
    }


def told(stage, done, total, message):
    if done % 4096 == 0 or done == total:
        print(f"  {message}: {done} of {total}", flush=True)


PEER = """
import json, sys
from imagededup.methods import PHash
found = PHash(verbose=False).find_duplicates(image_dir=sys.argv[1], max_distance_threshold=10)
print(json.dumps(found))
"""


def peer(python: Path, pixels: list[np.ndarray]) -> tuple[set[tuple[int, int]], float]:
    """Return the pairs that imagededup's PHash finds at its own threshold, and its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        for at, each in enumerate(pixels):
            (Path(folder) / f"{at:05d}.png").write_bytes(codec.to_png(each))
        began = time.perf_counter()
        done = subprocess.run(
            [python, "-c", PEER, folder], check=True, capture_output=True, text=True
        )
        seconds = time.perf_counter() - began
    near = json.loads(done.stdout.splitlines()[-1])
    number = lambda name: int(re.match(r"\d+", name)[0])  # noqa: E731
    pairs = {tuple(sorted((number(one), number(other)))) for one in near for other in near[one]}
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
    found = originals(args.openmoji, args.images, args.seed)
    copies = planted(found, args.seed)
    pixels = [each for _, each in found] + [each for _, _, each in copies]
    original_of = [*range(len(found)), *(at for at, _, _ in copies)]
    kinds = [""] * len(found) + [kind for _, kind, _ in copies]
    print(f"{len(found)} originals, {len(copies)} copies", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        rows, paths = [], {}
        for each in pixels:
            sha256 = codec.pixel_sha256(each)
            paths[sha256] = Path(folder) / f"{sha256}.png"
            paths[sha256].write_bytes(codec.to_png(each))
            rows.append(Row(sha256, "neutral", {}, "train", "bench", sha256))
        began = time.perf_counter()
        known = features(rows, paths, Classifier(artifact.load(args.artifact)), args.cache)
        feature_seconds = time.perf_counter() - began
    began = time.perf_counter()
    pairs = duplicates.find(lambda at: pixels[at], len(pixels), known, progress=told)
    seconds = time.perf_counter() - began
    result = {"seed": args.seed, "originals": len(found), "copies": len(copies)}
    result["ours"] = judged({(pair.first, pair.second) for pair in pairs}, original_of, kinds) | {
        "seconds": round(seconds, 1),
        "feature_seconds": round(feature_seconds, 1),
    }
    if args.imagededup_python:
        theirs, seconds = peer(args.imagededup_python, pixels)
        result["imagededup PHash"] = judged(theirs, original_of, kinds) | {
            "seconds": round(seconds, 1)
        }
    for name in [each for each in result if isinstance(result[each], dict)]:
        each = result[name]
        print(
            f"\n{name}: recall {each['recall_overall']:.1%}, precision {each['precision']:.2%} "
            f"({each['wrong_pairs']} pairs wrong), {each['seconds']} s"
        )
        for kind, recall in each["recall"].items():
            print(f"  {kind:22}{recall:6.1%}")
    if args.out:
        args.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    if args.show_wrong:
        args.show_wrong.mkdir(parents=True, exist_ok=True)
        wrong = [p for p in pairs if original_of[p.first] != original_of[p.second]]
        names = [name for name, _ in found]
        for number, pair in enumerate(wrong[:40]):
            sides = [
                Image.fromarray(pixels[at]).resize((200, 200)) for at in (pair.first, pair.second)
            ]
            sheet = Image.new("RGB", (400, 200))
            sheet.paste(sides[0], (0, 0))
            sheet.paste(sides[1], (200, 0))
            sheet.save(args.show_wrong / f"{number:03d}.png")
            print(
                number,
                [names[original_of[at]] for at in (pair.first, pair.second)],
                [kinds[at] for at in (pair.first, pair.second)],
                pair.alignment,
            )


if __name__ == "__main__":
    main()
