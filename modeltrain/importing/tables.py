"""Images that are listed in a table: a `.csv` or `.jsonl` of path, label and groups."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from modeltrain.importing.items import ImportRefused, Skip, Source, SourceItem, file_reader

SUFFIXES = (".csv", ".jsonl")
METADATA = ("metadata.jsonl", "metadata.csv")
_GROUP = "group:"
_REMEDY = "Correct the line."


def read(path: Path, *, columns: tuple[str, str], root: Path | None = None) -> Source:
    """Read a table, line by line.

    Parameters
    ----------
    path : pathlib.Path
        A `.csv` whose columns `group:AXIS` are groups, or a `.jsonl` with an object `groups`.
    columns : tuple of str
        The column names for path and label.
    root : pathlib.Path, optional
        The folder that paths are relative to and must not leave; the table's own folder unless
        given.

    Raises
    ------
    ImportRefused
        When it is not UTF-8, or a `.csv` lacks a column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportRefused(
            "A table must be UTF-8.", f"{path} ({error})", "Save it as UTF-8."
        ) from None
    read_rows = _csv_rows if path.suffix.lower() == ".csv" else _jsonl_rows
    if read_rows is _csv_rows:
        _check_header(text, columns, path)

    def items(skip: Skip) -> Generator[SourceItem, None, None]:
        for number, values in read_rows(text):
            yield _item(values, f"{path.name}, line {number}", columns, root or path.parent)

    return Source((), sum(1 for _ in read_rows(text)), items)


def metadata_files(path: Path) -> list[Path]:
    """Return the metadata files of a Hugging Face imagefolder, in it or in its splits' folders."""
    folders = [path, *sorted(entry for entry in path.iterdir() if entry.is_dir())]
    files = [folder / name for folder in folders for name in METADATA]
    return [file for file in files if file.is_file()]


def read_imagefolder(path: Path, *, columns: tuple[str, str]) -> Source:
    """Read an imagefolder; files that its metadata does not list are ignored.

    Raises
    ------
    ImportRefused
        When there is no metadata, or `read` refuses it.
    """
    tables = [(file.parent, read(file, columns=columns)) for file in metadata_files(path)]
    if not tables:
        rule = f"An imagefolder must hold {' or '.join(METADATA)}."
        raise ImportRefused(rule, path, "Add it, or make it a folder for each class.")

    def items(skip: Skip) -> Generator[SourceItem, None, None]:
        for folder, table in tables:
            prefix = "" if folder == path else f"{folder.name}/"
            for item in table.items(skip):
                yield replace(item, source=prefix + item.source)

    return Source((), sum(table.total for _, table in tables), items)


def _item(values: Any, where: str, columns: tuple[str, str], root: Path) -> SourceItem:
    if not isinstance(values, dict):
        return SourceItem(
            where, "", refused=ImportRefused("A line must be whole.", repr(values)[:200], _REMEDY)
        )
    for column in columns:
        if not _is_text(values.get(column)):
            rule = f"A line's {column} must be text."
            error = ImportRefused(rule, repr(values.get(column)), _REMEDY)
            return SourceItem(where, "", refused=error)
    name, label = (values[column] for column in columns)
    groups = values.get("groups") or {}
    if not isinstance(groups, dict) or not all(map(_is_text, [*groups, *groups.values()])):
        rule = "A line's groups must give each axis one value in text."
        return SourceItem(where, label, refused=ImportRefused(rule, repr(groups), _REMEDY))
    try:
        file = (root / name).resolve()
        is_outside, exists = not file.is_relative_to(root.resolve()), file.is_file()
    except (OSError, ValueError, RuntimeError):  # an impossible name, or a loop of links
        is_outside, exists = False, False
    if is_outside:
        rule = f"A path must not lead out of {root}."
        return SourceItem(
            name, label, refused=ImportRefused(rule, name, "Name that folder with --root.")
        )
    if not exists:
        rule = "A file that a table lists must exist."
        return SourceItem(
            name, label, refused=ImportRefused(rule, f"{name} ({where})", "Restore it.")
        )
    return SourceItem(name, label, file_reader(file), groups)


def _is_text(value: object) -> bool:
    if not isinstance(value, str) or not value:
        return False
    try:
        return bool(value.encode())
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can express
        return False


def _check_header(text: str, columns: tuple[str, str], path: Path) -> None:
    try:
        header = next(csv.reader(io.StringIO(text)), [])
    except csv.Error:
        header = []
    if missing := [column for column in columns if column not in header]:
        raise ImportRefused(
            f"A table must have the columns {' and '.join(columns)}.",
            f"{path}, without {' and '.join(missing)}",
            "Name them with --path-column and --label-column.",
        )


def _csv_rows(text: str) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.reader.line_num, str(error)
            continue
        groups = {
            key.removeprefix(_GROUP): value
            for key, value in row.items()
            if key and key.startswith(_GROUP) and value
        }
        yield reader.line_num, {**row, "groups": groups}


def _jsonl_rows(text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError):
                yield number, line[:200]
