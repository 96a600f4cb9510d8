"""Measure how long a reviewer waits between cases when deciding fifty by keyboard.

    PYTHONPATH=. .venv/bin/python bench/triage_by_keyboard.py --out triage.json

Takes a minute or two on two cores: 10,000 reports in SQLite, the site's own server, a real Redis,
and Chromium. Every report has an image and its PDQ hash. Half of the decided cases have one
to nine near-duplicates in the queue, which are decided together with them. Two of three cases are
accepted; the third is rejected with a reason and a note to the reporter. The time runs from the
deciding key press until the next case and its images are loaded. Images of near-duplicates load
later.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from bench.temporary_site import temporary_site

CASES, DECIDED, SEED = 10_000, 50, 1


def near_duplicate_hash(pdq: bytes) -> bytes:
    """A PDQ hash that differs in a few bits."""
    return bytes([pdq[0] ^ 255, *pdq[1:]])


def build() -> tuple[int, float]:
    """Create the data. Return the number of near-duplicates, and the seconds to find one's."""
    from django.contrib.auth.models import Group, User
    from django.utils import timezone

    from feedback import roles
    from feedback.management.commands.load_demo import load_axes
    from feedback.models import Example, ExampleScore, ModelVersion, Report, StoredImage
    from feedback.services import images, ledger

    ledger.begin()
    load_axes()
    random = np.random.default_rng(SEED)
    model = ModelVersion.objects.create(
        number=1, sha256="a" * 64, title="First", status="champion", promoted_at=timezone.now()
    )
    reports = [
        Report(pk=n + 1, status="queued", expected_label="drawings", consent_store=True)
        for n in range(CASES)
    ]
    Report.objects.bulk_create(reports, batch_size=500)
    decided_images = [
        images.store(random.integers(0, 256, (300, 400, 3), dtype=np.uint8))
        for _ in range(DECIDED + 1)
    ]
    # The decided cases are the oldest, and their near-duplicates the newest: the worst case.
    originals = [
        image for n, image in enumerate(decided_images) for _ in range(n % 2 * (1 + n % 9))
    ]
    unrelated = [random.bytes(32) for _ in range(CASES - len(decided_images) - len(originals))]
    hashes = unrelated + [near_duplicate_hash(bytes.fromhex(image.pdq)) for image in originals]
    common = {"pdq_quality": 100, "file": decided_images[0].file.name, "width": 400, "height": 300}
    stored = [
        StoredImage(sha256=f"{n:064x}", pdq=pdq.hex(), **common) for n, pdq in enumerate(hashes)
    ]
    StoredImage.objects.bulk_create(stored, batch_size=500)
    examples = [
        Example(report=report, position=0, image=image, image_sha256=image.sha256)
        for report, image in zip(reports, decided_images + stored, strict=True)
    ]
    Example.objects.bulk_create(examples, batch_size=500)
    started = time.perf_counter()
    for image in decided_images + stored[len(unrelated) :]:
        images.join_cluster(image)
    seconds = (time.perf_counter() - started) / (len(decided_images) + len(originals))
    scores = {"drawings": 0.1, "hentai": 0.0, "neutral": 0.9, "porn": 0.0, "sexy": 0.0}
    ExampleScore.objects.bulk_create(
        [
            ExampleScore(example=example, model=model, label="neutral", scores=scores)
            for example in examples
        ],
        batch_size=500,
    )
    ravi = User.objects.create_user("ravi", password="only for this measurement")
    ravi.groups.add(Group.objects.get_or_create(name=roles.REVIEWERS)[0])
    return len(originals), seconds


def decide(page, number: int) -> float:
    """Decide the open case, and return the seconds until the next one is loaded."""
    deciding_key = "a"
    if number % 3 == 0:
        for key in ("r", "2", "Tab"):
            page.keyboard.press(key)
        page.keyboard.type("A photograph.")
        page.keyboard.press("Tab")
        deciding_key = "Enter"
    started = time.perf_counter()
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press(deciding_key)
    return time.perf_counter() - started


def drive(url: str) -> list[float]:
    from playwright.sync_api import sync_playwright

    from tests.chromium import ARGUMENTS, CHROMIUM

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page()
        page.goto(f"{url}/sign-in/?next=/triage/")
        page.get_by_label("Name").focus()
        page.keyboard.type("ravi")
        page.keyboard.press("Tab")
        page.keyboard.type("only for this measurement")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        with page.expect_navigation():
            page.keyboard.press("n")
        times = [decide(page, number) for number in range(DECIDED)]
        browser.close()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with temporary_site() as folder:
        # Playwright runs an event loop in this thread, and Django takes that for asynchronous code.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        from setup import supervision

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        near_duplicates, seconds = build()
        command = supervision.programs(data_dir=folder, port=port, threads=8, own_redis=False)[
            "web"
        ]
        web = subprocess.Popen(command.split(), stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                with socket.socket() as connection:
                    if not connection.connect_ex(("127.0.0.1", port)):
                        break
                time.sleep(0.1)
            times = drive(f"http://127.0.0.1:{port}")
        finally:
            web.terminate()
            web.wait(timeout=30)
        from feedback.models import Report

        decided = Report.objects.exclude(status="queued").count()
        if decided != DECIDED + near_duplicates:
            sys.exit(f"{DECIDED + near_duplicates} reports must be decided. Received: {decided}.")
        figures = {
            "queued": CASES,
            "cases_decided": DECIDED,
            "reports_decided": decided,
            "ms_to_find_near_duplicates_at_screening": seconds * 1000,
            "median_ms": float(np.median(times)) * 1000,
            "p95_ms": float(np.quantile(times, 0.95)) * 1000,
        }
        print(json.dumps(figures, indent=2))
        if args.out:
            args.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
