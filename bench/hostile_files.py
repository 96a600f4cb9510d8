"""Does a site answer hostile image files quickly, and refuse or classify each?

    PYTHONPATH=. .venv/bin/python -m bench.hostile_files FOLDER

Starts a site of its own and sends it every file of the folder and files that are made here: small
ones with many pixels, damaged ones, ones whose headers lie. Prints how many got which status and
which took longest. Then decodes each file in a cage of its own, and prints the most memory and
processor time that a child needed. Fails if a status is neither 2xx nor 4xx, if an answer took more
than 10 seconds, or if a child exceeded its memory.
"""

import argparse
import io
import random
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import requests
from PIL import Image

from bench.bombs import bombs, saved
from bench.decoding import photograph
from bench.drill import Site
from modeltrain.formatting import whole_percent
from modeltrain.images import pool
from modeltrain.images.decoder import DecodeError, Limits

LONGEST_SECONDS = 10
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF", "TIFF")


def horrors(seed: int) -> Iterator[tuple[str, bytes]]:
    """Files that are made to cost a lot, or to confuse a decoder."""
    yield from bombs().items()
    choice = random.Random(seed)
    photo = Image.open(io.BytesIO(photograph(640, 480)))
    for kind in FORMATS:
        data = saved(photo, kind)
        yield f"{kind}, whole", data
        yield f"{kind}, followed by a million zeros", data + bytes(10**6)
        for share in (0.01, 0.25, 0.5, 0.99):
            yield f"{kind}, the first {whole_percent(share)}", data[: int(share * len(data))]
        for number in range(10):
            damaged = bytearray(data)
            for _ in range(1 + number):
                damaged[choice.randrange(len(data))] ^= 1 << choice.randrange(8)
            yield f"{kind}, {number + 1} bits flipped", bytes(damaged)
    for side in (0, 1, 20_001, 2**16, 2**31 - 1):
        yield f"PNG that claims {side} × {side} pixels", png(side, side)
    yield "PNG with 100 MB of text in 100 kB", png(8, 8, b"zTXt", text := b"a\0\0" + zeros(10**8))
    yield "PNG with a profile of 100 MB in 100 kB", png(8, 8, b"iCCP", text)
    yield "JPEG of 2,000 scans", many_scans(2_000)
    yield "JPEG of 8 million pixels and as many scans as fit", many_scans(10**6, (4000, 2000))
    frames = [Image.new("P", (2, 2), number % 256) for number in range(2_000)]
    yield "GIF of 2,000 frames", saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    yield "15 MiB of zeros", bytes(15 * 2**20)
    yield "15 MiB of zeros after the start of a JPEG", b"\xff\xd8\xff" + bytes(15 * 2**20 - 3)
    yield "no bytes", b""


def zeros(size: int) -> bytes:
    return zlib.compress(bytes(size), 9)


def png(width: int, height: int, name: bytes = b"tEXt", content: bytes = b"a\0b") -> bytes:
    """A PNG file with one more chunk, and with the pixels of eight lines."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (name, content),
        (b"IDAT", zlib.compress(b"\0" * 8 * 25)),
        (b"IEND", b""),
    ]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def many_scans(count: int, size: tuple[int, int] = (640, 480)) -> bytes:
    """A progressive JPEG whose last scan comes again and again, up to the largest file."""
    data = saved(Image.new("RGB", size, "teal"), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    scan = data[start:-2]
    fits = (Limits().max_bytes - len(data)) // len(scan)
    return data[:start] + scan * min(count, fits) + data[-2:]


def files_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


def send(site: Site, name: str, data: bytes) -> tuple[int, float]:
    """The status of the answer, and the seconds until it came."""
    start_time = time.monotonic()
    url = f"{site.url}/api/v1/classifications/"
    sent = {"image": (Path(name).name, data)}
    answer = requests.post(url, files=sent, headers={"Prefer": "wait=30"}, timeout=120)
    while answer.status_code == 202:
        time.sleep(0.1)
        answer = requests.get(site.url + answer.json()["url"], timeout=120)
    return answer.status_code, time.monotonic() - start_time


def child_cost(data: bytes) -> tuple[str, int, float]:
    """The outcome of a child, and the memory (bytes) and processor time (seconds) that it took."""
    endings = []
    shared_run = pool.shared._run

    def run(*arguments: object) -> object:
        endings.append(shared_run(*arguments))  # type: ignore[arg-type]
        return endings[-1]

    pool.shared._run = run  # type: ignore[method-assign, assignment]
    try:
        pool.shared.decode(data, limits=Limits())
        outcome = "decoded"
    except DecodeError as error:
        outcome = error.code
    finally:
        pool.shared._run = shared_run  # type: ignore[method-assign]
    return outcome, endings[-1].peak_bytes, endings[-1].cpu_seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="with any files, in any folders")
    parser.add_argument("--data-dir", type=Path, help="a prepared DATA_DIR saves the first start")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    files = {f"made: {name}": data for name, data in horrors(arguments.seed)}
    if arguments.folder:
        files |= dict(files_of(arguments.folder))
    with tempfile.TemporaryDirectory(prefix="speakup-hostile-") as temporary:
        site = Site(arguments.data_dir or Path(temporary))
        try:
            answers = {name: send(site, name, data) for name, data in files.items()}
        finally:
            site.stop()
    costs = {name: child_cost(data) for name, data in files.items()}
    print(f"{len(files)} files")
    for status, count in sorted(Counter(status for status, _ in answers.values()).items()):
        print(f"  {count} × {status}")
    for outcome, count in Counter(outcome for outcome, *_ in costs.values()).most_common():
        print(f"  {count} × {outcome}")
    print("slowest:")
    for name in sorted(answers, key=lambda name: -answers[name][1])[:5]:
        print(f"  {answers[name][1]:.2f} s, {answers[name][0]}: {name}")
    print("most memory:")
    for name in sorted(costs, key=lambda name: -costs[name][1])[:5]:
        print(f"  {costs[name][1] / 1e6:.0f} MB, {costs[name][2]:.2f} s, {costs[name][0]}: {name}")
    print("most processor time:")
    for name in sorted(costs, key=lambda name: -costs[name][2])[:5]:
        print(f"  {costs[name][2]:.2f} s, {costs[name][0]}: {name}")
    wrong = [name for name, (status, _) in answers.items() if status // 100 not in (2, 4)]
    wrong += [name for name, (_, seconds) in answers.items() if seconds > LONGEST_SECONDS]
    wrong += [name for name, (_, peak, _) in costs.items() if peak > Limits().memory_bytes]
    for name in wrong:
        print(f"WRONG: {name}: {answers[name]}, {costs[name]}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
