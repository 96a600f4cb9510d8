"""Images in one folder per label."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from modeltrain.data.dataset import LABELS_FILE
from modeltrain.importing.items import (
    ImportRefused,
    Source,
    SourceItem,
    file_reader,
    is_visible,
    to_text,
)


def read(path: Path) -> Source:
    """Read class folders: `path/LABEL/…/FILE`, at any depth, in the order of names.

    Links are refused, not followed. Names that start with a dot are ignored.

    Raises
    ------
    ImportRefused
        When the folder has no folders in it.
    """
    labels = {
        to_text(entry.name) for entry in path.iterdir() if entry.is_dir() and is_visible(entry.name)
    }
    if not labels:
        raise ImportRefused(
            "A folder of images must hold a folder for each class.",
            f"{path}, without folders",
            "Make one for each class and put its images there.",
        )
    files = list(_files(path))
    return Source(
        tuple(sorted(labels)), len(files), lambda skip: (_item(path, file) for file in files)
    )


def _files(root: Path) -> Iterator[Path]:
    """Yield each file, and each link to a folder."""
    for folder, folder_names, names in os.walk(root, onerror=_raise):
        folder_names[:] = sorted(filter(is_visible, folder_names))
        links = [name for name in folder_names if Path(folder, name).is_symlink()]
        for name in sorted(filter(is_visible, names)) + links:
            if (file := Path(folder, name)) != root / LABELS_FILE:
                yield file


def _raise(error: OSError) -> NoReturn:
    raise error


def _item(root: Path, file: Path) -> SourceItem:
    parts = file.relative_to(root).parts
    source = to_text("/".join(parts))
    label = to_text(parts[0]) if len(parts) > 1 else ""
    if file.is_symlink() or not file.is_file():
        return SourceItem(source, label, refused=not_a_file_error("a link, a pipe or a device"))
    if not label:
        return SourceItem(source, label, refused=outside_class_error(source))
    return SourceItem(source, label, file_reader(file))


def not_a_file_error(received: str) -> ImportRefused:
    """Refuse an entry that leads elsewhere or never ends."""
    return ImportRefused("An image must be a file.", received, "Put the file itself there.")


def outside_class_error(name: str) -> ImportRefused:
    """Refuse a file that is in no class folder."""
    return ImportRefused("An image must be in the folder of its class.", name, "Move it into one.")
