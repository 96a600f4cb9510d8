"""The kinds of source that images are imported from, and the reader for each."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
        lists = url_lists.find_lists(path)
        return "addresses" if lists and not url_lists.are_beside_images(lists) else "folders"
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
    labels: Sequence[str] = (),
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
    labels : sequence of str, optional
        The labels, in the order of their numbers; what the source says unless given.
    rules : FetchRules, optional
        How addresses are fetched.

    Raises
    ------
    ImportRefused
        When it is of no known kind, or its contents are not laid out in a known way.
    """
    kind = kind or kind_of(path)
    labels = tuple(labels) or _listed_labels(path)
    column_names = (
        columns[0] or ("path" if kind == "table" else "file_name"),
        columns[1] or "label",
    )
    match kind:
        case "addresses":
            source = url_lists.read(path, rules=rules or FetchRules())
        case "imagefolder" if path.is_dir():
            source = tables.read_imagefolder(path, columns=column_names, names=labels)
        case "archive" | "imagefolder":
            source = archives.read(path, columns=column_names, names=labels)
        case "table":
            source = tables.read(path, columns=column_names, root=root, names=labels)
        case _:
            source = folders.read(path)
    return replace(source, labels=labels or source.labels)


def _listed_labels(path: Path) -> tuple[str, ...]:
    """Return the labels in a folder's `labels.json`, if it has one."""
    file = path / LABELS_FILE
    if not file.is_file():
        return ()
    try:
        return dataset.check_labels(json.loads(file.read_bytes()))
    except ValueError as error:
        rule = f"{LABELS_FILE} must be a list of the classes."
        raise ImportRefused(rule, f"{file} ({error})", "Correct or remove it.") from None
