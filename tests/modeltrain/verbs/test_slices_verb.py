import json

from modeltrain.__main__ import main
from modeltrain.audit import evaluate
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.labels import LABELS
from tests.modeltrain.conftest import blobs


def test_slices_are_written(published, tmp_path):
    rows, paths, predicted = [], {}, []
    for seed in range(6):
        pixels = blobs(seed)
        sha256 = pixel_sha256(pixels)
        (tmp_path / f"{seed}.png").write_bytes(to_png(pixels))
        paths[sha256] = f"{seed}.png"
        rows.append(Row(sha256, LABELS[0], {}, "audit", f"image {seed}", str(seed)))
        scores = dict.fromkeys(LABELS, 0.0) | {LABELS[seed % 2]: 1.0}
        predicted.append(evaluate.Predicted(sha256, str(seed), LABELS[0], {}, scores))
    manifest.write(tmp_path / "audit.jsonl", rows)
    (tmp_path / "images.json").write_text(json.dumps(paths))
    evaluate.write_predictions(tmp_path / "answers.jsonl", predicted)
    arguments = [
        "slices",
        f"--artifact={published.path}",
        f"--manifest={tmp_path / 'audit.jsonl'}",
        f"--images={tmp_path / 'images.json'}",
        f"--cache={tmp_path / 'cache'}",
        f"--predictions={tmp_path / 'answers.jsonl'}",
        f"--out={tmp_path / 'slices.json'}",
    ]
    assert main(arguments) == 0
    assert json.loads((tmp_path / "slices.json").read_text()) == []
