"""Damaged image files through server and browser: do both see the same pixels or refuse alike?

    make fuzz-decoders MUTANTS=5000 SECONDS=1800 SEED=1

200 small files of all formats are made here, then changed: bytes are flipped, replaced, moved, cut
out or put in, most of them near the start, where the headers are. What is not mutated is in
`decoding_table.py`. Each disagreement is kept in `var/fuzz-decoders`, with its reason as its name.
It exits with 1 if there is one, unless docs/decoding.md excepts it.
"""

import argparse
import random
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.decoding_members import members
from bench.image_files import (
    exif,
    gif,
    palette_scene,
    profile,
    saved,
    scene,
    see_through,
    webp_animation,
)
from bench.two_decoders import BATCH, Refusal, browser_decoder, disagreement, server_decode
from modeltrain.images.formats import jpeg, png
from modeltrain.images.formats.header import format_of
from modeltrain.images.formats.still import Damaged

OUT = Path(__file__).resolve().parent.parent / "var" / "fuzz-decoders"
SEEDS = 200
HEAD = 128  # bytes
SPACES = ("sRGB", "wide", "L", "CMYK", "LAB")


def seeds() -> list[bytes]:
    """Whole files of every format and kind of pixels, each with another image in it."""
    files: list[bytes] = []
    number = 0
    while len(files) < SEEDS:
        number += 1
        size = (9 + number * 7 % 40, 5 + number * 11 % 30)
        image, clear = scene(number, size), see_through(number, size)
        indexed, grey = palette_scene(number, size), image.convert("L")
        wide = {"icc_profile": profile("wide")}
        files += [
            saved(image, "JPEG", quality=80),
            saved(image, "JPEG", quality=95, subsampling=0, exif=exif(1 + number % 8)),
            saved(image, "JPEG", progressive=True),
            saved(grey, "JPEG"),
            saved(image.convert("CMYK"), "JPEG"),
            saved(image, "JPEG", **wide),
            saved(image, "PNG"),
            saved(clear, "PNG"),
            saved(grey, "PNG", exif=exif(6)),
            saved(indexed, "PNG", transparency=3),
            saved(image.convert("1"), "PNG"),
            saved(indexed, "GIF"),
            gif((48, 36), [((8, 6), indexed, {"transparency": 7})]),
            saved(image, "WEBP", quality=80),
            saved(clear, "WEBP", lossless=True),
            saved(clear, "WEBP", quality=70),
            webp_animation((64, 48), [((8, 6), image)]),
            saved(image, "BMP"),
            saved(indexed, "BMP"),
            saved(image, "AVIF", quality=80),
        ]
    return files[:SEEDS]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The file with one to four changes."""
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        end = min(HEAD, len(changed)) if chance.random() < 0.6 else len(changed)
        at = chance.randrange(min(4, end - 1), end)
        length = chance.choice([1, 1, 2, 4, 16])
        match chance.choice(["flip", "set", "random", "cut", "insert", "move", "end"]):
            case "flip":
                changed[at] ^= 1 << chance.randrange(8)
            case "set":
                changed[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFE, 0xFF])
            case "random":
                changed[at : at + length] = chance.randbytes(length)
            case "cut":
                del changed[at : at + length]
            case "insert":
                changed[at:at] = chance.randbytes(length)
            case "move":
                source = chance.randrange(len(changed))
                changed[at:at] = changed[source : source + length]
            case "end":
                del changed[chance.randrange(len(changed) // 2, len(changed)) :]
    return with_right_checksums(changed) if chance.random() < 0.7 else bytes(changed)


def with_right_checksums(changed: bytearray) -> bytes:
    """A PNG file that is not refused for its checksums alone; other files stay as they are."""
    at = 8 if changed.startswith(b"\x89PNG") else len(changed)
    while at + 12 <= len(changed):
        end = at + 8 + int.from_bytes(changed[at : at + 4])
        if end + 4 > len(changed):
            break
        changed[end : end + 4] = zlib.crc32(changed[at + 4 : end]).to_bytes(4)
        at = end + 4
    return bytes(changed)


def batches(count: int, chance: random.Random) -> Iterator[list[bytes]]:
    files = [*seeds(), *(data for data in members().values() if 64 < len(data) < 20_000)]
    for start in range(0, count, BATCH):
        yield [mutated(chance.choice(files), chance) for _ in range(min(BATCH, count - start))]


def fuzz(count: int, seconds: float, seed: int) -> int:
    """Compare so many mutants, or as many as there is time for; return how many differ."""
    chance, began = random.Random(seed), time.monotonic()
    outcomes: Counter[str] = Counter()
    differing = excepted = 0
    with browser_decoder() as browser, ThreadPoolExecutor(2) as threads:
        for batch in batches(count, chance):
            if time.monotonic() - began > seconds:
                break
            on_server = threads.map(server_decode, batch)
            for data, server, page in zip(batch, on_server, browser.decode(batch), strict=True):
                reason = disagreement(server, page)
                outcomes["refused" if isinstance(server, Refusal) else "read"] += 1
                if reason and is_excepted(data):
                    excepted += 1
                elif reason:
                    differing += 1
                    keep(data, f"{differing:03d} {reason}")
                    print(f"{differing:03d} {reason}: {describe(server)}, {describe(page)}")
    total = outcomes.total()
    print(
        f"{total} mutants, seed {seed}: {outcomes['read']} read and {outcomes['refused']} refused "
        f"by the server, {differing} differ, {excepted} of excepted kinds, "
        f"in {time.monotonic() - began:.0f} s"
    )
    return differing


def is_excepted(data: bytes) -> bool:
    """Damaged AVIF files and colour profiles; docs/decoding.md says why."""
    kind = format_of(data)
    if kind == "AVIF":
        return True
    readers = {"JPEG": jpeg.read, "PNG": png.read}
    try:
        embedded = readers[kind](data).profile if kind in readers else None
    except Damaged:
        return False
    return embedded is not None and embedded not in [profile(space) for space in SPACES]


def describe(answer: object) -> str:
    if isinstance(answer, Refusal):
        return f"refused ({answer.received})"
    return f"read ({getattr(answer, 'shape', ())})"


def keep(data: bytes, name: str) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / name).write_bytes(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    args = parser.parse_args()
    print(f"seed {args.seed}")
    sys.exit(1 if fuzz(args.mutants, args.seconds, args.seed) else 0)


if __name__ == "__main__":
    main()
