"""How long it takes to find all near pairs of many hashes, compared with imagededup's searches.

    PYTHONPATH=. .venv/bin/python bench/hash_join.py --imagededup-python PATH --out hash-join.json

300,000 hashes of 256 random bits, of which 3,000 are copies of others with up to 40 bits flipped,
are joined at 31 bits; every planted pair within 31 bits must be found. Then imagededup's default
search and its BK-tree join 64-bit hashes at 10 bits, which are their defaults and a quarter of the
bits (neither accepts 256). The number of hashes doubles for as long as they finish within two
minutes; then our join runs on as many 256-bit hashes as they managed. Takes about ten minutes.
"""

import argparse
import json
import subprocess
import time
from pathlib import Path

import numpy as np

from modeltrain.curate.hash_join import MAX_BITS, pairs

ALL, COPIES, FLIPPED = 300_000, 3_000, 40
FIRST = 2_500
SEARCHES = ("brute_force_cython", "bktree")
IMAGEDEDUP_PROGRAM = """
import logging, random, sys, time
logging.disable(logging.CRITICAL)
from imagededup.methods import PHash
count, search = int(sys.argv[1]), sys.argv[2]
draw = random.Random(0)
hashes = {str(n): f"{draw.getrandbits(64):016x}" for n in range(count)}
peer = PHash(verbose=False)
start = time.monotonic()
peer.find_duplicates(encoding_map=hashes, search_method=search)
print(time.monotonic() - start)
"""


def planted_hashes(count: int, seed: int = 0) -> tuple[np.ndarray, set[tuple[int, int]]]:
    """Draw hashes, the last of them copies of the first, and return which pairs must be found."""
    random = np.random.default_rng(seed)
    copies = count * COPIES // ALL
    hashes = random.integers(0, 256, (count, 32), dtype=np.uint8)
    near = set()
    for number in range(copies):
        flips = random.choice(256, random.integers(0, FLIPPED + 1), replace=False)
        bits = np.unpackbits(hashes[number])
        bits[flips] ^= 1
        hashes[count - 1 - number] = np.packbits(bits)
        if len(flips) <= MAX_BITS:
            near.add((number, count - 1 - number))
    return hashes, near


def time_our_join(count: int) -> dict:
    hashes, near = planted_hashes(count)
    start = time.monotonic()
    joined = pairs(hashes)
    seconds = time.monotonic() - start
    missed = near - set(map(tuple, joined[:, :2].tolist()))
    return {"hashes": count, "seconds": seconds, "planted": len(near), "missed": len(missed)}


def time_imagededup(python: Path, search: str, limit: float) -> list[dict]:
    """Join more and more hashes until the time is not enough."""
    runs = []
    count = FIRST
    while True:
        command = [str(python), "-c", IMAGEDEDUP_PROGRAM, str(count), search]
        try:
            process = subprocess.run(command, capture_output=True, text=True, timeout=limit + 10)
        except subprocess.TimeoutExpired:
            return runs
        if process.returncode:
            raise SystemExit(process.stderr)
        seconds = float(process.stdout.split()[-1])
        if seconds > limit:
            return runs
        runs.append({"hashes": count, "seconds": seconds})
        print(f"imagededup {search}: {count} hashes in {seconds:.1f} s", flush=True)
        count *= 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--imagededup-python", type=Path)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for each of its joins")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    result = {"ours": [time_our_join(ALL)], "imagededup": {}}
    if args.imagededup_python:
        for search in SEARCHES:
            runs = time_imagededup(args.imagededup_python, search, args.limit)
            result["imagededup"][search] = runs
            if runs:
                result["ours"].append(time_our_join(runs[-1]["hashes"]))
    for run in result["ours"]:
        print(
            f"ours: {run['hashes']} hashes in {run['seconds']:.1f} s, "
            f"{run['missed']} of {run['planted']} planted pairs missed"
        )
    if args.out:
        args.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
