"""Images in one folder per label, which may be in folders of splits."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from pathlib import Path

from modeltrain.data.dataset import LABELS_FILE
from modeltrain.importing import layout
from modeltrain.importing.items import (
    ImportRefused,
    Skip,
    Source,
    SourceItem,
    file_reader,
    is_visible,
    to_text,
)
from modeltrain.importing.layout import Layout, Parts


def read(path: Path) -> Source:
    r"""Read class folders: `path/LABEL/…/FILE`, at any depth, in the order of names.

    `path/SPLIT/LABEL/…` and `path/LABEL/SPLIT/…` have splits. Links are refused, not followed.
    Names that start with a dot are ignored. A backslash in a name, as archives from Windows leave
    it, separates folders.

    Raises
    ------
    ImportRefused
        When the folder has no folders in it.
    """
    entries = _Entries(path)
    folders = layout.find(list(entries.files), entries.folders)
    if not folders.labels:
        raise ImportRefused(
            "A folder of images must hold a folder for each class.",
            f"{path}, without folders",
            "Make one for each class and put its images there.",
        )

    def items(skip: Skip) -> Generator[SourceItem, None, None]:
        for parts, file in entries.files.items():
            yield _item(parts, file, folders)
        for parts, error in entries.unreadable.items():
            refused = ImportRefused("A folder must be readable.", error, "Allow to read it.")
            label, _ = folders.place((*parts, ""))
            yield SourceItem(to_text("/".join(parts)), label, refused=refused)

    total = len(entries.files) + len(entries.unreadable)
    return Source(folders.labels, total, items, _warnings(entries.lists))


class _Entries:
    """Everything in a folder, at any depth, by the parts of its path.

    Attributes
    ----------
    files : dict of tuple of str to pathlib.Path
        Each file, and each link to a folder.
    folders : set of tuple of str
    lists : list of str
        Lists of addresses that are beside images.
    unreadable : dict of tuple of str to OSError
        Folders whose files nobody knows.
    """

    def __init__(self, root: Path) -> None:
        self.files: dict[Parts, Path] = {}
        self.folders: set[Parts] = set()
        self.lists: list[str] = []
        self.unreadable: dict[Parts, OSError] = {}
        self._root = root
        for folder, folder_names, names in os.walk(root, onerror=self._add_unreadable):
            folder_names[:] = sorted(filter(is_visible, folder_names))
            links = [name for name in folder_names if os.path.islink(os.path.join(folder, name))]
            self.folders |= {self._parts(Path(folder, name)) for name in folder_names}
            self.folders -= {self._parts(Path(folder, name)) for name in links}
            for name in sorted(filter(is_visible, names)) + links:
                self._add_file(Path(folder, name))

    def _parts(self, path: Path) -> Parts:
        return tuple(path.relative_to(self._root).as_posix().replace("\\", "/").split("/"))

    def _add_file(self, file: Path) -> None:
        parts = self._parts(file)
        if parts == (LABELS_FILE,):
            return
        if len(parts) > 1 and parts[-1] == f"urls_{parts[-2]}.txt":
            self.lists.append(to_text("/".join(parts)))
        else:
            self.files[parts] = file

    def _add_unreadable(self, error: OSError) -> None:
        folder = Path(os.fsdecode(error.filename))
        if folder == self._root:
            raise error
        self.unreadable[self._parts(folder)] = error


def _item(parts: Parts, file: Path, folders: Layout) -> SourceItem:
    source = to_text("/".join(parts))
    label, split = folders.place(parts)
    try:
        is_file = stat.S_ISREG(file.lstat().st_mode)
    except OSError as error:
        refused = ImportRefused("A file must be readable.", error, "Restore it.")
        return SourceItem(source, label, refused=refused)
    if not is_file:
        return SourceItem(source, label, refused=not_a_file_error("a link, a pipe or a device"))
    if not label:
        return SourceItem(source, label, refused=outside_class_error(source))
    return SourceItem(source, label, file_reader(file), split=split)


def _warnings(lists: list[str]) -> tuple[str, ...]:
    if not lists:
        return ()
    return (
        "Lists of addresses are not fetched where images are there already. "
        f"Received: {', '.join(lists[:5])}{' and more' if len(lists) > 5 else ''}. To fetch them, "
        "import with --kind addresses into another folder.",
    )


def not_a_file_error(received: str) -> ImportRefused:
    """Refuse an entry that leads elsewhere or never ends."""
    return ImportRefused("An image must be a file.", received, "Put the file itself there.")


def outside_class_error(name: str) -> ImportRefused:
    """Refuse a file that is in no class folder."""
    return ImportRefused("An image must be in the folder of its class.", name, "Move it into one.")
