"""How much longer does a visitor wait than the model takes, and how busy is the model at most?

    PYTHONPATH=. .venv/bin/python bench/end_to_end.py

Starts a site with one inference worker. Classifies a photograph with the model alone, then over
HTTP one at a time, then with several visitors at once. Prints the times, the rate, both as a ratio
to the model alone, and the processor time that each process took for an image.
"""

import argparse
import io
import itertools
import json
import os
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
import psutil
import requests
from PIL import Image
from sklearn.datasets import load_sample_image

from bench.temporary_site import site
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier

SIZE = (640, 427)


def photographs() -> Iterator[bytes]:
    """JPEG files of one photograph, all different: each has another pixel changed."""
    pixels = np.asarray(Image.fromarray(load_sample_image("china.jpg")).resize(SIZE)).copy()
    for number in itertools.count():
        pixels[0, number % SIZE[0]] = number // SIZE[0] % 256
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "JPEG", quality=95)
        yield out.getvalue()


def model_alone(classifier: Classifier, seconds: float) -> list[float]:
    pixels = np.asarray(Image.open(io.BytesIO(next(photographs()))))
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(times) < 5:
        start_time = time.perf_counter()
        classifier.classify(pixels)
        times.append(time.perf_counter() - start_time)
    return times


@contextmanager
def running(port: int) -> Iterator[dict[str, psutil.Process]]:
    """The web process and the inference worker, as the supervisor starts them."""
    from setup.supervision import programs

    commands = programs(
        data_dir=Path(os.environ["DATA_DIR"]),
        port=port,
        threads=8,
        inference_processes=os.cpu_count() or 1,
        own_redis=False,
    )
    started = {
        name: subprocess.Popen(
            commands[name].replace("%%h", "bench").split(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name in ("web", "inference")
    }
    try:
        yield {name: psutil.Process(process.pid) for name, process in started.items()}
    finally:
        for process in started.values():
            process.terminate()
        for process in started.values():
            process.wait()


def processor_seconds(process: psutil.Process) -> float:
    family = [process, *process.children(recursive=True)]
    return sum(sum(member.cpu_times()[:4]) for member in family)


def classify(session: requests.Session, url: str, image: bytes) -> float:
    start_time = time.perf_counter()
    response = session.post(url, files={"image": image}, headers={"Prefer": "wait=30"}, timeout=60)
    response.raise_for_status()
    if response.json()["status"] != "done":
        raise SystemExit(f"no answer: {response.text}")
    return time.perf_counter() - start_time


def at_once(url: str, images: list[bytes], visitors: int) -> float:
    """Images a second with so many visitors, each of whom sends an image as soon as it may."""
    sessions = [requests.Session() for _ in range(visitors)]
    remaining = iter(images)

    def visit(session: requests.Session) -> None:
        for image in remaining:
            classify(session, url, image)

    start_time = time.perf_counter()
    with ThreadPoolExecutor(visitors) as pool:
        list(pool.map(visit, sessions))
    return len(images) / (time.perf_counter() - start_time)


def measure(folder: Path, *, port: int, images: int, visitors: int) -> dict[str, float]:
    from django.utils import timezone

    from feedback.models import ModelVersion

    model = artifact.load(next(folder.glob("artifacts/[0-9a-f]*")))
    ModelVersion.objects.create(
        number=1,
        sha256=model.sha256,
        title="Published",
        status="champion",
        promoted_at=timezone.now(),
    )
    files = list(itertools.islice(photographs(), 2 * images + 5))
    url = f"http://127.0.0.1:{port}/api/v1/classifications/"
    alone = statistics.median(model_alone(Classifier(model), 3))
    with running(port) as processes, requests.Session() as session:
        _wait_until_ready(port)
        for image in files[:5]:
            classify(session, url, image)
        latency = statistics.median(
            classify(session, url, image) for image in files[5 : images + 5]
        )
        before = {name: processor_seconds(process) for name, process in processes.items()}
        rate = at_once(url, files[images + 5 :], visitors)
        after = {name: processor_seconds(process) for name, process in processes.items()}
        memory = [child.memory_info().rss for child in processes["inference"].children()]
    return {
        "model alone, ms": 1000 * alone,
        "over HTTP, ms": 1000 * latency,
        "over HTTP / model alone": latency / alone,
        "images a second": rate,
        "share of the model's rate": rate * alone,
        "memory of an inference process, MB": max(memory) / 1e6,
        **{
            f"processor time of {name}, ms an image": 1000 * (after[name] - before[name]) / images
            for name in processes
        },
    }


def _wait_until_ready(port: int) -> None:
    for _ in range(600):
        try:
            answer = requests.get(f"http://127.0.0.1:{port}/health/ready/", timeout=5).json()
        except requests.RequestException:
            answer = {}
        if answer.get("ready"):
            return
        time.sleep(0.2)
    raise SystemExit(f"the site is not ready: {answer}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--visitors", type=int, default=4)
    parser.add_argument("--port", type=int, default=8765)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "modeltrain", "convert"]
        command += ["--package=node_modules/nsfwjs", f"--artifacts={folder / 'artifacts'}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with site(folder, RATE_CLASSIFICATIONS="100000/minute"):
            figures = measure(
                folder, port=arguments.port, images=arguments.images, visitors=arguments.visitors
            )
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}, indent=2))


if __name__ == "__main__":
    main()
