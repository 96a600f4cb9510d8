"""A whole site in processes of its own: what `make run` starts, on a small share of the data."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from tests.conftest import ROOT
from tests.turns import alone

DEMO = ROOT / "var" / "test-demo"
START_SECONDS = 240


@dataclass
class Site:
    url: str
    data_dir: Path
    lines: list[str]

    @property
    def maintainer(self) -> dict[str, str]:
        return json.loads((self.data_dir / "maintainer.json").read_text())

    def pictures(self, wanted: Callable[[Row], bool]) -> list[Path]:
        """Images of the pool, which no model has learnt from before they are reported."""
        rows = manifest.read(DEMO / "pool.jsonl")
        return [DEMO / "images" / f"{row.sha256}.png" for row in rows if wanted(row)]


@pytest.fixture(scope="session")
def demo_data() -> Path:
    """The demo's images, rendered once and kept for the next run."""
    with alone("demo-data"):
        if not (DEMO / "audit.jsonl").is_file():
            command = [sys.executable, "-m", "modeltrain", "demo-data"]
            arguments = [f"--npm={ROOT / 'node_modules'}", f"--out={DEMO}"]
            subprocess.run([*command, *arguments], cwd=ROOT, check=True)
    return DEMO


def sample(rows: list[Row], counts: dict[str, int]) -> list[Row]:
    """The first rows of each label, at most as many as it counts."""
    rows_by_label: dict[str, list[Row]] = {label: [] for label in counts}
    for row in rows:
        rows_by_label[row.label].append(row)
    return [row for label, count in counts.items() for row in rows_by_label[label][:count]]


def prepare(data_dir: Path, demo: Path, published: Path) -> None:
    (data_dir / "artifacts").mkdir(parents=True)
    shutil.copytree(published, data_dir / "artifacts" / published.name)
    (data_dir / "demo").mkdir()
    for name in ("images", "samples"):
        (data_dir / "demo" / name).symlink_to(demo / name)
    shutil.copy(demo / "CARD.md", data_dir / "demo")
    pool, audit = (manifest.read(demo / f"{name}.jsonl") for name in ("pool", "audit"))
    reported = {kind_of(row) for row in pool}
    audit = [row for row in audit if kind_of(row) in reported]
    # Drawings come several to a cluster: fewer than these would not tell that they got better.
    for name, rows, counts in (
        ("pool", pool, {"drawings": 40, "neutral": 30}),
        ("audit", audit, {"drawings": 110, "neutral": 30}),
    ):
        manifest.write(data_dir / "demo" / f"{name}.jsonl", sample(rows, counts))


def kind_of(row: Row) -> tuple[str, str]:
    return row.label, row.source.split()[0]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def site(tmp_path_factory, demo_data, published) -> Iterator[Site]:
    data_dir = tmp_path_factory.mktemp("site")
    prepare(data_dir, demo_data, published.path)
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if name != "REDIS_URL"},
        "DATA_DIR": str(data_dir),
        "PORT": str(port),
        "SECRET_KEY": "",
        "COUNTERFACTUAL_IMAGES": "2",
        # A process that renames itself overwrites /proc/PID/environ, which `processes_of` reads.
        "NOSETPS": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "setup/run.py"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    ready = threading.Event()

    def read() -> None:
        for line in process.stdout or ():
            lines.append(line)
            if line.startswith("ready: "):
                ready.set()
        ready.set()

    reader = threading.Thread(target=read)
    reader.start()
    ready.wait(timeout=START_SECONDS)
    assert process.poll() is None, "".join(lines)
    assert lines[-1] == f"ready: http://127.0.0.1:{port}/\n", "".join(lines)
    yield Site(url=f"http://127.0.0.1:{port}", data_dir=data_dir, lines=lines)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)
    reader.join(timeout=10)
    remaining = processes_of(data_dir)
    assert not remaining, f"still running after SIGTERM: {remaining}"


def processes_of(data_dir: Path) -> dict[int, str]:
    """Processes that work in this DATA_DIR, by id, with their command lines."""
    processes = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if f"DATA_DIR={data_dir}\0".encode() in environment and command:
            processes[int(folder.name)] = command
    return processes
