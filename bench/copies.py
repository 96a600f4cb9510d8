"""How many planted copies are found, how many pairs are wrong, and which copy is kept.

    nice -n 10 .venv/bin/python -m bench.copies --packages var/packages --npm node_modules \
        --artifact var/artifacts/VERSION --cache var/features --imagededup-python PATH

Originals are drawings and photographs of packages, with look-alikes: a hand in five skin tones is
five originals. Copies of each kind are planted among them. A pair counts as wrong unless it is a
copy with its original, or two copies of one original. `--set tuning` has the sources by which the
thresholds were chosen; `--set unseen`, the default, has others. Debian packages that `--packages`
lacks are downloaded. Takes about ten minutes on two busy cores the first time, mostly for features.

Compared are imagededup's PHash and DHash at its own threshold, and its CNN method: images whose
features have a cosine of at least 0.9, here with the features that ours has, because the weights
of its own network are in no package. imagededup needs torch, so it has its own environment.
"""

import argparse
import io
import json
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from modeltrain.curate import detail, duplicates
from modeltrain.data.manifest import Row
from modeltrain.demo import packages, photographs, sources
from modeltrain.formatting import percent
from modeltrain.images import codec
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import compute_features

COSINE = 0.9  # imagededup's default for its CNN method
DEBIAN = {
    "tuning": ("tuxpaint-stamps-default", "gcompris-qt-data", "lomiri-wallpapers-16.04"),
    "unseen": (
        "lomiri-wallpapers-20.04",
        "mate-backgrounds",
        "openclipart-svg",
        "oxygen-icon-theme",
        "plasma-workspace-wallpapers",
        "ukui-wallpapers",
    ),
}


def reencoded(image, random):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(random.choice([20, 40, 60, 80])))
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


def contrasted(image, random):
    return ImageEnhance.Contrast(image).enhance(random.choice([0.5, 1.5, 1.8]))


def sharpened(image, random):
    return image.filter(ImageFilter.UnsharpMask(2, int(random.choice([100, 150, 200])), 3))


def grey(image, random):
    return image.convert("L").convert("RGB")


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
    "brightness": relit,
    "contrast": contrasted,
    "sharpened": sharpened,
    "greyscale": grey,
    "text": overlaid,
    "border": framed,
}


def render(path: Path, data: bytes, size: int) -> np.ndarray:
    """Return an image on white, a drawing at `size` pixels, a photograph at 640 or fewer."""
    if path.suffix == ".svg":
        data = bytes(
            resvg_py.svg_to_bytes(
                svg_path=str(path), background="#ffffff", skip_system_fonts=True, width=size
            )
        )
    image = Image.fromarray(codec.decode(data))
    image.thumbnail((640, 640))
    return np.asarray(image)


def candidates(chosen_set: str, debian: Path, npm: Path) -> dict[str, list[sources.SourceImage]]:
    """Return the files of each source, the look-alikes together."""
    emoji = [
        drawing
        for drawing in sources.openmoji_drawings(npm / "openmoji")
        if drawing.groups["subject"] == "hand"
    ]
    if chosen_set == "unseen":
        twemoji = (sources.in_style(drawing, sources.TWEMOJI, npm) for drawing in emoji)
        emoji = [drawing for drawing in twemoji if drawing]
    # By OpenMoji's own names, some drawings are mirror images of others: one of them is taken.
    hands = {
        (drawing.cluster, drawing.groups["skin_tone"]): drawing
        for drawing in emoji
        if "skin_tone" in drawing.groups
    }

    def files(package: str, pattern: str) -> list[sources.SourceImage]:
        share = debian / package / "usr/share"
        # One file of each name: wallpapers come in several sizes, clip art in variants.
        by_name: dict[object, Path] = {}
        for path in sorted(share.glob(pattern)):
            name = path.relative_to(share).parts[1:3] if "contents" in path.parts else path.stem[:5]
            by_name.setdefault(name, path)
        return [sources.SourceImage(path, path.stem, {}, package, "") for path in by_name.values()]

    if chosen_set == "tuning":
        stamps = debian / "tuxpaint-stamps-default/usr/share/tuxpaint/stamps"
        return {
            "hands": list(hands.values()),
            "OpenMoji": [
                drawing
                for drawing in sources.openmoji_drawings(npm / "openmoji")
                if drawing.groups["subject"] == "other"
            ],
            "Tux Paint drawings": list(sources.tuxpaint_drawings(stamps)),
            "Tux Paint photographs": list(sources.tuxpaint_photographs(stamps)),
            "GCompris": list(photographs.gcompris_photographs(debian / "gcompris-qt-data")),
            "Lomiri": files("lomiri-wallpapers-16.04", "backgrounds/*.jpg"),
        }
    return {
        "hands": list(hands.values()),
        "Oxygen": files("oxygen-icon-theme", "icons/oxygen/base/256x256/*/*.png"),
        "Open Clip Art": [
            image
            for folder in ("animals", "food", "plants", "tools", "transportation")
            for image in files("openclipart-svg", f"openclipart/svg/{folder}/**/*.svg")
        ],
        "MATE": files("mate-backgrounds", "backgrounds/mate/nature/*.jpg"),
        "Plasma": files("plasma-workspace-wallpapers", "wallpapers/*/contents/images/*x[1-9]*.*"),
        "UKUI": files("ukui-wallpapers", "backgrounds/*.*"),
        "Lomiri": files("lomiri-wallpapers-20.04", "backgrounds/*.jpg"),
    }


def originals(
    by_source: dict[str, list[sources.SourceImage]], count: int, seed: int
) -> list[tuple[str, np.ndarray]]:
    """Return the name and pixels of different images, as many of each source as it has."""
    random = np.random.default_rng(seed)
    images: dict[str, tuple[str, np.ndarray]] = {}
    smallest_first = sorted(by_source.items(), key=lambda item: len(item[1]))
    for number, (source, files) in enumerate(smallest_first):
        share = (count - len(images)) // (len(by_source) - number)
        # Hands in the order of the package, so that all skin tones of a hand are taken.
        order = range(len(files)) if source == "hands" else random.permutation(len(files))
        taken = 0
        for index in order:
            if taken == share:
                break
            file = files[index]
            try:
                pixels = render(file.path, file.data(), int(random.integers(200, 400)))
            except ValueError:  # a drawing without a size
                continue
            if pixels.std() < 5:
                continue
            images.setdefault(codec.pixel_sha256(pixels), (f"{source}: {file.title}", pixels))
            taken += 1
    return list(images.values())


def plant_copies(
    images: list[tuple[str, np.ndarray]], per_kind: int, seed: int
) -> list[tuple[int, str, np.ndarray]]:
    """Return copies: the index of the original, the kind, the pixels."""
    random = np.random.default_rng([seed, 1])
    copies = []
    for kind, change in KINDS.items():
        in_colour = [
            index for index, (_, pixels) in enumerate(images) if np.ptp(pixels, axis=2).mean() > 4
        ]
        pool = in_colour if kind == "greyscale" else range(len(images))
        for index in random.permutation(pool)[:per_kind]:
            copy = change(Image.fromarray(images[index][1]), random)
            copies.append((int(index), kind, np.asarray(copy, dtype=np.uint8)))
    return copies


def score(pairs: set[tuple[int, int]], original_of: list[int], kinds: list[str]) -> dict:
    """Count the copies found of each kind, and the wrong pairs."""
    right = {pair for pair in pairs if original_of[pair[0]] == original_of[pair[1]]}
    planted = Counter(kind for kind in kinds if kind)
    hits = Counter(
        kind for index, kind in enumerate(kinds) if kind and (original_of[index], index) in right
    )
    return {
        "recall": {kind: hits[kind] / planted[kind] for kind in KINDS},
        "recall_overall": sum(hits.values()) / planted.total(),
        "precision": len(right) / len(pairs) if pairs else None,
        "wrong_pairs": len(pairs) - len(right),
    }


IMAGEDEDUP_PROGRAM = """
import json, sys
from imagededup import methods
method = getattr(methods, sys.argv[2])(verbose=False)
print(json.dumps(method.find_duplicates(image_dir=sys.argv[1], max_distance_threshold=10)))
"""


def run_imagededup(python: Path, method: str, folder: str) -> tuple[set[tuple[int, int]], float]:
    """Return the pairs that imagededup finds at its own threshold, and its seconds."""
    start = time.perf_counter()
    process = subprocess.run(
        [python, "-c", IMAGEDEDUP_PROGRAM, folder, method],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - start
    near = json.loads(process.stdout.splitlines()[-1])
    numbers = [(int(Path(name).stem), int(Path(copy).stem)) for name in near for copy in near[name]]
    pairs = {(min(pair), max(pair)) for pair in numbers}
    return pairs, seconds


def pairs_by_cosine(features: np.ndarray) -> set[tuple[int, int]]:
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    first, second = np.nonzero(np.triu(unit @ unit.T >= COSINE, 1))
    return set(zip(first.tolist(), second.tolist(), strict=True))


def originals_kept(
    images: list[tuple[str, np.ndarray]], copies: list[tuple[int, str, np.ndarray]]
) -> dict[str, float]:
    """Return, by kind, how often the original of a pair is kept rather than its copy."""
    originals_left: Counter[str] = Counter()
    for index, kind, copy in copies:
        # As in a dataset, which is sorted by hash.
        pair = sorted((images[index][1], copy), key=codec.pixel_sha256)
        choice = pair[detail.best([detail.measure(pixels) for pixels in pair])]
        originals_left[kind] += choice is images[index][1]
    planted = Counter(kind for _, kind, _ in copies)
    return {kind: originals_left[kind] / planted[kind] for kind in KINDS}


def find_all(
    pixels: list[np.ndarray], args: argparse.Namespace
) -> dict[str, tuple[set[tuple[int, int]], float]]:
    """Return the pairs that each method finds, and its seconds without those for features."""
    with tempfile.TemporaryDirectory() as folder:
        rows, paths = [], {}
        for image in pixels:
            sha256 = codec.pixel_sha256(image)
            paths[sha256] = Path(folder) / f"{sha256}.png"
            paths[sha256].write_bytes(codec.to_png(image))
            rows.append(Row(sha256, "neutral", {}, "train", "bench", sha256))
        classifier = Classifier(artifact.load(args.artifact))
        image_features = compute_features(rows, paths, classifier, args.cache)
    start = time.perf_counter()
    pairs = duplicates.find(pixels.__getitem__, len(pixels), image_features)
    seconds = time.perf_counter() - start
    pairs_of = {"modeltrain": ({(pair.first, pair.second) for pair in pairs}, seconds)}
    start = time.perf_counter()
    near = pairs_by_cosine(image_features)
    pairs_of["CNN method"] = (near, time.perf_counter() - start)
    if args.imagededup_python:
        with tempfile.TemporaryDirectory() as folder:
            for index, image in enumerate(pixels):
                (Path(folder) / f"{index:05d}.png").write_bytes(codec.to_png(image))
            for method in ("PHash", "DHash"):
                pairs_of[method] = run_imagededup(args.imagededup_python, method, folder)
    return pairs_of


def print_table(result: dict) -> None:
    methods = result["methods"]
    print("| | " + " | ".join(methods) + " | original kept |")
    print("|---" * (len(methods) + 2) + "|")
    for kind in KINDS:
        cells = [percent(scores["recall"][kind]) for scores in methods.values()]
        print(f"| {kind} | {' | '.join(cells)} | {percent(result['originals_kept'][kind])} |")
    for name in ("recall_overall", "precision", "wrong_pairs", "seconds"):
        cells = [
            percent(scores[name]) if name in ("recall_overall", "precision") else str(scores[name])
            for scores in methods.values()
        ]
        print(f"| {name.replace('_', ' ')} | {' | '.join(cells)} | |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("packages", "npm", "artifact", "cache"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--set", choices=DEBIAN, default="unseen")
    parser.add_argument("--originals", type=int, default=150)
    parser.add_argument("--copies", type=int, default=12, help="of each kind")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--imagededup-python", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--show-wrong", type=Path, help="folder for contact sheets of wrong pairs")
    args = parser.parse_args()
    packages.fetch(args.packages, DEBIAN[args.set])
    images = originals(candidates(args.set, args.packages, args.npm), args.originals, args.seed)
    copies = plant_copies(images, args.copies, args.seed)
    pixels = [image for _, image in images] + [copy for _, _, copy in copies]
    original_of = [*range(len(images)), *(index for index, _, _ in copies)]
    kinds = [""] * len(images) + [kind for _, kind, _ in copies]
    print(f"{len(images)} originals, {len(copies)} copies", flush=True)
    pairs_of = find_all(pixels, args)
    result = {
        "set": args.set,
        "seed": args.seed,
        "originals": len(images),
        "copies": len(copies),
        "originals_kept": originals_kept(images, copies),
        "methods": {
            method: score(pairs, original_of, kinds) | {"seconds": round(seconds, 1)}
            for method, (pairs, seconds) in pairs_of.items()
        },
    }
    print_table(result)
    if args.out:
        args.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    if args.show_wrong:
        args.show_wrong.mkdir(parents=True, exist_ok=True)
        wrong = (
            pair
            for pair in pairs_of["modeltrain"][0]
            if original_of[pair[0]] != original_of[pair[1]]
        )
        for number, pair in enumerate(sorted(wrong)):
            sheet = Image.new("RGB", (400, 200))
            for place, index in enumerate(pair):
                sheet.paste(Image.fromarray(pixels[index]).resize((200, 200)), (200 * place, 0))
            sheet.save(args.show_wrong / f"{number:03d}.png")
            print(number, [(images[original_of[index]][0], kinds[index]) for index in pair])


if __name__ == "__main__":
    main()
