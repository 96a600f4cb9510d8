"""How many re-uploads of blocked pictures the screening stops, and how many others it stops too.

    PYTHONPATH=. .venv/bin/python bench/blocklist.py --stamps var/stamps --more FOLDER…

500 pictures are blocked, each of another subject, by the service that safety's page calls; their
changed copies and 5,000 unrelated pictures then go through the service that screens reports. Done
twice: blocked as pictures that are here, and by the one hash of each that a list would hold.

The blocked are drawings of OpenMoji and pictures of Tux Paint. Unrelated is every picture whose
subject, by the packages' own names, is not a blocked one's: skin tones and genders of one drawing
are one subject. These are fewer than 5,000; folders of other pictures add to them. Debian's package
openclipart-png was used, without its flags, signs and shapes (`--more`).
"""

import argparse
import io
import json
import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from bench.temporary_site import temporary_site
from modeltrain.demo_data import draw, fetch_stamps
from modeltrain.demo_sources import openmoji_drawings, photographs, tuxpaint_drawings
from modeltrain.fairness import wilson
from modeltrain.hashing import TELLING_QUALITY

BLOCKED, UNRELATED = 500, 5000
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


def pictures(openmoji: Path, stamps: Path, more: list[Path], drawn: Path):
    """Return subject, name and PNG of every picture, each once to the pixel."""
    known = [*openmoji_drawings(openmoji), *tuxpaint_drawings(stamps), *photographs(stamps)]
    found = {}
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for picture, made in zip(known, threads.map(draw, known), strict=True):
            if made:
                path = drawn / f"{made[0]}.png"
                path.write_bytes(made[1])
                found.setdefault(made[0], (picture.cluster, picture.source, path))
    others = [path for folder in more for path in sorted(folder.rglob("*.png")) if handy(path)]
    return [*found.values(), *(("", path.stem, path) for path in others)]


def handy(path: Path) -> bool:
    with Image.open(path) as picture:
        return max(picture.size) <= LONGEST


def pixels(path: Path) -> np.ndarray:
    return np.asarray(read(path))


def stopped(array: np.ndarray) -> bool:
    """Keep a picture and screen it, as a report's picture is."""
    from feedback.services import blocklist, images

    image = images.keep(array)
    try:
        return blocklist.stops([image])
    finally:
        images.forget(image)


def copies_stopped(path: Path) -> list[bool]:
    picture = Image.fromarray(pixels(path))
    return [stopped(np.asarray(change(picture))) for change in CHANGES.values()]


def other_stopped(path: Path) -> bool:
    return stopped(pixels(path))


def fresh_connection() -> None:
    from django.db import connections

    connections.close_all()


def rate(hits: int, of: int) -> str:
    low, high = wilson(count=hits, n=of)
    return f"{hits:4} of {of:4}  {hits / of:7.2%}  [{low:.2%}, {high:.2%}]"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--openmoji", type=Path, default=Path("node_modules/openmoji"))
    parser.add_argument(
        "--stamps", type=Path, default=Path("var/stamps"), help="fetched if it is not there"
    )
    parser.add_argument("--more", type=Path, nargs="*", default=[])
    parser.add_argument("--blocked", type=int, default=BLOCKED)
    parser.add_argument("--unrelated", type=int, default=UNRELATED)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show-wrong", type=Path, help="folder for unrelated pictures stopped")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    stamps = fetch_stamps(args.stamps)
    with temporary_site() as folder:
        from feedback.models import BlockedHash
        from feedback.services import blocklist, images
        from modeltrain.blocklist import views

        (folder / "drawn").mkdir()
        found = pictures(args.openmoji, stamps, args.more, folder / "drawn")
        random = np.random.default_rng(args.seed)
        order = [found[at] for at in random.permutation(len(found))]
        blocked, subjects, plain = [], set(), 0
        for subject, _, what in order:
            if len(blocked) == args.blocked:
                break
            if subject and subject not in subjects:
                subjects.add(subject)
                if views(pixels(what)):
                    blocked.append(what)
                else:
                    plain += 1
        unrelated = [one for one in order if one[0] not in subjects][: args.unrelated]
        print(
            f"{len(blocked)} blocked ({plain} others were too plain: quality under "
            f"{TELLING_QUALITY}), {len(unrelated)} unrelated",
            flush=True,
        )
        result = {"blocked": len(blocked), "too_plain": plain, "unrelated": len(unrelated)}
        for way in ("as pictures", "by one hash each"):
            BlockedHash.objects.all().delete()
            if way == "as pictures":
                kept = [images.keep(pixels(what)) for what in blocked]
                blocklist.block(pictures=kept, source="bench")
            else:
                lines = [views(pixels(what))[0].bits for what in blocked]
                blocklist.import_list(lines=lines, source="bench")
            print(f"\nBlocked {way}: {BlockedHash.objects.count()} hashes", flush=True)
            fresh_connection()
            with ProcessPoolExecutor(os.cpu_count(), initializer=fresh_connection) as pool:
                hits = np.sum(list(pool.map(copies_stopped, blocked, chunksize=5)), axis=0)
                wrong = list(
                    pool.map(other_stopped, [what for _, _, what in unrelated], chunksize=20)
                )
            for change, count in zip(CHANGES, hits, strict=True):
                print(f"  {change:36}{rate(int(count), len(blocked))}")
            print(f"  {'unrelated':36}{rate(sum(wrong), len(unrelated))}", flush=True)
            names = [name for (_, name, _), hit in zip(unrelated, wrong, strict=True) if hit]
            for name in names:
                print(f"    stopped: {name}")
            result[way] = {
                "stopped": dict(zip(CHANGES, map(int, hits), strict=True)),
                "unrelated_stopped": names,
            }
    if args.out:
        args.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
