"""The same training runs on every installed backend; the others are reported."""

import json

import pytest

from modeltrain.__main__ import main
from modeltrain.data import dataset
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.training import compare_backends
from tests.modeltrain.conftest import blobs, drawing

LABELS = ("drawn", "soft")


@pytest.fixture
def data(tmp_path):
    rows, images = [], {}
    for label, draw in zip(LABELS, (drawing, blobs), strict=True):
        for number, split in enumerate(("train", "validation", "audit")):
            pixels = draw(number)
            sha256 = pixel_sha256(pixels)
            images[sha256] = tmp_path / f"{sha256}.png"
            images[sha256].write_bytes(to_png(pixels))
            rows.append(Row(sha256, label, {}, split, "made", sha256))
    return dataset.write(tmp_path / "set", labels=LABELS, rows=rows, images=images)


def command(published, data, folder, *more):
    arguments = {
        "dataset": data.path,
        "start": published.path,
        "cache": folder / "cache",
        "artifacts": folder / "artifacts",
        "out": folder / "compared.json",
    }
    options = [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
    return ["compare", "--json-progress", *options, *more]


def test_one_backend_is_compared_and_a_missing_one_is_reported(
    published, data, tmp_path, monkeypatch, capsys
):
    real = compare_backends.unavailable_reason
    monkeypatch.setattr(
        compare_backends,
        "unavailable_reason",
        lambda name: real("no_such_package") if name == "jax" else real(name),
    )
    quick = ["--set", "head.epochs=2", "--set", "fine.epochs=0", "--set", "copies=0"]

    status = main(command(published, data, tmp_path, "--backends", "tensorflow,jax", *quick))

    result = json.loads(capsys.readouterr().out.splitlines()[-1])["result"]
    (run,) = json.loads((tmp_path / "compared.json").read_bytes())
    assert status == 3
    assert result["problems"] == [real("no_such_package")]
    assert (run["backend"], run["epochs"], run["accuracy"]["n"]) == ("tensorflow", 2, 2)
    assert run["training_seconds"] > 0
    assert run["memory"] > 200e6
    assert "| tensorflow |" in (tmp_path / "compared.md").read_text()


def test_a_backend_that_keras_does_not_have_is_refused(published, data, tmp_path, capsys):
    status = main(command(published, data, tmp_path, "--backends", "tensorflow,mxnet"))

    output = capsys.readouterr().out
    assert status == 2
    assert "'mxnet'" in output
    assert "tensorflow, jax, torch" in output


def test_a_training_that_fails_says_why(published, data, tmp_path, capsys):
    (data.path / dataset.MANIFEST_FILE).unlink()

    status = main(command(published, data, tmp_path, "--backends", "tensorflow"))

    output = capsys.readouterr().out
    assert status == 2
    assert "tensorflow stopped with status 2" in output
    assert not (tmp_path / "compared.json").exists()
