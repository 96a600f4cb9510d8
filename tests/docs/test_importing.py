"""Every layout in the table of docs/importing.md is made, imported, and ends as the table says."""

import csv
import io
import json
import os
import re
import zipfile
from pathlib import Path

import pytest

from modeltrain.data import dataset
from tests.modeltrain.importing.conftest import jpeg, run_import

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "importing.md").read_text()
ROWS = dict(re.findall(r"^\| (.+?) \| .+ \| (\d+) \|$", PAGE, re.M))
BOTH = {"cats": 2, "dogs": 2}
PETS = {"cats/0.jpg": 0, "cats/1.jpg": 1, "dogs/2.jpg": 2, "dogs/3.jpg": 3}
FLAT = {f"{number}.jpg": number for number in range(4)}
README = """---
dataset_info:
  features:
  - name: image
    dtype: image
  - name: label
    dtype:
      class_label:
        names:
          '0': cats
          '1': dogs
---
# Pets
"""
INFOS = {"default": {"features": {"label": {"names": ["cats", "dogs"], "_type": "ClassLabel"}}}}


def within(folder, files=PETS):
    return {f"{folder}/{name}": content for name, content in files.items()}


def listed(labels, names=tuple(FLAT)):
    """Return metadata as JSON Lines: a line for each file."""
    lines = [{"file_name": name, "label": label} for name, label in zip(names, labels, strict=True)]
    return "\n".join(map(json.dumps, lines))


def table(rows, *columns):
    text = io.StringIO()
    csv.writer(text).writerows([["path", "label", *columns], *rows])
    return text.getvalue()


def rows(*labels):
    return [[name, label] for name, label in zip(PETS, labels, strict=True)]


NAMES, NUMBERS = ["cats", "cats", "dogs", "dogs"], [0, 0, 1, 1]
SPLITS = {"train/cats/0.jpg": 0, "test/cats/1.jpg": 1, "train/dogs/2.jpg": 2, "Test/dogs/3.jpg": 3}
DEEP = "/".join(["x" * 250] * 20)

# What is in the source; how it is imported; and the images by label that are taken.
LAYOUTS = {
    "`cats/small/1.jpg`": (PETS | {"cats/small/9.jpg": 9}, [], {"cats": 3, "dogs": 2}),
    "`data/train/cats/1.jpg`, `data/test/…`": (within("data", SPLITS), [], BOTH),
    "`cats/train/1.jpg`, `cats/test/…`": (
        {"cats/train/0.jpg": 0, "cats/test/1.jpg": 1, "dogs/train/2.jpg": 2, "dogs/test/3.jpg": 3},
        [],
        BOTH,
    ),
    "`train/1.jpg`, `test/2.jpg`": (
        {"train/0.jpg": 0, "train/1.jpg": 1, "test/2.jpg": 2, "test/3.jpg": 3},
        [],
        {"train": 2, "test": 2},
    ),
    "`train/cats/1.jpg`, `test/2.jpg`": (within("train") | {"test/8.jpg": 8}, [], BOTH),
    "`cats/1.jpg`, `test/2.jpg`": (
        PETS | {"test/4.jpg": 4, "test/5.jpg": 5},
        [],
        BOTH | {"test": 2},
    ),
    "`raw_data/cats/urls_cats.txt` beside images": (
        PETS | {"cats/urls_cats.txt": "http://127.0.0.1/9.jpg"},
        [],
        BOTH,
    ),
    "`metadata.jsonl` with names as labels": (
        FLAT | {"9.jpg": 9, "metadata.jsonl": listed(NAMES)},
        [],
        BOTH,
    ),
    "`metadata.jsonl` with numbers, names in `README.md`": (
        FLAT | {"metadata.jsonl": listed(NUMBERS), "README.md": README},
        [],
        BOTH,
    ),
    "`metadata.jsonl` with numbers, names in `dataset_infos.json`": (
        FLAT | {"metadata.jsonl": listed(NUMBERS), "dataset_infos.json": json.dumps(INFOS)},
        [],
        BOTH,
    ),
    "`metadata.csv` with numbers, `--labels cats,dogs`": (
        FLAT | {"metadata.csv": "file_name,label\n0.jpg,0\n1.jpg,0\n2.jpg,1\n3.jpg,1"},
        ["--labels=cats,dogs"],
        BOTH,
    ),
    "`metadata.jsonl` with numbers alone": (
        FLAT | {"metadata.jsonl": listed(NUMBERS)},
        [],
        {"0": 2, "1": 2},
    ),
    "`train/metadata.jsonl`, `test/metadata.jsonl`": (
        {
            "train/0.jpg": 0,
            "train/1.jpg": 1,
            "train/metadata.jsonl": listed(["cats", "dogs"], ["0.jpg", "1.jpg"]),
            "test/2.jpg": 2,
            "test/3.jpg": 3,
            "test/metadata.jsonl": listed(["cats", "dogs"], ["2.jpg", "3.jpg"]),
        },
        [],
        BOTH,
    ),
    "`metadata.parquet`": (FLAT | {"metadata.parquet": "PAR1"}, [], None),
    "a `.zip` with `metadata.jsonl`": (
        FLAT | {"metadata.jsonl": listed(NAMES), "9.jpg": 9},
        [".zip"],
        BOTH,
    ),
    "a `.zip` of `data/train/cats/1.jpg`": (within("data", SPLITS), [".zip"], BOTH),
    r"a `.zip` of `cats\1.jpg`": (
        {name.replace("/", "\\"): content for name, content in PETS.items()},
        [".zip"],
        BOTH,
    ),
    r"a table of `cats\1.jpg`": (
        PETS | {"list.csv": table(rows(*NAMES)).replace("/", "\\")},
        ["list.csv"],
        BOTH,
    ),
    "a table with a column `split`": (
        PETS
        | {
            "list.csv": table(
                [
                    [*row, split]
                    for row, split in zip(rows(*NAMES), ["train", "TEST"] * 2, strict=True)
                ],
                "split",
            )
        },
        ["list.csv"],
        BOTH,
    ),
    "labels `cats`, `Cats` and `dogs` with a blank": (
        {"cats/0.jpg": 0, "Cats/1.jpg": 1, "cats/4.jpg": 4, "dogs/2.jpg": 2, "dogs /3.jpg": 3},
        [],
        {"cats": 3, "dogs": 2},
    ),
    "groups `nan`, `NaN`, `None`, `null` or empty": (
        PETS
        | {
            "list.jsonl": "\n".join(
                f'{{"path": "{name}", "label": "{label}", "group:tone": {tone}}}'
                for name, label, tone in zip(
                    [*PETS, "cats/4.jpg", "cats/5.jpg"],
                    [*NAMES, "cats", "cats"],
                    ['"nan"', "NaN", '"None"', "null", '""', '"dark"'],
                    strict=True,
                )
            ),
            "cats/4.jpg": 4,
            "cats/5.jpg": 5,
        },
        ["list.jsonl"],
        {"cats": 4, "dogs": 2},
    ),
    "a folder that cannot be read": (PETS | {f"cats/{DEEP}/": ""}, [], BOTH),
    "a file that is no image, a listed file that is missing": (
        PETS
        | {
            "list.csv": table([*rows(*NAMES), ["gone.jpg", "cats"], ["poem.jpg", "dogs"]]),
            "poem.jpg": "I am a poem.",
        },
        ["list.csv"],
        BOTH,
    ),
    "an image twice under one label": (PETS | {"cats/again.jpg": 0}, [], BOTH),
    "an image under two labels": (PETS | {"cats/8.jpg": 8, "dogs/8.jpg": 8}, [], BOTH),
    "nothing that can be taken": ({"cats/poem.jpg": "a poem", "dogs/poem.jpg": "a poem"}, [], None),
    "`--out` that holds a dataset": (PETS, [], BOTH),
}
AUDIT = {  # the images that are to audit, where the source says so
    "`data/train/cats/1.jpg`, `data/test/…`": {"data/test/cats/1.jpg", "data/Test/dogs/3.jpg"},
    "`cats/train/1.jpg`, `cats/test/…`": {"cats/test/1.jpg", "dogs/test/3.jpg"},
    "`train/metadata.jsonl`, `test/metadata.jsonl`": {"test/2.jpg", "test/3.jpg"},
    "a `.zip` of `data/train/cats/1.jpg`": {"data/test/cats/1.jpg", "data/Test/dogs/3.jpg"},
    "a table with a column `split`": {"cats/1.jpg", "dogs/3.jpg"},
}


def make(folder, files):
    """Write images by number, and texts; a name that ends with a slash is a deep folder."""
    for name, content in files.items():
        if name.endswith("/"):
            make_deep(folder, name)
            continue
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, int):
            file.write_bytes(jpeg(content))
        else:
            file.write_text(content, newline="")


def make_deep(folder, name):
    """Make a folder whose path is longer than the system reads: nobody may list it."""
    parent = os.open(folder, os.O_RDONLY)
    for part in name.rstrip("/").split("/"):
        if not os.access(part, os.F_OK, dir_fd=parent):
            os.mkdir(part, dir_fd=parent)
        child = os.open(part, os.O_RDONLY, dir_fd=parent)
        os.close(parent)
        parent = child
    os.close(parent)


def pack(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, str(file.relative_to(folder)))
    return path


def test_every_layout_of_the_page_is_tried():
    assert set(LAYOUTS) == set(ROWS)


@pytest.mark.parametrize("layout", ROWS)
def test_a_layout_ends_as_the_page_says(layout, tmp_path, capsys):
    files, options, labels = LAYOUTS[layout]
    source, out = tmp_path / "source", tmp_path / "out"
    make(source, files)
    path = source
    if options and not options[0].startswith("--"):
        is_zip = options[0] == ".zip"
        path = pack(source, tmp_path / "pets.zip") if is_zip else source / options[0]
        options = []
    if "`--out`" in layout:
        run_import(out, path)
    status, taken = run_import(out, path, *options)
    assert status == int(ROWS[layout])
    counts = None if taken is None else {label: len(images) for label, images in taken.items()}
    assert counts == labels
    if status == 3:
        last = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert last["result"]["problems"]
    if layout in AUDIT:
        audit = {row.source for row in dataset.load(out).split("audit")}
        assert audit == AUDIT[layout]
    if "groups" in layout:
        groups = [dict(row.groups) for row in dataset.load(out).rows]
        assert sorted(groups, key=len) == [{}, {}, {}, {}, {}, {"tone": "dark"}]
    if layout == "nothing that can be taken":
        assert not (out / "manifest.jsonl").exists()
        make(source, PETS)
        assert run_import(out, path)[0] == 3  # it takes these, and names the poems again
        assert {row.source for row in dataset.load(out).rows} == set(PETS)
