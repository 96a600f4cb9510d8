"""Does a running site answer what it accepts, and do pages stay fast, when too many images come?

    RATE_CLASSIFICATIONS=10000/minute make run
    PYTHONPATH=. .venv/bin/python bench/overload.py http://127.0.0.1:8000

Sends images and reads pages at fixed rates. Prints what became of the images, and how long pages
and answers took. Fails if an accepted image was not answered.
"""

import argparse
import io
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import requests
from PIL import Image

PAGES = ("/", "/models/", "/reports/", "/ledger/")
ANSWER_SECONDS = 300


def noise(number: int) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(out, "JPEG")
    return out.getvalue()


def send(site: str, number: int) -> tuple[str, float]:
    """What became of an image, and after how many seconds."""
    start_time = time.monotonic()
    answer = requests.post(
        f"{site}/api/v1/classifications/",
        files={"image": noise(number)},
        headers={"Prefer": "wait=0"},
        timeout=60,
    )
    if answer.status_code not in (200, 202):
        wording = "with" if "Retry-After" in answer.headers else "without"
        return f"refused at once: {answer.status_code} {wording} Retry-After", 0.0
    while answer.status_code == 202 and time.monotonic() - start_time < ANSWER_SECONDS:
        time.sleep(int(answer.headers["Retry-After"]))
        answer = requests.get(site + answer.json()["url"], timeout=60)
    outcome = "answered" if answer.status_code == 200 else "accepted and not answered"
    return outcome, time.monotonic() - start_time


def read(site: str, number: int) -> tuple[str, float]:
    start_time = time.monotonic()
    answer = requests.get(site + PAGES[number % len(PAGES)], timeout=60)
    return str(answer.status_code), time.monotonic() - start_time


def at_rate(
    pool: ThreadPoolExecutor,
    action: Callable[[str, int], tuple[str, float]],
    *,
    site: str,
    rate: float,
    seconds: int,
) -> "list[Future[tuple[str, float]]]":
    futures = []
    start_time = time.monotonic()
    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, start_time + number / rate - time.monotonic()))
        futures.append(pool.submit(action, site, number))
    return futures


def summary(outcomes: list[tuple[str, float]]) -> str:
    lines = []
    for outcome, count in sorted(Counter(name for name, _ in outcomes).items()):
        seconds = sorted(taken for name, taken in outcomes if name == outcome)
        p95, longest = seconds[int(0.95 * len(seconds))], seconds[-1]
        lines.append(f"  {count} × {outcome}: p95 {p95:.2f} s, longest {longest:.2f} s")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site")
    parser.add_argument("--images", type=float, default=5, help="images a second")
    parser.add_argument("--reads", type=float, default=10, help="pages a second")
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
    with ThreadPoolExecutor(600) as pool:
        rates = ((send, arguments.images), (read, arguments.reads))
        streams = [
            pool.submit(
                at_rate, pool, action, site=arguments.site, rate=rate, seconds=arguments.seconds
            )
            for action, rate in rates
        ]
        images, pages = ([future.result() for future in stream.result()] for stream in streams)
    print(f"{len(images)} images\n{summary(images)}\n{len(pages)} pages\n{summary(pages)}")
    return int(any(outcome == "accepted and not answered" for outcome, _ in images))


if __name__ == "__main__":
    sys.exit(main())
