"""How fast a browser classifies: with this site's two graphs, and with the npm package nsfwjs.

    PYTHONPATH=. .venv/bin/python bench/in_browser.py --out in-browser.json

Five minutes on two cores, two of them to convert and quantize the model; --artifact and --int8 name
folders of existing artifacts. All kinds take turns in one headless Chromium, with the same images.
The package runs the same Inception weights on TensorFlow.js's WebAssembly backend with SIMD:
"package" on an ordinary page, "package, threads" on one that is isolated from other origins, which
gives the backend threads too.

Times are from an image file to its scores, after warm-up. "Opening" is from the request for the
page to the first score, with everything cached: navigation, program, model and one image. The
longest task is that of the page's own thread, from the choice of ten images to the last answer.
"""

import argparse
import contextlib
import functools
import http.server
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench.temporary_site import temporary_site

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "bench" / "in_browser_pages"
BARS = {"int8": 3.0, "float32": 1.7}
LONGEST_TASK_MS = 50
CALIBRATION_IMAGES = 16
WARM_UP = 3
WATCHED = 10
PATIENCE_MS = 300_000
THREADS = "package, threads"
KINDS = ("int8", "float32", "package", THREADS)

TASKS = """
window.tasks = [];
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) window.tasks.push([task.startTime, task.duration]);
}).observe({type: "longtask", buffered: true});
"""
TIME = """async ([files, kind]) => {
  const times = [];
  for (const file of files) {
    const blob = new Blob([Uint8Array.from(atob(file), (character) => character.charCodeAt(0))]);
    const began = performance.now();
    window.scores = await bench.classify(blob);
    times.push(performance.now() - began);
  }
  return [times, window.scores];
}"""
FIRST = """async (file) => {
  const blob = new Blob([Uint8Array.from(atob(file), (character) => character.charCodeAt(0))]);
  await bench.load();
  await bench.classify(blob);
  return performance.now();
}"""
ANSWERED = """
new MutationObserver(() => {
  const answer = document.querySelector(".answer [data-says]");
  if (answer?.textContent && !window.answered) window.answered = performance.now();
}).observe(document, {subtree: true, childList: true, characterData: true});
"""


def jpeg(seed: int) -> bytes:
    """Return blobs and grain as a JPEG of 640 × 480 pixels."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    pixels = np.asarray(coarse.resize((640, 480), Image.Resampling.BICUBIC)).astype(int)
    pixels += random.integers(-8, 9, pixels.shape)
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=85)
    return out.getvalue()


def published_and_quantized(args: argparse.Namespace, folder: Path) -> tuple[Any, Any]:
    """Return the published model and its quantized export, loaded or made."""
    from modeltrain.images.codec import decode
    from modeltrain.model import artifact
    from modeltrain.network import quantize

    if not args.artifact:
        artifacts = folder / "artifacts"
        command = [sys.executable, "-m", "modeltrain", "convert", f"--artifacts={artifacts}"]
        package = ROOT / "node_modules" / "nsfwjs"
        subprocess.run(
            [*command, f"--package={package}"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
        )
        args.artifact = next(artifacts.glob("[0-9a-f]*"))
    start = artifact.load(args.artifact)
    if args.int8:
        return start, artifact.load(args.int8)
    calibration = (decode(jpeg(100 + seed)) for seed in range(CALIBRATION_IMAGES))
    files: dict[str, Path | bytes] = {
        "model.onnx": quantize.quantize(start.onnx, calibration),
        "labels.json": json.dumps(list(start.labels)).encode(),
        "config.json": json.dumps({"name": quantize.NAME, "parent": start.sha256}).encode(),
    }
    return start, artifact.write(parent=folder / "artifacts", files=files)


def build_site_data(start: Any, export: Any) -> None:
    """Write the data of a site that serves both."""
    from django.conf import settings
    from django.utils import timezone

    from feedback.models import AuditSet, Finding, ModelVersion
    from feedback.services import audits, ledger

    ledger.begin()
    for model_artifact in (start, export):
        target = settings.ARTIFACTS_DIR / model_artifact.version
        shutil.copytree(model_artifact.path, target)
    model = ModelVersion.objects.create(
        number=1,
        sha256=start.sha256,
        title="Published",
        status="champion",
        promoted_at=timezone.now(),
    )
    audit_set = AuditSet.objects.create(name="none", manifest_sha256="e" * 64, images=1, card="")
    alike = {"within": 1.0, "same": 1.0}
    Finding.objects.create(
        audit=audits.request(model=model, audit_set=audit_set),
        kind=Finding.Kind.INT8,
        status=Finding.Status.DONE,
        finished_at=timezone.now(),
        figures={
            "sha256": export.sha256,
            "graphs": {"int8": alike},
            "gate": {"verdict": "pass", "sentence": ""},
        },
    )


@contextlib.contextmanager
def site(folder: Path) -> Iterator[str]:
    from setup import supervision

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = supervision.programs(data_dir=folder, port=port, threads=8, own_redis=False)["web"]
    web = subprocess.Popen(command.split(), stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as trial:
                if not trial.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        web.terminate()
        web.wait(timeout=30)


class Cached(http.server.SimpleHTTPRequestHandler):
    """Serves the package's files with the same long caching as this site."""

    protocol_version = "HTTP/1.1"
    isolated = False

    def end_headers(self) -> None:
        if self.isolated:
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        page = self.path in ("/", "/index.html")
        self.send_header("Cache-Control", "no-cache" if page else "max-age=31536000, immutable")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class Isolated(Cached):
    isolated = True


@contextlib.contextmanager
def package(folder: Path, kind: type[Cached]) -> Iterator[str]:
    handler = functools.partial(kind, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def measure_times(pages: dict[str, Any], rounds: int) -> dict[str, list[float]]:
    """Measure milliseconds from file to scores, in turns, so that conditions are equal."""
    import base64

    files = [base64.b64encode(jpeg(seed)).decode() for seed in range(rounds)]
    times_by_kind: dict[str, list[float]] = {name: [] for name in pages}
    for name, page in pages.items():
        page.evaluate(TIME, [files[:WARM_UP], name])
    for file in files:
        for name, page in pages.items():
            times_by_kind[name] += page.evaluate(TIME, [[file], name])[0]
    return times_by_kind


def time_demo_page(
    context: Any, url: str, folder: Path, kind: str, images: int
) -> tuple[float, float]:
    """Classify on the demo page: milliseconds to the first answer, and the longest task."""
    from playwright.sync_api import expect

    page = context.new_page()
    page.add_init_script(TASKS + ANSWERED)
    page.goto(url + "/")
    page.locator("[data-here]:not([hidden])").first.wait_for()
    if kind == "float32":
        page.get_by_label("As it is").check()
    page.locator("[data-here]:not([hidden])").first.wait_for()
    chosen = page.evaluate("() => performance.now()")
    page.locator("#image").set_input_files(sorted(folder.glob("*.jpg"))[:images])
    choice = page.get_by_role("button", name="Answer here on your device")
    if choice.is_visible():  # the first time, when the model is fetched
        choice.click()
    expect(page.locator(".answer [data-waiting]:not([hidden])")).to_have_count(
        0, timeout=PATIENCE_MS
    )
    page.locator(".answer .says").first.wait_for()
    page.evaluate("() => navigator.serviceWorker.ready.then(() => null)")
    answered, tasks = page.evaluate("() => [window.answered, window.tasks]")
    page.close()
    return answered, max((length for start, length in tasks if start >= chosen), default=0.0)


def opened_package(context: Any, url: str) -> float:
    import base64

    page = context.new_page()
    page.goto(url)
    milliseconds: float = page.evaluate(FIRST, base64.b64encode(jpeg(0)).decode())
    page.close()
    return milliseconds


def longest_of_package(context: Any, url: str) -> float:
    import base64

    page = context.new_page()
    page.add_init_script(TASKS)
    page.goto(url)
    files = [base64.b64encode(jpeg(seed)).decode() for seed in range(WATCHED)]
    page.evaluate("() => bench.load()")
    page.evaluate(TIME, [files[:1], ""])
    began = page.evaluate("() => performance.now()")
    page.evaluate(TIME, [files, ""])
    page.wait_for_timeout(200)  # observers are notified after the task
    tasks = page.evaluate("() => window.tasks")
    page.close()
    return max((length for start, length in tasks if start >= began), default=0.0)


def measure(urls: dict[str, str], pages: Path, args: argparse.Namespace) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    from tests.chromium import ARGUMENTS, CHROMIUM

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        # The pages' policy allows no outside script, and the measurement is one.
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=ARGUMENTS, bypass_csp=True
        )
        context.set_default_timeout(PATIENCE_MS)
        longest = {
            kind: time_demo_page(context, urls[kind], pages, kind, WATCHED)[1]
            if kind in BARS
            else longest_of_package(context, urls[kind])
            for kind in KINDS
        }
        opening: dict[str, list[float]] = {kind: [] for kind in KINDS if kind != "float32"}
        for _ in range(args.openings):
            for kind, times in opening.items():
                times.append(
                    time_demo_page(context, urls[kind], pages, kind, 1)[0]
                    if kind in BARS
                    else opened_package(context, urls[kind])
                )
        by_name = {}
        for kind in KINDS:
            page = by_name[kind] = context.new_page()
            page.goto(urls[kind] + ("/how-it-works/" if kind in BARS else "/"))
            if kind in BARS:
                page.add_script_tag(path=str(pages / "ours.js"), type="module")
            page.wait_for_function("() => window.bench")
            page.evaluate("(kind) => bench.load(kind)", kind)
        times_by_kind = measure_times(by_name, args.images)
        context.close()
    return {
        "images": args.images,
        "median_ms": {kind: float(np.median(times)) for kind, times in times_by_kind.items()},
        "least_ms": {kind: float(np.min(times)) for kind, times in times_by_kind.items()},
        "p95_ms": {kind: float(np.quantile(times, 0.95)) for kind, times in times_by_kind.items()},
        "opening_ms": {kind: float(np.median(times)) for kind, times in opening.items()},
        "longest_task_ms": longest,
    }


def print_figures(figures: dict[str, Any]) -> None:
    median, opening = figures["median_ms"], figures["opening_ms"]
    for kind in KINDS:
        longest = figures["longest_task_ms"][kind]
        print(f"{kind:17} {median[kind]:6.0f} ms an image, longest task {longest:5.0f} ms", end="")
        print(f", opened in {opening[kind]:.0f} ms" if kind in opening else "")
    for peer in ("package", THREADS):
        faster = {kind: median[peer] / median[kind] for kind in BARS}
        figures[f"times as fast as {peer}"] = faster | {"opening": opening[peer] / opening["int8"]}
        for kind, bar in BARS.items():
            print(f"{kind} is {faster[kind]:.2f} times as fast as {peer} (bar {bar:g})")
        print(f"opening: {opening[peer] / opening['int8']:.2f} times as fast as {peer}")
    print(f"longest task: bar {LONGEST_TASK_MS} ms, under which browsers report none (0)")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
    )
    parser.add_argument("--artifact", type=Path, help="the published model, converted")
    parser.add_argument("--int8", type=Path, help="its export")
    parser.add_argument("--images", type=int, default=30, help="timed for each (default 30)")
    parser.add_argument("--openings", type=int, default=5, help="of each page (default 5)")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with temporary_site() as folder:
        # Playwright runs an event loop in this thread, and Django takes that for asynchronous code.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        build_site_data(*published_and_quantized(args, folder))
        pages = folder / "pages"
        subprocess.run(["node", str(PAGES / "build.mjs"), str(pages)], cwd=ROOT, check=True)
        for seed in range(WATCHED):
            (pages / f"{seed}.jpg").write_bytes(jpeg(seed))
        with (
            site(folder) as ours,
            package(pages, Cached) as theirs,
            package(pages, Isolated) as isolated,
        ):
            urls = dict(zip(KINDS, (ours, ours, theirs, isolated), strict=True))
            figures = measure(urls, pages, args)
    print_figures(figures)
    if args.out:
        args.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
