"""The kinds of source that images are imported from, and the reader for each."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from modeltrain.data import dataset
from modeltrain.data.dataset import LABELS_FILE
from modeltrain.importing import archives, folders, tables, url_lists
from modeltrain.importing.fetch import FetchRules
from modeltrain.importing.items import ImportRefused, Source


def kind_of(path: Path) -> str:
    """Return the kind of a source, from its name and contents.

    Raises
    ------
    ImportRefused
        When it is of no known kind.
    """
    if path.is_dir():
        if tables.metadata_files(path):
            return "imagefolder"
        return "addresses" if url_lists.find_lists(path) else "folders"
    name = path.name.lower()
    if path.is_file() and name.endswith(archives.SUFFIXES):
        return "archive"
    if path.is_file() and name.endswith(tables.SUFFIXES):
        return "table"
    raise ImportRefused(
        "A source must be a folder, an archive "
        f"({', '.join(archives.SUFFIXES)}) or a table ({', '.join(tables.SUFFIXES)}).",
        path,
        "Check its name, or say what it is with --kind.",
    )


def read(
    path: Path,
    *,
    kind: str | None = None,
    root: Path | None = None,
    columns: tuple[str | None, str | None] = (None, None),
    rules: FetchRules | None = None,
) -> Source:
    """Read the contents of a source without decoding or fetching images yet.

    Parameters
    ----------
    path : pathlib.Path
        A folder may list its labels, in a model's order, in `labels.json`.
    kind : {"folders", "imagefolder", "addresses", "archive", "table"}, optional
        Detected unless given.
    root : pathlib.Path, optional
        The folder that a table's paths are relative to; its own folder unless given.
    columns : tuple of str, optional
        A table's column names for path and label; `path` (`file_name` in an imagefolder) and
        `label` unless given.
    rules : FetchRules, optional
        How addresses are fetched.

    Raises
    ------
    ImportRefused
        When it is of no known kind, or its contents are not laid out in a known way.
    """
    source = _read(path, kind or kind_of(path), root, columns, rules or FetchRules())
    file = path / LABELS_FILE
    if not file.is_file():
        return source
    try:
        return replace(source, labels=dataset.check_labels(json.loads(file.read_bytes())))
    except ValueError as error:
        rule = f"{LABELS_FILE} must be a list of the classes."
        raise ImportRefused(rule, f"{file} ({error})", "Correct or remove it.") from None


def _read(
    path: Path,
    kind: str,
    root: Path | None,
    columns: tuple[str | None, str | None],
    rules: FetchRules,
) -> Source:
    path_column = columns[0] or ("file_name" if kind == "imagefolder" else "path")
    column_names = path_column, columns[1] or "label"
    match kind:
        case "addresses":
            return url_lists.read(path, rules=rules)
        case "archive":
            return archives.read(path)
        case "imagefolder":
            return tables.read_imagefolder(path, columns=column_names)
        case "table":
            return tables.read(path, columns=column_names, root=root)
        case _:
            return folders.read(path)
