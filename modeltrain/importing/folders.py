"""Images in a folder for each class."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from modeltrain.importing.items import (
    LABELS_FILE,
    ImportRefused,
    Source,
    SourceItem,
    reader,
    text,
    visible,
)


def read(path: Path) -> Source:
    """Read class folders: `path/LABEL/…/FILE`, at any depth, in the order of names.

    Links are told and not followed; names that start with a dot are not looked at.

    Raises
    ------
    ImportRefused
        When there is no folder in the folder.
    """
    labels = {text(each.name) for each in path.iterdir() if each.is_dir() and visible(each.name)}
    if not labels:
        raise ImportRefused(
            "A folder of images must hold a folder for each class.",
            f"{path}, without folders",
            "Make one for each class and put its images there.",
        )
    files = list(_files(path))
    return Source(
        tuple(sorted(labels)), len(files), lambda skip: (_found(path, file) for file in files)
    )


def _files(root: Path) -> Iterator[Path]:
    """Yield each file, and each link to a folder."""
    for here, folders, names in os.walk(root, onerror=_raise):
        folders[:] = sorted(filter(visible, folders))
        links = [name for name in folders if Path(here, name).is_symlink()]
        for name in sorted(filter(visible, names)) + links:
            if (file := Path(here, name)) != root / LABELS_FILE:
                yield file


def _raise(error: OSError) -> NoReturn:
    raise error


def _found(root: Path, file: Path) -> SourceItem:
    parts = file.relative_to(root).parts
    source = text("/".join(parts))
    label = text(parts[0]) if len(parts) > 1 else ""
    if file.is_symlink() or not file.is_file():
        bad = "a link, a pipe or a device"
        return SourceItem(source, label, refused=not_a_file(bad))
    if not label:
        return SourceItem(source, label, refused=outside_a_class(source))
    return SourceItem(source, label, reader(file))


def not_a_file(received: str) -> ImportRefused:
    """Return the refusal of what leads elsewhere or never ends."""
    return ImportRefused("An image must be a file.", received, "Put the file itself there.")


def outside_a_class(name: str) -> ImportRefused:
    """Return the refusal of a file that no class folder holds."""
    return ImportRefused("An image must be in the folder of its class.", name, "Move it into one.")
