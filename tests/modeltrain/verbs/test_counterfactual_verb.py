import json

from modeltrain.__main__ import main
from modeltrain.audit import counterfactual
from modeltrain.audit.counterfactual import CounterpartSet
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.labels import LABELS
from tests.modeltrain.conftest import blobs


def test_counterpart_sets_and_changed_copies_are_compared(published, tmp_path):
    rows, paths = [], {}
    for seed in range(6):
        pixels = blobs(seed)
        sha256 = pixel_sha256(pixels)
        (tmp_path / f"{seed}.png").write_bytes(to_png(pixels))
        paths[sha256] = f"{seed}.png"
        rows.append(Row(sha256, LABELS[2], {}, "audit", "made", str(seed)))
    manifest.write(tmp_path / "audit.jsonl", rows)
    (tmp_path / "images.json").write_text(json.dumps(paths))
    dark, light = sorted(paths)[:2]
    sets = [CounterpartSet("tone", "blobs", {"dark": dark, "light": light})]
    counterfactual.write_sets(tmp_path / "sets.jsonl", sets)
    arguments = [
        "counterfactual",
        f"--artifact={published.path}",
        f"--manifest={tmp_path / 'audit.jsonl'}",
        f"--images={tmp_path / 'images.json'}",
        f"--sets={tmp_path / 'sets.jsonl'}",
        f"--out={tmp_path / 'out.json'}",
        "--changes-on=2",
    ]
    assert main(arguments) == 0
    figures = json.loads((tmp_path / "out.json").read_text())
    assert figures["tone"]["sets"] == 1
    assert figures["greyscale"]["images"] == 2
