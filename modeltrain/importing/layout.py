"""Which level of a source's folders names the classes, and which names the splits."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from modeltrain.importing.items import to_text

Parts = tuple[str, ...]

_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "audit",
    "testing": "audit",
}


def split_named(name: str) -> str:
    """Return the manifest's split for a folder or value of this name, or nothing."""
    return _SPLITS.get(name.strip().casefold(), "")


@dataclass(frozen=True)
class Layout:
    """Where the classes and splits are in a path.

    Attributes
    ----------
    labels : tuple of str
        Sorted; also those of empty folders.
    class_level : int
        How many folders are above the classes'.
    split_level : int, optional
        How many folders are above the splits', if there are any.
    """

    labels: tuple[str, ...]
    class_level: int
    split_level: int | None = None

    def place(self, file: Parts) -> tuple[str, str]:
        """Return a file's label, empty if it is in no class's folder, and its split, if any."""
        folders, level = file[:-1], self.split_level
        split = split_named(folders[level]) if level is not None and len(folders) > level else ""
        label = folders[self.class_level] if len(folders) > self.class_level else ""
        return to_text(label), split


def find(
    files: Collection[Parts], folders: Collection[Parts], *, in_one_folder: bool = False
) -> Layout:
    """Find the level of the classes: `CLASS/…`, `SPLIT/CLASS/…` or `CLASS/SPLIT/…`.

    Parameters
    ----------
    files, folders : collection of tuple of str
        The parts of each path. Splits may be in one folder, such as `data`.
    in_one_folder : bool
        Whether all classes may be in one folder as well.
    """
    folders = {file[:level] for file in files for level in range(1, len(file))} | set(folders)
    tops = _names(folders, 0)
    for level in range(2 if len(tops) == 1 else 1):
        if _are_splits(_names(folders, level)) and any(len(file) > level + 2 for file in files):
            return Layout(_labels(folders, level + 1), level + 1, level)
    is_one_folder = in_one_folder and len(tops) == 1 and any(len(file) > 2 for file in files)
    level = 1 if is_one_folder else 0
    below = {file[level + 1] if len(file) > level + 2 else "" for file in files}
    return Layout(_labels(folders, level), level, level + 1 if _are_splits(below) else None)


def _names(folders: Collection[Parts], level: int) -> set[str]:
    return {folder[level] for folder in folders if len(folder) > level}


def _labels(folders: Collection[Parts], level: int) -> tuple[str, ...]:
    return tuple(sorted(map(to_text, _names(folders, level))))


def _are_splits(names: Collection[str]) -> bool:
    return bool(names) and all(map(split_named, names))
