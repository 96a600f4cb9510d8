"""Images that are listed in a table: a `.csv` or `.jsonl` of path, label and groups."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from modeltrain.files import is_storable
from modeltrain.importing import class_names
from modeltrain.importing.items import (
    ImportRefused,
    Skip,
    Source,
    SourceItem,
    file_reader,
    is_visible,
)
from modeltrain.importing.layout import split_named

SUFFIXES = (".csv", ".jsonl")
METADATA = ("metadata.jsonl", "metadata.csv")
PARQUET = "metadata.parquet"
_GROUP = "group:"
_NOT_STATED = frozenset({"", "nan", "NaN", "NAN", "None", "null", "Null", "NULL", "<NA>"})
_REMEDY = "Correct the line."


@dataclass(frozen=True)
class Table:
    """A table's text, and how to read it.

    Attributes
    ----------
    text : str
    name : str
        Its file name.
    columns : tuple of str
        The names of the columns of paths and labels.
    folder : str
        Of the table within the source, with a slash behind it; empty if it is the source itself.
    names : tuple of str
        The names behind numbers as labels, if they are known.
    """

    text: str
    name: str
    columns: tuple[str, str]
    folder: str = ""
    names: tuple[str, ...] = ()

    def rows(self) -> Iterator[TableRow]:
        """Yield each line, refused or not."""
        read_rows = _csv_rows if self.name.lower().endswith(".csv") else _jsonl_rows
        for number, values in read_rows(self.text):
            where = f"{self.folder}{self.name}, line {number}"
            try:
                yield self._row(values, where)
            except _RowRefused as error:
                yield TableRow(where, where, error.label, refused=error.reason)

    def _row(self, values: Any, where: str) -> TableRow:
        if not isinstance(values, dict):
            raise _RowRefused("A line must be whole.", repr(values)[:200])
        path_column, label_column = self.columns
        path = values.get(path_column)
        if not isinstance(path, str) or not _is_text(path):
            raise _RowRefused(f"A line's {path_column} must be text.", repr(path))
        label = self._label(values.get(label_column))
        path = self.folder + path
        folders = PurePosixPath(path.replace("\\", "/")).parts[:-1]
        named_splits = map(split_named, [str(values.get("split", "")), *folders])
        return TableRow(
            path, where, label, _groups(values, label), next(filter(None, named_splits), "")
        )

    def _label(self, value: Any) -> str:
        column = self.columns[1]
        number = _whole_number(value)
        if number is None or value in self.names:
            if not _is_text(value) or value.strip() in _NOT_STATED:
                raise _RowRefused(f"A line's {column} must be text or a number.", repr(value))
            return str(value)
        if number < 0 or (self.names and number >= len(self.names)):
            last = f" to {len(self.names) - 1}, one for each name" if self.names else " or more"
            raise _RowRefused(f"A {column} that is a number must be 0{last}.", number)
        return self.names[number] if self.names else str(number)


@dataclass(frozen=True)
class TableRow:
    """A line of a table: a path in the source, with its label, groups and split."""

    path: str
    where: str
    label: str
    groups: Mapping[str, str] = field(default_factory=dict)
    split: str = ""
    refused: ImportRefused | None = None

    def refuse(self, rule: str, received: str, remedy: str) -> SourceItem:
        """Return its item, refused."""
        return SourceItem(self.path, self.label, refused=ImportRefused(rule, received, remedy))

    def missing(self) -> SourceItem:
        """Return its item, refused because there is no such file."""
        rule = "A file that a table lists must exist."
        return self.refuse(rule, f"{self.path} ({self.where})", "Restore it.")


class _RowRefused(Exception):
    def __init__(self, rule: str, received: object, label: str = "") -> None:
        self.reason = ImportRefused(rule, received, _REMEDY)
        self.label = label


def open_table(
    data: bytes, name: str, *, columns: tuple[str, str], folder: str = "", names: Sequence[str] = ()
) -> Table:
    """Check a table as a whole.

    Raises
    ------
    ImportRefused
        When it is not UTF-8, or a `.csv` lacks a column.
    """
    path = folder + name
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportRefused(
            "A table must be UTF-8.", f"{path} ({error})", "Save it as UTF-8."
        ) from None
    if name.lower().endswith(".csv"):
        _check_header(text, columns, path)
    return Table(text, name, columns, folder, tuple(names))


def read(
    path: Path, *, columns: tuple[str, str], root: Path | None = None, names: Sequence[str] = ()
) -> Source:
    """Read a table, line by line.

    Parameters
    ----------
    path : pathlib.Path
        A `.csv` or `.jsonl`. Columns `group:AXIS` and an object `groups` are groups; a column
        `split`, or else a folder with a split's name, is the split.
    columns : tuple of str
        The column names for path and label.
    root : pathlib.Path, optional
        The folder that paths are relative to and must not leave; the table's own folder unless
        given.
    names : sequence of str, optional
        The names behind numbers as labels; those that are listed in its folder unless given.

    Raises
    ------
    ImportRefused
        When it is not UTF-8, or a `.csv` lacks a column.
    """
    names = tuple(names) or class_names.read_folder(path.parent, columns[1])
    table = open_table(path.read_bytes(), path.name, columns=columns, names=names)
    return _source([table], root or path.parent)


def metadata_files(path: Path) -> list[Path]:
    """Return the metadata files of a Hugging Face imagefolder, in it or up to two folders below."""
    folders = [path, *sorted(path.glob("*/")), *sorted(path.glob("*/*/"))]
    files = [
        folder / name
        for folder in folders
        for name in (*METADATA, PARQUET)
        if all(map(is_visible, folder.relative_to(path).parts))
    ]
    return [file for file in files if os.path.isfile(file)]


def read_imagefolder(path: Path, *, columns: tuple[str, str], names: Sequence[str] = ()) -> Source:
    """Read an imagefolder; files that its metadata does not list are ignored.

    Raises
    ------
    ImportRefused
        When there is no metadata, or it is refused as a table.
    """
    files = metadata_files(path)
    names = tuple(names) or class_names.read_folder(path, columns[1])
    tables = []
    for file in files:
        folder = file.parent.relative_to(path).as_posix()
        prefix = "" if folder == "." else f"{folder}/"
        refuse_parquet(prefix + file.name)
        tables.append(
            open_table(file.read_bytes(), file.name, columns=columns, folder=prefix, names=names)
        )
    if not tables:
        rule = f"An imagefolder must hold {' or '.join(METADATA)}."
        raise ImportRefused(rule, path, "Add it, or make it a folder for each class.")
    return _source(tables, path)


def refuse_parquet(name: str) -> None:
    """Refuse metadata that needs a library which is not installed."""
    if name.endswith(PARQUET):
        raise ImportRefused(
            f"Metadata must be {' or '.join(METADATA)}.", name, "Save it as one of these."
        )


def labels_of(tables: Sequence[Table]) -> tuple[str, ...]:
    """Return the names behind numbers as labels, if they are known."""
    return next((table.names for table in tables if table.names), ())


def warnings_of(tables: Sequence[Table]) -> tuple[str, ...]:
    """Return what is doubtful about the labels."""
    numbers = {
        row.label
        for table in tables
        if not table.names
        for row in table.rows()
        if row.label.isdecimal()
    }
    if not numbers:
        return ()
    received = ", ".join(sorted(numbers, key=int)[:10])
    return (
        f"A label should be a name. Received: {received}, without names. Give the names in the "
        "order of their numbers with --labels, or as Hugging Face's ClassLabel.",
    )


def _source(tables: Sequence[Table], root: Path) -> Source:
    def items(skip: Skip) -> Generator[SourceItem, None, None]:
        for table in tables:
            for row in table.rows():
                yield _item(row, root)

    total = sum(1 for table in tables for _ in table.rows())
    return Source(labels_of(tables), total, items, warnings_of(tables))


def _item(row: TableRow, root: Path) -> SourceItem:
    if row.refused:
        return SourceItem(row.path, row.label, refused=row.refused)
    for path in dict.fromkeys((row.path, row.path.replace("\\", "/"))):
        try:
            file = (root / path).resolve()
            is_outside, exists = not file.is_relative_to(root.resolve()), file.is_file()
        except (OSError, ValueError, RuntimeError):  # an impossible name, or a loop of links
            continue
        if is_outside:
            rule = f"A path must not lead out of {root}."
            return row.refuse(rule, row.path, "Name that folder with --root.")
        if exists:
            return SourceItem(
                row.path, row.label, file_reader(file), groups=row.groups, split=row.split
            )
    return row.missing()


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != "" and is_storable(value)


def _whole_number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        digits = value.strip().removeprefix("-")
        return int(value) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None
    if isinstance(value, int | float) and math.isfinite(value) and value == int(value):
        return int(value)
    return None


def _groups(values: Mapping[str, Any], label: str) -> dict[str, str]:
    """Return the groups that are stated: an empty value, `nan`, `None` or `null` states none."""
    rule = "A line's groups must give each axis one value in text."
    groups = values.get("groups")
    if groups is None or (isinstance(groups, str) and groups.strip() in _NOT_STATED):
        groups = {}
    if not isinstance(groups, dict):
        raise _RowRefused(rule, repr(groups), label)
    columns = {
        column.removeprefix(_GROUP): value
        for column, value in values.items()
        if isinstance(column, str) and column.startswith(_GROUP)
    }
    stated = {}
    for axis, value in (columns | groups).items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        text = str(value).strip() if value is None or is_number else value
        if not _is_text(axis) or not isinstance(text, str) or (text and not _is_text(text)):
            raise _RowRefused(rule, repr(groups or columns), label)
        if text.strip() not in _NOT_STATED:
            stated[axis] = text.strip()
    return stated


def _check_header(text: str, columns: tuple[str, str], path: str) -> None:
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
        else:
            yield reader.line_num, row


def _jsonl_rows(text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError):
                yield number, line[:200]
