import csv
import json
import os

import pytest

from modeltrain.__main__ import main
from modeltrain.images.codec import to_png
from modeltrain.labels import LABELS
from tests.modeltrain.conftest import blobs


@pytest.fixture
def folder(tmp_path):
    """A folder of three images, one of them in a folder inside it."""
    (tmp_path / "images" / "inside").mkdir(parents=True)
    for number, name in enumerate(["0.png", "1.png", "inside/2.png"]):
        (tmp_path / "images" / name).write_bytes(to_png(blobs(number)))
    return tmp_path / "images"


@pytest.fixture
def classify(published, capsys):
    """Run the verb and return its exit status, its result and its stderr."""

    def run(*arguments):
        command = ["classify", "--json-progress", f"--artifact={published.path}"]
        status = main([*command, *map(str, arguments)])
        output = capsys.readouterr()
        return status, json.loads(output.out.splitlines()[-1]), output.err

    return run


def test_each_image_has_its_label_and_its_scores(classify, classifier, folder):
    status, last, _ = classify(folder / "0.png", folder / "1.png")
    images = last["result"]["images"]
    expected = classifier.classify(blobs(1))
    assert status == 0
    assert images[str(folder / "1.png")] == {
        "label": expected.label,
        "scores": dict(expected.scores),
    }
    assert set(images[str(folder / "0.png")]["scores"]) == set(LABELS)


def test_a_folder_is_classified_at_any_depth_without_hidden_files(classify, folder):
    (folder / ".DS_Store").write_bytes(b"x")
    status, last, _ = classify(folder)
    names = ["0.png", "1.png", "inside/2.png"]
    assert (status, list(last["result"]["images"])) == (0, [str(folder / name) for name in names])


def test_a_bad_file_is_named_on_stderr_and_the_rest_is_classified(classify, folder):
    (folder / "0.png").write_text("I am a poem.")
    os.mkfifo(folder / "pipe.png")
    status, last, errors = classify(folder, folder / "gone.png")
    assert (status, len(last["result"]["images"])) == (3, 2)
    bad = ["0.png", "pipe.png", "gone.png"]
    assert [line.split(": ")[0] for line in errors.splitlines()] == [
        str(folder / name) for name in bad
    ]
    assert "Send the image itself." in errors
    assert last["result"]["problems"] == errors.splitlines()


@pytest.mark.parametrize("arguments", [["out.csv"], ["out.txt", "--format=csv"]])
def test_answers_are_written_as_csv(classify, classifier, folder, tmp_path, arguments):
    (folder / os.fsdecode(b"caf\xe9, 3.png")).write_text("I am a poem.")
    out = tmp_path / arguments[0]
    status, last, _ = classify(folder, f"--out={out}", *arguments[1:])
    with out.open(newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert (status, last["result"]["classified"], len(rows)) == (3, 3, 3)
    expected = classifier.classify(blobs(2))
    row = rows[str(folder / "inside" / "2.png")]
    assert row["label"] == expected.label
    assert {label: float(row[f"score:{label}"]) for label in LABELS} == expected.scores


@pytest.mark.parametrize("arguments", [["out.jsonl"], ["out.csv", "--format=jsonl"], ["out"]])
def test_answers_are_written_as_json_lines(classify, classifier, folder, tmp_path, arguments):
    out = tmp_path / arguments[0]
    status, _, _ = classify(folder, f"--out={out}", *arguments[1:])
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    expected = classifier.classify(blobs(0))
    assert (status, len(lines)) == (0, 3)
    assert lines[0] == {
        "path": str(folder / "0.png"),
        "label": expected.label,
        "scores": expected.scores,
    }


def test_a_format_without_a_file_is_refused(classify, folder):
    status, last, _ = classify(folder, "--format=csv")
    assert (status, last["message"]) == (
        2,
        "--format needs a file. Received: --format without --out. Add --out.",
    )
