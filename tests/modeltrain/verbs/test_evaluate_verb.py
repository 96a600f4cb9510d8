import json

import pytest

from modeltrain.__main__ import main
from modeltrain.data import dataset
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.labels import LABELS
from tests.modeltrain.conftest import blobs

PETS = ("cats", "dogs", "fish")


@pytest.fixture
def audit_set(tmp_path):
    rows, images = [], {}
    for number in range(3):
        pixels = blobs(number)
        sha256 = pixel_sha256(pixels)
        images[sha256] = tmp_path / f"{number}.png"
        images[sha256].write_bytes(to_png(pixels))
        rows.append(Row(sha256, "neutral", {}, "audit", f"blobs {number}", sha256))
    return dataset.write(tmp_path / "set", labels=LABELS, rows=rows, images=images)


def evaluate(published, data, out):
    arguments = [f"--artifact={published.path}", f"--dataset={data.path}", f"--out={out}"]
    return main(["evaluate", "--json-progress", *arguments])


def test_figures_and_a_page_are_written(published, audit_set, tmp_path):
    assert evaluate(published, audit_set, tmp_path / "out.json") == 0
    figures = json.loads((tmp_path / "out.json").read_text())
    assert figures["images"] == 3
    accuracy = f"3 images. Accuracy {figures['accuracy']['rate']:.1%}"
    assert accuracy in (tmp_path / "out.md").read_text()


def test_a_missing_image_is_reported_and_the_rest_is_measured(published, audit_set, tmp_path):
    missing = audit_set.rows[1].sha256
    audit_set.images[missing].unlink()
    assert evaluate(published, audit_set, tmp_path / "out.json") == 3
    figures = json.loads((tmp_path / "out.json").read_text())
    assert figures["images"] == 2
    assert missing in figures["problems"][0]


def test_a_dataset_with_other_labels_is_refused(published, tmp_path, capsys):
    pets = dataset.write(tmp_path / "pets", labels=PETS, rows=[], images={})
    assert evaluate(published, pets, tmp_path / "out.json") == 2
    assert "its own labels" in capsys.readouterr().out
    assert not (tmp_path / "out.json").exists()
