"""Search a running site for images before and after their reports are withdrawn.

    DATA_DIR=/some/folder make run                       # in one terminal, until it says ready
    DATA_DIR=/some/folder .venv/bin/python bench/erasure.py

Classifies and reports generated images, accepts the reports, trains on them (which takes minutes;
--no-retrain skips it), withdraws the reports, waits a minute, and lets `manage.py find_traces`
search all tables, files, logs and Redis. Exits 1 if it found nothing before the withdrawal, or
anything after it. The site must need only one reviewer per decision.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import requests
from PIL import Image

WITHIN = 60  # seconds


def blob_image(seed: int) -> bytes:
    """A PNG of soft blobs, which exists nowhere else."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    out = io.BytesIO()
    coarse.resize((400, 300), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


class Site:
    def __init__(self, url: str, token: str) -> None:
        self.url, self.secret = url, {"Authorization": f"Token {token}"}

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        address = f"{self.url}/api/v1/{path}"
        headers = {**self.secret, "Prefer": "wait=30"}
        response = requests.request(method, address, headers=headers, timeout=120, **arguments)
        if not response.ok:
            raise SystemExit(f"{path} answered {response.status_code}: {response.text}")
        return response.json()

    def report(self, data: bytes, *, expected: str) -> str:
        fields = {"expected_label": expected, "consent_store": "true", "consent_train": "true"}
        report = self.call("POST", "reports/", data=fields, files={"images": ("mine.png", data)})
        return str(report["receipt"])

    def classify(self, data: bytes) -> str:
        files = {"image": ("mine.png", data)}
        return str(self.call("POST", "classifications/", files=files)["label"])


def wait_until(condition: Callable[[], Any], *, seconds: float, event: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"Waited {seconds:.0f} s for {event}.")
        time.sleep(1)


def accept_all(site: Site, expected: int) -> None:
    accepted: set[int] = set()

    def all_accepted() -> bool:
        for case in site.call("GET", "triage/?page_size=200")["results"]:
            site.call("POST", f"triage/{case['id']}/decision/", json={"outcome": "accepted"})
            accepted.add(case["id"])
        return len(accepted) >= expected

    wait_until(all_accepted, seconds=120, event="the reports to be screened")


def retrain(site: Site) -> None:
    """Propose and approve a retrain, and wait until it ends."""
    path = f"retrains/{site.call('POST', 'retrains/')['id']}/"
    site.call("POST", f"{path}approve/")
    ended = ("evaluated", "failed")
    wait_until(lambda: site.call("GET", path)["status"] in ended, seconds=1800, event="the retrain")
    result = site.call("GET", path)
    print(f"retrain: {result['status']} {result.get('failure', '')}".strip(), flush=True)


def find_traces(data_dir: Path, paths: list[Path]) -> list[str]:
    environment = {**os.environ, "DATA_DIR": str(data_dir), "REDIS_URL": redis_url(data_dir)}
    command = [sys.executable, "manage.py", "find_traces", *map(str, paths)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    if not result.stdout:
        raise SystemExit(result.stderr)
    return result.stdout.splitlines()


def redis_url(data_dir: Path) -> str:
    """The address of the Redis that `make run` started for this folder."""
    if url := os.environ.get("REDIS_URL"):
        return url
    config = (data_dir / "redis" / "redis.conf").read_text().split()
    port, password = (config[config.index(name) + 1] for name in ("port", "requirepass"))
    return f"redis://:{password}@127.0.0.1:{port}/0"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--no-retrain", action="store_true")
    args = parser.parse_args()
    data_dir = Path(os.environ.get("DATA_DIR") or "var").absolute()
    token = json.loads((data_dir / "maintainer.json").read_text())["token"]
    site = Site(args.url, token)
    first_seed = time.time_ns() % 1_000_000  # other images in every run
    images = [blob_image(first_seed + n) for n in range(args.pictures)]
    receipts = []
    for data in images:
        label = site.classify(data)
        receipts.append(
            site.report(data, expected="drawings" if label != "drawings" else "neutral")
        )
    accept_all(site, len(receipts))
    if not args.no_retrain:
        retrain(site)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"picture-{n}.png" for n in range(len(images))]
        for path, data in zip(paths, images, strict=True):
            path.write_bytes(data)
        before = find_traces(data_dir, paths)
        for receipt in receipts:
            url = f"{args.url}/r/{receipt}/withdraw/"
            requests.post(url, timeout=60, headers={"Referer": args.url}).raise_for_status()
        print(f"before: {before[-1]}\nwithdrawn; waiting {WITHIN} s", flush=True)
        time.sleep(WITHIN)
        after = find_traces(data_dir, paths)
    print("\n".join(f"after: {line}" for line in after))
    return 0 if len(before) > 1 and len(after) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
