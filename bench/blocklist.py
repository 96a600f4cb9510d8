"""How many re-uploads of blocked pictures the screening stops, and how many others it stops too.

    PYTHONPATH=. .venv/bin/python bench/blocklist.py

500 pictures are blocked, each of another subject, by the service that safety's page calls; their
changed copies and other pictures then go through the service that screens reports. Done twice:
blocked as pictures that are here, and by the one hash of each that a list would hold. Half an hour
on two cores.

The blocked are drawings of OpenMoji and photographs of Tux Paint. Two sorts of others are counted:

- unrelated: 5,000 pictures of Debian's package openclipart-png, which other people drew. Its folder
  of shapes is left out: most of it is one series of stars with up to a hundred points, which are
  discs like OpenMoji's full moon, and PDQ says so.
- of other subjects, by name, in OpenMoji and Tux Paint themselves. Not all of these are unrelated:
  one face is another one upside down, a green apple is a red one in another colour. Which were
  stopped is printed, each with the nearest blocked one.
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
from modeltrain.demo.build import draw, fetch_stamps, unpack_package
from modeltrain.demo.sources import openmoji_drawings, photographs
from modeltrain.images.blocklist import dihedral_hashes, hashes_to_block
from modeltrain.images.hashing import MIN_QUALITY, Pdq, distance

BLOCKED, UNRELATED = 500, 5000
CLIP_ART, SERIES = "openclipart-png", "shapes"
LONGEST = 4000  # pixels; clip art larger than that takes seconds to read
Image.MAX_IMAGE_PIXELS = None


def stored_badly(picture):
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=30)
    return Image.open(io.BytesIO(out.getvalue())).convert("RGB")


def half_size(picture):
    return picture.resize([max(1, round(side / 2)) for side in picture.size])


def brighter(picture):
    return ImageEnhance.Brightness(picture).enhance(1.3)


CHANGES = {
    "unchanged": lambda picture: picture,
    "JPEG quality 30": stored_badly,
    "half size": half_size,
    "30 % brighter": brighter,
    "mirrored": ImageOps.mirror,
    "turned by a quarter": lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
    "turned by half": lambda picture: picture.transpose(Image.Transpose.ROTATE_180),
    "JPEG, half size, brighter, mirrored": lambda picture: ImageOps.mirror(
        brighter(half_size(stored_badly(picture)))
    ),
}


def read(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        picture.thumbnail((480, 480))
        whole = picture.convert("RGBA")
    white = Image.new("RGBA", whole.size, "white")
    return Image.alpha_composite(white, whole).convert("RGB")


def own(openmoji: Path, stamps: Path, drawn: Path) -> list[tuple[str, str, Path]]:
    """Subject, name and PNG of each picture that may be blocked, each once to the pixel."""
    known = [*openmoji_drawings(openmoji), *photographs(stamps)]
    found = {}
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for picture, made in zip(known, threads.map(draw, known), strict=True):
            if made:
                path = drawn / f"{made[0]}.png"
                path.write_bytes(made[1])
                found.setdefault(made[0], (picture.cluster, picture.source, path))
    return list(found.values())


def clip_art(folder: Path) -> list[Path]:
    if not folder.is_dir():
        unpack_package(CLIP_ART, folder)
    found = (path.relative_to(folder) for path in sorted(folder.rglob("*.png")))
    pictures = (folder / path for path in found if SERIES not in path.parts)
    return [path for path in pictures if handy(path)]


def handy(path: Path) -> bool:
    with Image.open(path) as picture:
        return max(picture.size) <= LONGEST


def pixels(path: Path) -> np.ndarray:
    return np.asarray(read(path))


def stopped(array: np.ndarray) -> bool:
    """Keep a picture and screen it, as a report's picture is."""
    from feedback.services import blocklist, images

    image = images.store(array)
    try:
        return blocklist.matches([image])
    finally:
        images.delete_image(image)


def copies_stopped(path: Path) -> list[bool]:
    picture = Image.fromarray(pixels(path))
    return [stopped(np.asarray(change(picture))) for change in CHANGES.values()]


def other_stopped(path: Path) -> bool:
    return stopped(pixels(path))


def fresh_connection() -> None:
    from django.db import connections

    connections.close_all()


def rate(hits: int, of: int) -> str:
    low, high = wilson_interval(count=hits, n=of)
    return f"{hits:4} of {of:4}  {hits / of:7.2%}  [{low:.2%}, {high:.2%}]"


def nearest(path: Path, blocked: Mapping[str, list[str]]) -> str:
    """Name the blocked picture that one is nearest to."""
    asked = dihedral_hashes(pixels(path))
    near = {
        name: min(distance(one, Pdq(bits, 100)) for one in asked for bits in hashes)
        for name, hashes in blocked.items()
    }
    name = min(near, key=near.__getitem__)
    return f"{near[name]} bits from {name}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--openmoji", type=Path, default=Path("node_modules/openmoji"))
    for name in ("stamps", "clip-art"):
        parser.add_argument(
            f"--{name}", type=Path, default=Path("var", name), help="fetched if it is not there"
        )
    parser.add_argument("--blocked", type=int, default=BLOCKED)
    parser.add_argument("--unrelated", type=int, default=UNRELATED)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    random = np.random.default_rng(args.seed)
    stamps = fetch_stamps(args.stamps)
    with temporary_site() as folder:
        from feedback.models import BlockedHash
        from feedback.services import blocklist, images

        (folder / "drawn").mkdir()
        found = own(args.openmoji, stamps, folder / "drawn")
        order = [found[at] for at in random.permutation(len(found))]
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
        art = clip_art(args.clip_art)
        unrelated = [art[at] for at in random.permutation(len(art))[: args.unrelated]]
        others = {
            "unrelated": {str(path.relative_to(args.clip_art)): path for path in unrelated},
            "of other subjects": {
                name: path for subject, name, path in order if subject not in subjects
            },
        }
        print(
            f"{len(blocked)} blocked ({plain} others were too plain: quality under "
            f"{MIN_QUALITY}); not blocked: "
            + ", ".join(f"{len(each)} {kind}" for kind, each in others.items()),
            flush=True,
        )
        result: dict[str, Any] = {"blocked": len(blocked), "too_plain": plain}
        for way in ("as pictures", "by one hash each"):
            BlockedHash.objects.all().delete()
            if way == "as pictures":
                kept = [images.store(pixels(path)) for path in blocked.values()]
                blocklist.block(images=kept, source="bench")
                hashes = {name: hashes_to_block(pixels(path)) for name, path in blocked.items()}
            else:
                hashes = {name: each[:1] for name, each in hashes.items()}
                blocklist.import_list(
                    lines=[bits for each in hashes.values() for bits in each], source="bench"
                )
            print(f"\nBlocked {way}: {BlockedHash.objects.count()} hashes", flush=True)
            fresh_connection()
            with ProcessPoolExecutor(os.cpu_count(), initializer=fresh_connection) as pool:
                hits = np.sum(list(pool.map(copies_stopped, blocked.values(), chunksize=5)), axis=0)
                for change, count in zip(CHANGES, hits, strict=True):
                    print(f"  {change:36}{rate(int(count), len(blocked))}")
                found_here = {"stopped": dict(zip(CHANGES, map(int, hits), strict=True))}
                for kind, each in others.items():
                    wrong = pool.map(other_stopped, each.values(), chunksize=20)
                    names = [name for name, hit in zip(each, wrong, strict=True) if hit]
                    print(f"  {kind:36}{rate(len(names), len(each))}", flush=True)
                    for name in names:
                        print(f"    {name}: {nearest(each[name], hashes)}", flush=True)
                    found_here[kind] = {"of": len(each), "stopped": names}
            result[way] = found_here
    if args.out:
        args.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
