import json

import pytest

from modeltrain.__main__ import main
from modeltrain.audit import columns, evaluate
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from tests.modeltrain.conftest import blobs


@pytest.fixture
def files(tmp_path):
    rows, images = [], {}
    for number in range(3):
        sha256 = pixel_sha256(blobs(number))
        (tmp_path / f"{number}.png").write_bytes(to_png(blobs(number)))
        images[sha256] = str(tmp_path / f"{number}.png")
        rows.append(Row(sha256, "neutral", {"tone": "dark"}, "audit", "blobs", sha256))
    manifest.write(tmp_path / "audit.jsonl", rows)
    (tmp_path / "images.json").write_text(json.dumps(images))
    return [f"--manifest={tmp_path / 'audit.jsonl'}", f"--images={tmp_path / 'images.json'}"]


@pytest.mark.parametrize("suffix", [".jsonl", ".npz"])
def test_answers_and_figures_lie_side_by_side(published, files, tmp_path, suffix):
    out = tmp_path / "audits" / f"v1{suffix}"
    arguments = [f"--artifact={published.path}", *files, f"--out={out}"]
    assert main(["audit", "--json-progress", *arguments]) == 0
    figures = json.loads(out.with_suffix(".json").read_text())
    assert figures["images"] == 3
    answers = columns.read(out) if suffix == ".npz" else evaluate.read_predictions(out)
    assert len(answers) == 3
