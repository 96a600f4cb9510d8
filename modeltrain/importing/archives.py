"""Images in an archive of class folders, read one by one: nothing is unpacked to disk."""

from __future__ import annotations

import gzip
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from modeltrain.images.decoder import MIB, Limits
from modeltrain.importing.folders import not_a_file, outside_a_class
from modeltrain.importing.items import ImportRefused, Source, SourceItem, text, visible

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
_LONGEST_HEADER = 64 * 1024
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError)
_BROKEN_MEMBER = (*_BROKEN, RuntimeError, NotImplementedError)
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


@dataclass(frozen=True)
class Bounds:
    """How much an archive may hold, unpacked. A member may have what an image file may have."""

    members: int = 1_000_000
    total_bytes: int = 200 * 1024 * MIB


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    folder: bool
    plain: bool  # neither link nor device
    data: Callable[[], bytes]

    @property
    def parts(self) -> tuple[str, ...]:
        return PurePosixPath(self.name).parts

    @property
    def escapes(self) -> bool:
        name = self.name
        return ".." in self.parts or "\\" in name or bool(re.match("/|[A-Za-z]:", name))


def read(path: Path, *, bounds: Bounds | None = None) -> Source:
    """Read a `.tar`, `.tar.gz` or `.zip` of class folders, which may be in one folder together.

    The names are read first, to know the classes. An archive that breaks gives what comes before.

    Parameters
    ----------
    path : pathlib.Path
        What it is, is decided by how it starts.
    bounds : Bounds, optional

    Raises
    ------
    ImportRefused
        When nothing in it is in a folder.
    """
    within = bounds or Bounds()
    paths: list[tuple[str, ...]] = []
    folders: set[tuple[str, ...]] = set()
    broken = None
    for each in _members(path, within):
        if isinstance(each, ImportRefused):
            broken = each
        elif not each.escapes:
            (folders.add if each.folder else paths.append)(each.parts)
    tops = {parts[0] for parts in [*paths, *folders] if len(parts) > 1}
    around = int(len(tops) == 1 and any(len(parts) > 2 for parts in paths))
    labels = {parts[around] for parts in paths if len(parts) > around + 1}
    labels |= {parts[around] for parts in folders if len(parts) > around}
    if not labels:
        rule = "An archive must hold a folder of images for each class."
        raise broken or ImportRefused(rule, path, "Pack the folders.")
    return Source(
        tuple(sorted(map(text, labels))), len(paths), lambda skip: _all(path, within, around)
    )


def _all(path: Path, bounds: Bounds, around: int) -> Generator[SourceItem, None, None]:
    seen: set[str] = set()
    for each in _members(path, bounds):
        if isinstance(each, ImportRefused):
            yield SourceItem(path.name, "", refused=each)
        elif not each.folder:
            yield _found(each, around, seen)
            seen.add(each.name)


def _found(member: _Member, around: int, seen: set[str]) -> SourceItem:
    name = text(member.name)
    label = text(member.parts[around]) if len(member.parts) > around + 1 else ""
    most = Limits().max_bytes
    if member.name in seen:
        again = ImportRefused("A name must be in an archive once.", name, "Give it another name.")
        return SourceItem(f"{name} (again)", label, refused=again)
    if member.escapes:
        bad = ImportRefused("A path in an archive must lead into it.", name, "Pack it anew.")
    elif not member.plain:
        bad = not_a_file("a link or a device")
    elif not label:
        bad = outside_a_class(name)
    elif member.size > most:
        bad = ImportRefused(
            f"An image may have {most:,} bytes.", f"{member.size:,}", "Make it smaller."
        )
    else:
        try:
            data = member.data()
        except _BROKEN_MEMBER as error:
            bad = ImportRefused("A file in an archive must be readable.", error, "Pack it anew.")
        else:
            return SourceItem(name, label, lambda: data)
    return SourceItem(name, label, refused=bad)


def _members(path: Path, bounds: Bounds) -> Iterator[_Member | ImportRefused]:
    """Yield what is in an archive and, where it breaks or is too much, why it ends there."""
    try:
        with path.open("rb") as file:
            members = _zip if file.read(2) == b"PK" else _tar
        for count, member in enumerate(members(path, bounds)):
            if count >= bounds.members:
                raise _too_much(f"more than {bounds.members:,} members")
            if all(visible(part) or part == ".." for part in member.parts):
                yield member
    except ImportRefused as refused:
        yield refused
    except _BROKEN as error:
        yield ImportRefused("An archive must be whole.", error, "Get it again.")


def _tar(path: Path, bounds: Bounds) -> Iterator[_Member]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with cast(IO[bytes], gzip.open(path) if packed else path.open("rb")) as file:
        bounded = _Bounded(file, bounds.total_bytes)
        with tarfile.open(fileobj=cast(IO[bytes], bounded), mode="r:") as archive:
            while member := archive.next():
                archive.members = []  # type: ignore[attr-defined] # else each header stays in memory
                yield _Member(
                    name=member.name,
                    size=member.size,
                    folder=member.isdir(),
                    plain=member.isreg() and not member.issparse(),
                    data=lambda member=member: bounded.data(  # type: ignore[misc]
                        member.offset_data, member.size
                    ),
                )
        if bounded.last.strip(b"\0") or len(bounded.last) < tarfile.BLOCKSIZE:
            raise EOFError("it has no end")  # tarfile takes a cut or damaged header for one


class _Bounded:
    """An unpacked tar, as far as the bounds allow; its headers are read in small pieces only."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file = file
        self._most = most
        self.last = b""
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        if size > _LONGEST_HEADER:  # a header may claim to be as long as it likes
            raise _too_much(f"a header of {size:,} bytes")
        self.last = self._file.read(size)
        return self.last

    def seek(self, place: int) -> int:
        if place > self._most:
            raise _too_much(f"more than {self._most:,} bytes")
        return self._file.seek(place)

    def data(self, place: int, size: int) -> bytes:
        self.seek(place)
        data = self._file.read(size)
        if len(data) < size:
            raise EOFError("it ends within this file")
        return data


def _zip(path: Path, bounds: Bounds) -> Iterator[_Member]:
    with zipfile.ZipFile(path) as archive:
        total = 0
        for member in archive.infolist():
            total += member.file_size
            if total > bounds.total_bytes:
                raise _too_much(f"more than {bounds.total_bytes:,} bytes")
            yield _Member(
                name=member.filename,
                size=member.file_size,
                folder=member.is_dir(),
                plain=stat.S_IFMT(member.external_attr >> 16) in {0, stat.S_IFREG},
                data=lambda member=member: _unzipped(archive, member),  # type: ignore[misc]
            )


def _unzipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.compress_type not in _METHODS:  # others take as much memory as their header says
        raise NotImplementedError("it is packed in another way than by deflating")
    with archive.open(member) as file:
        return file.read(Limits().max_bytes + 1)


def _too_much(received: str) -> ImportRefused:
    return ImportRefused("An archive must stay within its limits.", received, "Split it.")
