"""Tables and imagefolders list images; a bad line is refused by number, the rest is taken."""

import csv
import json

import pytest

from modeltrain.data import dataset
from modeltrain.importing import sources
from modeltrain.importing.items import ImportRefused
from tests.modeltrain.importing.conftest import LABELS, PETS, jpeg, left_out, run_import


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
@pytest.mark.parametrize("split", ["", "train"])
def test_an_imagefolder_with_metadata_is_imported(tmp_path, kind, split):
    folder = tmp_path / "pets" / split
    folder.mkdir(parents=True)
    for number in range(5):
        (folder / f"{number}.jpg").write_bytes(jpeg(number))
    if kind == "csv":
        lines = ["file_name,label", *(f"{n}.jpg,{label}" for n, label in enumerate(LABELS))]
    else:
        lines = [
            json.dumps({"file_name": f"{n}.jpg", "label": label}) for n, label in enumerate(LABELS)
        ]
    (folder / f"metadata.{kind}").write_text("\n".join(lines))
    status, taken = run_import(tmp_path / "out", tmp_path / "pets")
    prefix = f"{split}/" if split else ""
    assert (status, taken["dogs"]) == (0, {f"{prefix}3.jpg", f"{prefix}4.jpg"})


def test_a_csv_with_groups_is_imported(pets, tmp_path):
    with (pets / "list.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "kind", "group:medium"])
        for number, label in enumerate(LABELS):
            writer.writerow([f"{label}/{number}.jpg", label, "photograph" if number else ""])
    options = ["--path-column=file", "--label-column=kind"]
    assert run_import(tmp_path / "out", pets / "list.csv", *options) == (0, PETS)
    groups = {row.source: row.groups for row in dataset.load(tmp_path / "out").rows}
    assert groups["cats/1.jpg"] == {"medium": "photograph"}
    assert groups["cats/0.jpg"] == {}


def test_a_jsonl_with_groups_and_another_root_is_imported(pets, tmp_path):
    lines = [
        {"path": f"{label}/{n}.jpg", "label": label, "groups": {"medium": "photograph"}}
        for n, label in enumerate(LABELS)
    ]
    table = tmp_path / "elsewhere" / "list.jsonl"
    table.parent.mkdir()
    table.write_text("\n".join(map(json.dumps, lines)))
    assert run_import(tmp_path / "out", table, f"--root={pets}") == (0, PETS)
    assert {row.groups["medium"] for row in dataset.load(tmp_path / "out").rows} == {"photograph"}


def test_every_bad_line_is_refused_with_its_rule(pets, tmp_path):
    (pets / "outside.jpg").symlink_to("/etc/hostname")
    good = [{"path": f"{label}/{n}.jpg", "label": label} for n, label in enumerate(LABELS)]
    bad = {
        "list.jsonl, line 6": ([], "must be whole"),
        "gone.jpg": ({"path": "gone.jpg", "label": "dogs"}, "must exist"),
        "../../x.jpg": ({"path": "../../x.jpg", "label": "dogs"}, "must not lead out"),
        "/etc/hostname": ({"path": "/etc/hostname", "label": "dogs"}, "must not lead out"),
        "outside.jpg": ({"path": "outside.jpg", "label": "dogs"}, "must not lead out"),
        "x" * 300: ({"path": "x" * 300, "label": "dogs"}, "must exist"),
        "a\0b": ({"path": "a\0b", "label": "dogs"}, "must exist"),
        "list.jsonl, line 13": ({"path": 3, "label": "dogs"}, "path must be text"),
        "list.jsonl, line 14": ({"path": "dogs/3.jpg"}, "label must be text"),
        "list.jsonl, line 15": ({"path": "\ud800", "label": "dogs"}, "path must be text"),
        "list.jsonl, line 16": (
            {"path": "cats/0.jpg", "label": "b", "groups": ["x"]},
            "groups must give",
        ),
    }
    lines = [json.dumps(line) for line in [*good, *(line for line, _ in bad.values())]]
    lines += ["{not json", "[" * 100_000]
    (pets / "list.jsonl").write_text("\n".join(lines))
    source = sources.read(pets / "list.jsonl")
    items = list(source.items(lambda *_: False))
    assert source.total == len(items) == 18
    rules = {item.source: item.refused.rule for item in items if item.refused}
    for path, (_, rule) in bad.items():
        assert rule in rules[path]
    assert rules["list.jsonl, line 17"] == rules["list.jsonl, line 18"] == "A line must be whole."
    assert run_import(tmp_path / "out", pets / "list.jsonl") == (3, PETS)
    assert len(left_out(tmp_path / "out")) == 13


def test_a_bad_line_in_a_csv_is_refused_and_the_next_ones_are_read(pets, tmp_path):
    lines = ["path,label", f"{'x' * 200_000},cats", "cats/0.jpg"]
    lines += [f"{label}/{n}.jpg,{label}" for n, label in enumerate(LABELS)]
    (pets / "list.csv").write_text("\n".join(lines))
    assert run_import(tmp_path / "out", pets / "list.csv") == (3, PETS)
    assert "field larger" in left_out(tmp_path / "out")["list.csv, line 2"]
    assert "label must be text" in left_out(tmp_path / "out")["list.csv, line 3"]


def test_a_csv_without_the_columns_is_refused(pets):
    (pets / "list.csv").write_text("file,label\na,b\n")
    with pytest.raises(ImportRefused, match=r"columns path and label.*without path.*--path-column"):
        sources.read(pets / "list.csv")


def test_a_table_that_is_not_utf8_is_refused(pets):
    (pets / "list.csv").write_bytes(b"path,label\ncaf\xe9,b\n")
    with pytest.raises(ImportRefused, match="must be UTF-8"):
        sources.read(pets / "list.csv")


def test_an_imagefolder_without_metadata_is_refused(pets):
    with pytest.raises(ImportRefused, match=r"metadata\.jsonl"):
        sources.read(pets, kind="imagefolder")


@pytest.mark.parametrize("name", ["nothing", "file.docx"])
def test_a_source_of_an_unknown_kind_is_refused(tmp_path, name):
    (tmp_path / "file.docx").write_bytes(b"x")
    with pytest.raises(ImportRefused, match="must be a folder, an archive"):
        sources.read(tmp_path / name)
