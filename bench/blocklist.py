"""How many re-uploads of blocked images the screening stops, and how many other images.

    PYTHONPATH=. .venv/bin/python bench/blocklist.py

500 images, each of a different subject, are blocked by the service that the safety page calls;
their changed copies and other images then go through the service that screens reports. This is done
twice: with the images themselves blocked, and with one hash per image, as in a hash list. Takes
half an hour on two cores.

The blocked images are OpenMoji drawings and Tux Paint photographs. Two kinds of other images are
counted:

- unrelated: 5,000 images of Debian's package openclipart-png, drawn by other people. Its folder of
  shapes is left out: most of it is one series of stars with up to a hundred points, which are discs
  like OpenMoji's full moon, and PDQ says so.
- of other subjects, by name, in OpenMoji and Tux Paint themselves. Not all of these are unrelated:
  one face is another one upside down, a green apple is a red one in another colour. Those that were
  stopped are printed, each with the nearest blocked image.
"""

import argparse
import io
import json
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from bench.temporary_site import temporary_site
from modeltrain.audit.fairness import wilson_interval
from modeltrain.demo import packages
from modeltrain.demo.build import STAMPS, STAMPS_PATH, render_image
from modeltrain.demo.sources import openmoji_drawings, tuxpaint_photographs
from modeltrain.formatting import percent
from modeltrain.images.blocklist import dihedral_hashes, hashes_to_block
from modeltrain.images.hashing import MIN_QUALITY, Pdq, distance

BLOCKED, UNRELATED = 500, 5000
CLIP_ART, SERIES = "openclipart-png", "shapes"
MAX_SIDE = 4000  # pixels; larger clip art takes seconds to read
Image.MAX_IMAGE_PIXELS = None


def compress(image):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file).convert("RGB")


def halve(image):
    return image.resize([max(1, round(side / 2)) for side in image.size])


def brighten(image):
    return ImageEnhance.Brightness(image).enhance(1.3)


CHANGES = {
    "unchanged": lambda image: image,
    "JPEG quality 30": compress,
    "half size": halve,
    "30 % brighter": brighten,
    "mirrored": ImageOps.mirror,
    "turned by a quarter": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "turned by half": lambda image: image.transpose(Image.Transpose.ROTATE_180),
    "JPEG, half size, brighter, mirrored": lambda image: ImageOps.mirror(
        brighten(halve(compress(image)))
    ),
}


def read(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.thumbnail((480, 480))
        rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB")


def render_candidates(openmoji: Path, stamps: Path, out: Path) -> list[tuple[str, str, Path]]:
    """Return subject, name and PNG of each image that may be blocked, without equal images."""
    images = [*openmoji_drawings(openmoji), *tuxpaint_photographs(stamps)]
    candidates = {}
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for image, rendered in zip(images, threads.map(render_image, images), strict=True):
            if rendered:
                sha256, png = rendered
                path = out / f"{sha256}.png"
                path.write_bytes(png)
                candidates.setdefault(sha256, (image.cluster, image.source, path))
    return list(candidates.values())


def clip_art(folder: Path) -> list[Path]:
    paths = (path.relative_to(folder) for path in sorted(folder.rglob("*.png")))
    images = (folder / path for path in paths if SERIES not in path.parts)
    return [path for path in images if is_small_enough(path)]


def is_small_enough(path: Path) -> bool:
    with Image.open(path) as image:
        return max(image.size) <= MAX_SIDE


def pixels(path: Path) -> np.ndarray:
    return np.asarray(read(path))


def is_stopped(array: np.ndarray) -> bool:
    """Store an image and screen it like the image of a report."""
    from feedback.services import blocklist, images

    image = images.store(array)
    try:
        return blocklist.matches([image])
    finally:
        images.delete_image(image)


def copies_stopped(path: Path) -> list[bool]:
    image = Image.fromarray(pixels(path))
    return [is_stopped(np.asarray(change(image))) for change in CHANGES.values()]


def image_stopped(path: Path) -> bool:
    return is_stopped(pixels(path))


def fresh_connection() -> None:
    from django.db import connections

    connections.close_all()


def rate(hits: int, total: int) -> str:
    bounds = (percent(bound, decimals=2) for bound in wilson_interval(count=hits, n=total))
    share = percent(hits / total, decimals=2)
    return f"{hits:4} of {total:4}  {share:>7}  [{', '.join(bounds)}]"


def nearest(path: Path, blocked: Mapping[str, list[str]]) -> str:
    """Describe the blocked image that an image is nearest to."""
    image_hashes = dihedral_hashes(pixels(path))
    distances = {
        name: min(distance(pdq, Pdq(bits, 100)) for pdq in image_hashes for bits in hashes)
        for name, hashes in blocked.items()
    }
    name = min(distances, key=distances.__getitem__)
    return f"{distances[name]} bits from {name}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--openmoji", type=Path, default=Path("node_modules/openmoji"))
    parser.add_argument(
        "--debian", type=Path, default=Path("var/packages"), help="fetched if it does not exist"
    )
    parser.add_argument("--blocked", type=int, default=BLOCKED)
    parser.add_argument("--unrelated", type=int, default=UNRELATED)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    random = np.random.default_rng(args.seed)
    debian = packages.fetch(args.debian, [STAMPS, CLIP_ART])
    stamps = debian[STAMPS] / STAMPS_PATH
    with temporary_site() as folder:
        from feedback.models import BlockedHash
        from feedback.services import blocklist, images

        (folder / "rendered").mkdir()
        candidates = render_candidates(args.openmoji, stamps, folder / "rendered")
        order = [candidates[index] for index in random.permutation(len(candidates))]
        blocked, subjects, plain = {}, set(), 0
        for subject, name, path in order:
            if len(blocked) == args.blocked:
                break
            if subject not in subjects:
                subjects.add(subject)
                if dihedral_hashes(pixels(path)):
                    blocked[name] = path
                else:
                    plain += 1
        art = clip_art(debian[CLIP_ART])
        unrelated = [art[index] for index in random.permutation(len(art))[: args.unrelated]]
        others = {
            "unrelated": {str(path.relative_to(debian[CLIP_ART])): path for path in unrelated},
            "of other subjects": {
                name: path for subject, name, path in order if subject not in subjects
            },
        }
        print(
            f"{len(blocked)} blocked ({plain} others were too plain: quality under "
            f"{MIN_QUALITY}); not blocked: "
            + ", ".join(f"{len(paths)} {kind}" for kind, paths in others.items()),
            flush=True,
        )
        result: dict[str, Any] = {"blocked": len(blocked), "too_plain": plain}
        for method in ("as images", "by one hash each"):
            BlockedHash.objects.all().delete()
            if method == "as images":
                stored = [images.store(pixels(path)) for path in blocked.values()]
                blocklist.block(images=stored, source="bench")
                hashes = {name: hashes_to_block(pixels(path)) for name, path in blocked.items()}
            else:
                hashes = {name: image_hashes[:1] for name, image_hashes in hashes.items()}
                blocklist.import_list(
                    lines=[bits for first in hashes.values() for bits in first], source="bench"
                )
            print(f"\nBlocked {method}: {BlockedHash.objects.count()} hashes", flush=True)
            fresh_connection()
            with ProcessPoolExecutor(os.cpu_count(), initializer=fresh_connection) as pool:
                hits = np.sum(list(pool.map(copies_stopped, blocked.values(), chunksize=5)), axis=0)
                for change, count in zip(CHANGES, hits, strict=True):
                    print(f"  {change:36}{rate(int(count), len(blocked))}")
                counts = {"stopped": dict(zip(CHANGES, map(int, hits), strict=True))}
                for kind, paths in others.items():
                    hits = pool.map(image_stopped, paths.values(), chunksize=20)
                    names = [name for name, hit in zip(paths, hits, strict=True) if hit]
                    print(f"  {kind:36}{rate(len(names), len(paths))}", flush=True)
                    for name in names:
                        print(f"    {name}: {nearest(paths[name], hashes)}", flush=True)
                    counts[kind] = {"of": len(paths), "stopped": names}
            result[method] = counts
    if args.out:
        args.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
