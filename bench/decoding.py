"""What the cage costs: decoding in this process, in the pool, and as it was before the pool.

    PYTHONPATH=. .venv/bin/python bench/decoding.py --before 4370f90

Each way decodes the same two photographs, in turns, in processes of their own. `--before` names a
commit whose `modeltrain` is checked out into a temporary worktree and measured beside the others;
before the pool, each image started an interpreter.
"""

import argparse
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
SIZES = {"640 × 427": (640, 427), "4032 × 3024": (4032, 3024)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", metavar="COMMIT", help="measure this commit, too")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=20, help="small images in a round")
    parser.add_argument("--measure", nargs=3, metavar=("WAY", "FILE", "IMAGES"))
    args = parser.parse_args()
    if args.measure:
        way, file, images = args.measure
        print(json.dumps(measure(way, Path(file).read_bytes(), int(images))))
        return
    with tempfile.TemporaryDirectory() as folder, worktree(args.before, folder) as before:
        ways = {"in this process": ("decode", ROOT), "pool": ("decode_in_child", ROOT)}
        if before:
            ways[f"before ({args.before})"] = ("decode_in_child", before)
        for name, size in SIZES.items():
            file = Path(folder) / "photograph.jpg"
            file.write_bytes(photograph(*size))
            images = max(3, args.images * 640 * 427 // (size[0] * size[1]))
            rounds = [
                {way: run(*ways[way], file, images) for way in ways} for _ in range(args.rounds)
            ]
            report(f"{name}, {file.stat().st_size / 1000:.0f} kB", rounds)


@contextmanager
def worktree(commit: str | None, folder: str) -> Iterator[Path | None]:
    if commit is None:
        yield None
        return
    path = Path(folder) / "before"
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(path), commit], check=True)
    try:
        yield path
    finally:
        subprocess.run([*git, "remove", "--force", str(path)], check=True)


def photograph(width: int, height: int) -> bytes:
    """A JPEG with as many bytes for its pixels as a photograph has."""
    rng = np.random.default_rng(1)
    coarse = Image.fromarray(rng.integers(0, 255, (height // 16, width // 16, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    pixels = smooth + rng.integers(-12, 13, smooth.shape, dtype=np.int16)
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=88)
    return file.getvalue()


def run(way: str, root: Path, file: Path, images: int) -> dict[str, float]:
    """Figures of one way; processor time is that of all its processes, without their start."""
    start, _ = cpu_seconds(way, root, file, 0)
    total, measured = cpu_seconds(way, root, file, images)
    return measured | {"cpu_ms": 1000 * (total - start) / (3 * images)}


def cpu_seconds(way: str, root: Path, file: Path, images: int) -> tuple[float, dict[str, float]]:
    command = [sys.executable, str(Path(__file__)), "--measure", way, str(file), str(images)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    finished = subprocess.run(command, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, json.loads(finished.stdout)


def measure(way: str, data: bytes, images: int) -> dict[str, float]:
    """Milliseconds for one image, and images a second from as many threads as cores."""
    from modeltrain.images import codec

    refused = 0

    def decode(data: bytes) -> None:
        nonlocal refused
        try:
            getattr(codec, way)(data)
        except codec.DecodeError:
            refused += 1

    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as threads:
        list(threads.map(decode, [data] * 2 * cores))  # starts what is started once
        if not images:
            return {}
        seconds = []
        for _ in range(images):
            start = time.perf_counter()
            decode(data)
            seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
        list(threads.map(decode, [data] * 2 * images))
        rate = 2 * images / (time.perf_counter() - start)
    return {"ms": 1000 * statistics.median(seconds), "rate": rate, "refused": refused}


def report(title: str, rounds: list[dict[str, dict[str, float]]]) -> None:
    print(f"\n{title}; medians of {len(rounds)} rounds (least to most)\n")
    print("| way | CPU ms an image | more than in this process | ms | images/s | refused |")
    print("|---|---|---|---|---|---|")
    for way in rounds[0]:
        cells = [
            spread([figures[way]["cpu_ms"] for figures in rounds]),
            spread([f[way]["cpu_ms"] - f["in this process"]["cpu_ms"] for f in rounds]),
            spread([figures[way]["ms"] for figures in rounds]),
            spread([figures[way]["rate"] for figures in rounds]),
            str(sum(figures[way]["refused"] for figures in rounds)),
        ]
        print(f"| {way} | {' | '.join(cells)} |", flush=True)


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


if __name__ == "__main__":
    main()
