"""Where images come from: which reader fits a source."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from modeltrain.data import dataset
from modeltrain.importing import archives, folders, tables, url_lists
from modeltrain.importing.fetch import Rules
from modeltrain.importing.items import LABELS_FILE, ImportRefused, Source


def kind_of(path: Path) -> str:
    """Say what a source is, by its name and what is in it.

    Raises
    ------
    ImportRefused
        When it is nothing that is known.
    """
    if path.is_dir():
        if tables.in_folder(path):
            return "imagefolder"
        return "addresses" if url_lists.lists(path) else "folders"
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
    rules: Rules | None = None,
) -> Source:
    """Read what a source holds; images are not decoded yet, nor fetched.

    Parameters
    ----------
    path : pathlib.Path
        A folder may say its classes, in a model's order, in `labels.json`.
    kind : {"folders", "imagefolder", "addresses", "archive", "table"}, optional
        SourceItem by itself unless given.
    root : pathlib.Path, optional
        What a table's paths are relative to; its own folder unless given.
    columns : tuple of str, optional
        A table's names for path and label; `path` (an imagefolder's: `file_name`) and `label`
        unless given.
    rules : Rules, optional
        How addresses are fetched.

    Raises
    ------
    ImportRefused
        When it is nothing that is known, or holds nothing in a way that is known.
    """
    source = _read(path, kind or kind_of(path), root, columns, rules or Rules())
    file = path / LABELS_FILE
    if not file.is_file():
        return source
    try:
        return replace(source, labels=dataset.check_labels(json.loads(file.read_bytes())))
    except ValueError as error:
        rule = f"{LABELS_FILE} must be a list of the classes."
        raise ImportRefused(rule, f"{file} ({error})", "Mend or remove it.") from None


def _read(
    path: Path,
    kind: str,
    root: Path | None,
    columns: tuple[str | None, str | None],
    rules: Rules,
) -> Source:
    named = columns[0] or ("file_name" if kind == "imagefolder" else "path"), columns[1] or "label"
    match kind:
        case "addresses":
            return url_lists.read(path, rules=rules)
        case "archive":
            return archives.read(path)
        case "imagefolder":
            return tables.read_imagefolder(path, columns=named)
        case "table":
            return tables.read(path, columns=named, root=root)
        case _:
            return folders.read(path)
