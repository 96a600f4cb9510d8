"""A picture's way through a running site and out of it, searched for before and after.

    DATA_DIR=/some/folder make run                       # in one terminal, until it says ready
    DATA_DIR=/some/folder .venv/bin/python bench/erasure.py

Reports made-up pictures that no package holds, tries the same ones on the demo, accepts and folds
them, lets a retrain learn from them (minutes; --no-retrain leaves that out), withdraws, waits a
minute, and lets `manage.py find_traces` search all tables, files, logs and Redis. Exits 1 where it
found nothing before, or anything after. The site must have one key.
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


def picture(seed: int) -> bytes:
    """Soft blobs with a flat shape, which is nobody's and in no package."""
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
        done = requests.request(method, address, headers=headers, timeout=120, **arguments)
        if not done.ok:
            raise SystemExit(f"{path} answered {done.status_code}: {done.text}")
        return done.json()

    def report(self, data: bytes, *, expected: str) -> str:
        fields = {"expected_label": expected, "consent_store": "true", "consent_train": "true"}
        sent = self.call("POST", "reports/", data=fields, files={"images": ("mine.png", data)})
        return str(sent["receipt"])

    def classify(self, data: bytes) -> str:
        files = {"image": ("mine.png", data)}
        return str(self.call("POST", "classifications/", files=files)["label"])


def until(done: Callable[[], Any], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit(f"Waited {seconds:.0f} s for {what}.")
        time.sleep(1)


def accept(site: Site, wanted: int) -> None:
    accepted: set[int] = set()

    def all_of_them() -> bool:
        for case in site.call("GET", "triage/?page_size=200")["results"]:
            site.call("POST", f"triage/{case['id']}/decision/", json={"outcome": "accepted"})
            accepted.add(case["id"])
        return len(accepted) >= wanted

    until(all_of_them, seconds=120, what="the reports to be screened")


def learn(site: Site) -> None:
    """Propose and approve a retrain, and wait for its end."""
    path = f"retrains/{site.call('POST', 'retrains/')['id']}/"
    site.call("POST", f"{path}approve/")
    ended = ("evaluated", "failed")
    until(lambda: site.call("GET", path)["status"] in ended, seconds=1800, what="the retrain")
    now = site.call("GET", path)
    print(f"retrain: {now['status']} {now.get('failure', '')}".strip(), flush=True)


def traces(data_dir: Path, paths: list[Path]) -> list[str]:
    kept = {**os.environ, "DATA_DIR": str(data_dir), "REDIS_URL": redis_of(data_dir)}
    command = [sys.executable, "manage.py", "find_traces", *map(str, paths)]
    done = subprocess.run(command, env=kept, capture_output=True, text=True)
    if not done.stdout:
        raise SystemExit(done.stderr)
    return done.stdout.splitlines()


def redis_of(data_dir: Path) -> str:
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
    start = time.time_ns() % 1_000_000  # other pictures each time
    pictures = [picture(start + n) for n in range(args.pictures)]
    receipts = []
    for data in pictures:
        label = site.classify(data)
        receipts.append(
            site.report(data, expected="drawings" if label != "drawings" else "neutral")
        )
    accept(site, len(receipts))
    if not args.no_retrain:
        learn(site)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"picture-{n}.png" for n in range(len(pictures))]
        for path, data in zip(paths, pictures, strict=True):
            path.write_bytes(data)
        before = traces(data_dir, paths)
        for receipt in receipts:
            where = f"{args.url}/r/{receipt}/withdraw/"
            requests.post(where, timeout=60, headers={"Referer": args.url}).raise_for_status()
        print(f"before: {before[-1]}\nwithdrawn; waiting {WITHIN} s", flush=True)
        time.sleep(WITHIN)
        after = traces(data_dir, paths)
    print("\n".join(f"after: {line}" for line in after))
    return 0 if len(before) > 1 and len(after) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
