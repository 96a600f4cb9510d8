"""Images that a table names: a `.csv` or `.jsonl` of path, label and groups."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from modeltrain.importing.items import ImportRefused, Skip, Source, SourceItem, reader

SUFFIXES = (".csv", ".jsonl")
METADATA = ("metadata.jsonl", "metadata.csv")
_GROUP = "group:"
_WAY_OUT = "Mend the line."


def read(path: Path, *, columns: tuple[str, str], root: Path | None = None) -> Source:
    """Read a table, line by line.

    Parameters
    ----------
    path : pathlib.Path
        A `.csv` whose columns `group:AXIS` are groups, or a `.jsonl` with an object `groups`.
    columns : tuple of str
        The names of path and label.
    root : pathlib.Path, optional
        What paths are relative to, and may not lead out of; the table's own folder unless given.

    Raises
    ------
    ImportRefused
        When it is not UTF-8, or a `.csv` lacks a column.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportRefused(
            "A table must be UTF-8.", f"{path} ({error})", "Save it as UTF-8."
        ) from None
    rows = _csv if path.suffix.lower() == ".csv" else _jsonl
    if rows is _csv:
        _check_header(lines, columns, path)
    within = root or path.parent

    def found(skip: Skip) -> Generator[SourceItem, None, None]:
        for number, values in rows(lines):
            yield _found(values, f"{path.name}, line {number}", columns, within)

    return Source((), sum(1 for _ in rows(lines)), found)


def in_folder(path: Path) -> list[Path]:
    """Return the metadata of Hugging Face's imagefolder: in it, or in each folder of a split."""
    folders = [path, *sorted(each for each in path.iterdir() if each.is_dir())]
    return [each / name for each in folders for name in METADATA if (each / name).is_file()]


def read_imagefolder(path: Path, *, columns: tuple[str, str]) -> Source:
    """Read an imagefolder; what its metadata does not name is not read.

    Raises
    ------
    ImportRefused
        When there is no metadata, or as `read` refuses.
    """
    parts = [(table.parent, read(table, columns=columns)) for table in in_folder(path)]
    if not parts:
        rule = f"An imagefolder must hold {' or '.join(METADATA)}."
        raise ImportRefused(rule, path, "Add it, or make it a folder for each class.")

    def found(skip: Skip) -> Generator[SourceItem, None, None]:
        for folder, part in parts:
            where = "" if folder == path else f"{folder.name}/"
            for each in part.found(skip):
                yield replace(each, source=where + each.source)

    return Source((), sum(part.total for _, part in parts), found)


def _found(values: Any, where: str, columns: tuple[str, str], root: Path) -> SourceItem:
    if not isinstance(values, dict):
        return SourceItem(
            where, "", refused=ImportRefused("A line must be whole.", repr(values)[:200], _WAY_OUT)
        )
    for column in columns:
        if not _is_text(values.get(column)):
            rule = f"A line's {column} must be text."
            refused = ImportRefused(rule, repr(values.get(column)), _WAY_OUT)
            return SourceItem(where, "", refused=refused)
    name, label = (values[column] for column in columns)
    groups = values.get("groups") or {}
    if not isinstance(groups, dict) or not all(map(_is_text, [*groups, *groups.values()])):
        rule = "A line's groups must give each axis one value in text."
        return SourceItem(where, label, refused=ImportRefused(rule, repr(groups), _WAY_OUT))
    try:
        file = (root / name).resolve()
        leads_out, there = not file.is_relative_to(root.resolve()), file.is_file()
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, or a loop of links
        leads_out, there = False, False
    if leads_out:
        rule = f"A path must not lead out of {root}."
        return SourceItem(
            name, label, refused=ImportRefused(rule, name, "Name that folder with --root.")
        )
    if not there:
        rule = "A file that a table names must be there."
        return SourceItem(
            name, label, refused=ImportRefused(rule, f"{name} ({where})", "Restore it.")
        )
    return SourceItem(name, label, reader(file), groups)


def _is_text(value: object) -> bool:
    if not isinstance(value, str) or not value:
        return False
    try:
        return bool(value.encode())
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell
        return False


def _check_header(lines: str, columns: tuple[str, str], path: Path) -> None:
    try:
        header = next(csv.reader(io.StringIO(lines)), [])
    except csv.Error:
        header = []
    if missing := [each for each in columns if each not in header]:
        raise ImportRefused(
            f"A table must have the columns {' and '.join(columns)}.",
            f"{path}, without {' and '.join(missing)}",
            "Name them with --path-column and --label-column.",
        )


def _csv(lines: str) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(io.StringIO(lines), strict=True)
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


def _jsonl(lines: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines.split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError):
                yield number, line[:200]
