"""Images, and the published model, for every test."""

import hashlib
import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from modeltrain.model import artifact
from modeltrain.model.artifact import Artifact
from tests.turns import alone

# On a busy machine, the time that one example takes says nothing about the code.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

ROOT = Path(__file__).resolve().parent.parent
CONVERTER = b"".join(
    (ROOT / "modeltrain" / "network" / f"{name}.py").read_bytes()
    for name in ("published_model", "inception", "export")
)  # artifacts are converted again when these files change
PUBLISHED = ROOT / "var" / "test-artifacts" / hashlib.sha256(CONVERTER).hexdigest()[:12]


def png(seed: int = 0, size: tuple[int, int] = (40, 30)) -> bytes:
    """A small picture, another one for every seed."""
    out = io.BytesIO()
    Image.fromarray(noise(seed, size)).save(out, "PNG")
    return out.getvalue()


def noise(seed: int = 0, size: tuple[int, int] = (40, 30)) -> np.ndarray:
    """Soft blobs, so that perceptual hashes have something to hold on to."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    return np.asarray(coarse.resize(size, Image.Resampling.BICUBIC))


# Longest first. Begun at the end, one of these would keep one worker busy while the others idle.
LONGEST = (
    "tests/flows/test_loop_by_api.py",
    "tests/modeltrain/training/test_article.py",
    "tests/flows/test_loop_in_browser.py",
    "tests/feedback/services/test_findings.py",
    "tests/modeltrain/training/test_head.py",
    "tests/modeltrain/training/test_fine_tune.py",
    "tests/browser",
    "tests/modeltrain/network/test_quantize.py",
    "tests/setup/test_watchdog.py",
    "tests/nsfwsite/test_server.py",
    "tests/nsfwsite/api/test_schema.py",
    "tests/nsfwsite/test_full_disk.py",
    "tests/test_architecture.py",
    "tests/test_roles.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; the Makefile has xdist keep this order."""
    items.sort(key=_place_in_queue)


def _place_in_queue(item: pytest.Item) -> int:
    path = item.path.relative_to(ROOT).as_posix() if item.path.is_relative_to(ROOT) else ""
    return next((n for n, name in enumerate(LONGEST) if path.startswith(name)), len(LONGEST))


@pytest.fixture(scope="session")
def published() -> Artifact:
    """The published model, converted once and cached for later runs."""
    with alone("published"):
        return _published()


def _published() -> Artifact:
    for folder in PUBLISHED.glob("[0-9a-f]*"):
        try:
            candidate = artifact.load(folder)
        except artifact.ArtifactCorrupt:
            shutil.rmtree(folder)
            continue
        if candidate.config["name"] == "published":
            return candidate
    command = [sys.executable, "-m", "modeltrain", "convert"]
    package = ROOT / "node_modules" / "nsfwjs"
    arguments = [f"--package={package}", f"--artifacts={PUBLISHED}"]
    subprocess.run([*command, *arguments], cwd=ROOT, check=True)
    return artifact.load(next(PUBLISHED.glob("[0-9a-f]*")))
