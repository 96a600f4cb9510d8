"""The same training on each backend that is there; the others are told."""

import json

import pytest

from modeltrain.__main__ import main
from modeltrain.data import dataset
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.training import compare
from tests.modeltrain.conftest import blobs, drawing

LABELS = ("drawn", "soft")


@pytest.fixture
def pictures(tmp_path):
    rows, images = [], {}
    for label, picture in zip(LABELS, (drawing, blobs), strict=True):
        for number, split in enumerate(("train", "validation", "audit")):
            pixels = picture(number)
            sha256 = pixel_sha256(pixels)
            images[sha256] = tmp_path / f"{sha256}.png"
            images[sha256].write_bytes(to_png(pixels))
            rows.append(Row(sha256, label, {}, split, "made", sha256))
    return dataset.write(tmp_path / "set", labels=LABELS, rows=rows, images=images)


def command(published, pictures, folder, *more):
    arguments = {
        "dataset": pictures.path,
        "start": published.path,
        "cache": folder / "cache",
        "artifacts": folder / "artifacts",
        "out": folder / "compared.json",
    }
    named = [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
    return ["compare", "--json-progress", *named, *more]


def test_one_backend_is_there_and_another_is_told(
    published, pictures, tmp_path, monkeypatch, capsys
):
    real = compare.missing
    monkeypatch.setattr(
        compare, "missing", lambda name: real("no_such_package") if name == "jax" else real(name)
    )
    short = ["--set", "head.epochs=2", "--set", "fine.epochs=1", "--set", "copies=0"]

    status = main(command(published, pictures, tmp_path, "--backends", "tensorflow,jax", *short))

    result = json.loads(capsys.readouterr().out.splitlines()[-1])["result"]
    (found,) = json.loads((tmp_path / "compared.json").read_bytes())
    assert status == 3
    assert result["problems"] == [real("no_such_package")]
    assert (found["backend"], found["epochs"], found["accuracy"]["n"]) == ("tensorflow", 3, 2)
    assert found["training_seconds"] > 0
    assert found["memory"] > 200e6
    assert "| tensorflow |" in (tmp_path / "compared.md").read_text()


def test_a_backend_that_keras_does_not_have_is_refused(published, pictures, tmp_path, capsys):
    status = main(command(published, pictures, tmp_path, "--backends", "tensorflow,mxnet"))

    said = capsys.readouterr().out
    assert status == 1
    assert "'mxnet'" in said
    assert "tensorflow, jax, torch" in said


def test_a_training_that_fails_says_why(published, pictures, tmp_path, capsys):
    sha256 = pictures.rows[0].sha256
    pictures.images[sha256].unlink()

    status = main(command(published, pictures, tmp_path, "--backends", "tensorflow"))

    said = capsys.readouterr().out
    assert status == 1
    assert "tensorflow stopped with status 1" in said
    assert not (tmp_path / "compared.json").exists()
