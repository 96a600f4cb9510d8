"""How fast are `import` and `clean`, and how much memory do they take?

    PYTHONPATH=. .venv/bin/python bench/import_and_clean.py --files 500
    PYTHONPATH=. .venv/bin/python bench/import_and_clean.py --artifact var/artifacts/NAME

Makes JPEG files of 640 × 427 pixels and about 100 kB from two photographs, one in twenty of them a
copy of another that was saved again. Runs the verbs as anybody does, in processes of their own.
`images_a_second_per_core` is by processor time, of all processes, so other work on the machine
hardly changes it. With --artifact, the imported dataset is cleaned as well.
"""

import argparse
import io
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from sklearn.datasets import load_sample_image

SIZE = (640, 427)
COPY_EVERY = 20


def make_files(folder: Path, count: int) -> int:
    """Write the files in two class folders; return their bytes."""
    random = np.random.default_rng(1)
    photographs = [
        Image.fromarray(load_sample_image(f"{name}.jpg")) for name in ("china", "flower")
    ]
    for label in ("first", "second"):
        (folder / label).mkdir(parents=True)
    total = 0
    previous = photographs[0].resize(SIZE)
    for number in range(count):
        label = ("first", "second")[number % 2]
        if number % COPY_EVERY < COPY_EVERY - 1:
            width, height = random.integers(200, SIZE[0]), random.integers(140, SIZE[1])
            left, top = random.integers(0, SIZE[0] - width), random.integers(0, SIZE[1] - height)
            part = photographs[number % 2].resize(SIZE, box=(left, top, left + width, top + height))
            noise = random.normal(0, 4, (SIZE[1], SIZE[0], 1)) + random.integers(-25, 26, 3)
            previous = Image.fromarray((np.asarray(part) + noise).clip(0, 255).astype(np.uint8))
            quality = 90
        else:
            quality = 80
        file = io.BytesIO()
        previous.save(file, "JPEG", quality=quality)
        (folder / label / f"{number:06}.jpg").write_bytes(file.getvalue())
        total += file.tell()
    return total


class MemoryWatch(threading.Thread):
    """Measures the memory that a process and its children have at most, shared pages once."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.process = process
        self.peak = 0

    def run(self) -> None:
        while True:
            total = 0
            try:
                family = [self.process, *self.process.children(recursive=True)]
                if self.process.status() == psutil.STATUS_ZOMBIE:
                    return
            except psutil.NoSuchProcess:
                return
            for member in family:
                try:
                    total += member.memory_full_info().pss
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue  # a decoding child lets nobody look; its template has most of it
            self.peak = max(self.peak, total)
            time.sleep(0.2)


def measure(arguments: list[str], images: int) -> dict[str, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start_time = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "modeltrain", *arguments], stdout=subprocess.DEVNULL
    )
    watch = MemoryWatch(psutil.Process(process.pid))
    watch.start()
    if process.wait() not in (0, 3):
        raise SystemExit(f"{arguments[0]} failed")
    seconds = time.monotonic() - start_time
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "seconds": round(seconds, 1),
        "processor_seconds": round(cpu, 1),
        "images_a_second": round(images / seconds, 1),
        "images_a_second_per_core": round(images / cpu, 1),
        "peak_mb": round(watch.peak / 1e6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--artifact", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = make_files(folder / "files", args.files)
        figures: dict[str, object] = {"files": args.files, "kB_a_file": size // args.files // 1000}
        imported = folder / "imported"
        figures["import"] = measure(
            ["import", str(folder / "files"), f"--out={imported}"], args.files
        )
        if args.artifact:
            arguments = [f"--dataset={imported}", f"--artifact={args.artifact}"]
            arguments += [f"--cache={folder / 'cache'}", f"--out={folder / 'clean'}"]
            figures["clean"] = measure(["clean", *arguments], args.files)
            figures["clean, features in the cache"] = measure(
                ["clean", *arguments[:-1], f"--out={folder / 'again'}"], args.files
            )
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
