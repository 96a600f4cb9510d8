"""A small real dataset: flat drawings as reports, and soft noise as anchors."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import resvg_py
from PIL import Image

from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.model.classifier import Classifier

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "node_modules" / "nsfwjs"
DRAWINGS = ROOT / "node_modules" / "openmoji" / "color" / "svg"


def drawing(number: int, size: int = 299) -> np.ndarray:
    """The same flat vector drawing for the same number, on white."""
    path = sorted(DRAWINGS.glob("1F[4-6]*.svg"))[number * 7]
    data = bytes(resvg_py.svg_to_bytes(svg_path=str(path), width=size, background="white"))
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def blobs(number: int) -> np.ndarray:
    """Soft coloured blobs, different for every number."""
    coarse = np.random.default_rng(number).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((120, 90), Image.Resampling.BICUBIC))


@dataclass(frozen=True)
class Dataset:
    rows: list[Row]
    images: dict[str, Path]


@pytest.fixture(scope="session")
def classifier(published) -> Classifier:
    return Classifier(published)


@pytest.fixture
def dataset(tmp_path) -> Callable[..., Dataset]:
    """Build a dataset of reported drawings and anchors; every fourth one is for validation."""

    def build(drawings: int = 8, anchors: int = 8) -> Dataset:
        folder = tmp_path / "images"
        folder.mkdir(exist_ok=True)
        rows, images = [], {}
        examples = [(drawing(n, 120), "drawings", "report", n) for n in range(drawings)]
        examples += [(blobs(n), "neutral", "blobs", n) for n in range(anchors)]
        for pixels, label, source, number in examples:
            sha256 = pixel_sha256(pixels)
            images[sha256] = folder / f"{sha256}.png"
            images[sha256].write_bytes(to_png(pixels))
            split = "validation" if number % 4 == 3 else "train"
            rows.append(Row(sha256, label, {}, split, source, sha256))
        return Dataset(rows, images)

    return build
