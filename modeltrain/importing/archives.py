"""Images in an archive of class folders, read one by one without unpacking to disk."""

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
from modeltrain.importing.folders import not_a_file_error, outside_class_error
from modeltrain.importing.items import ImportRefused, Source, SourceItem, is_visible, to_text

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
_MAX_HEADER_BYTES = 64 * 1024
_ARCHIVE_ERRORS = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError)
_MEMBER_ERRORS = (*_ARCHIVE_ERRORS, RuntimeError, NotImplementedError)
_COMPRESSIONS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


@dataclass(frozen=True)
class ArchiveLimits:
    """How much an archive may hold, unpacked. A member has the size limit of an image file."""

    members: int = 1_000_000
    total_bytes: int = 200 * 1024 * MIB


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    is_folder: bool
    is_file: bool  # neither link nor device
    read: Callable[[], bytes]

    @property
    def parts(self) -> tuple[str, ...]:
        return PurePosixPath(self.name).parts

    @property
    def is_outside(self) -> bool:
        name = self.name
        return ".." in self.parts or "\\" in name or bool(re.match("/|[A-Za-z]:", name))


def read(path: Path, *, limits: ArchiveLimits | None = None) -> Source:
    """Read a `.tar`, `.tar.gz` or `.zip` of class folders, which may be inside one folder.

    The names are read first, to find the labels. A damaged archive gives the items before the
    damage.

    Parameters
    ----------
    path : pathlib.Path
        The format is recognized by the first bytes.
    limits : ArchiveLimits, optional

    Raises
    ------
    ImportRefused
        When it has no folders, or is damaged before the first one.
    """
    limits = limits or ArchiveLimits()
    files: list[tuple[str, ...]] = []
    folders: set[tuple[str, ...]] = set()
    damage = None
    for member in _members(path, limits):
        if isinstance(member, ImportRefused):
            damage = member
        elif not member.is_outside:
            (folders.add if member.is_folder else files.append)(member.parts)
    tops = {parts[0] for parts in [*files, *folders] if len(parts) > 1}
    depth = int(len(tops) == 1 and any(len(parts) > 2 for parts in files))
    labels = {parts[depth] for parts in files if len(parts) > depth + 1}
    labels |= {parts[depth] for parts in folders if len(parts) > depth}
    if not labels:
        rule = "An archive must hold a folder of images for each class."
        raise damage or ImportRefused(rule, path, "Pack the folders.")
    return Source(
        tuple(sorted(map(to_text, labels))), len(files), lambda skip: _items(path, limits, depth)
    )


def _items(path: Path, limits: ArchiveLimits, depth: int) -> Generator[SourceItem, None, None]:
    seen: set[str] = set()
    for member in _members(path, limits):
        if isinstance(member, ImportRefused):
            yield SourceItem(path.name, "", refused=member)
        elif not member.is_folder:
            yield _item(member, depth, seen)
            seen.add(member.name)


def _item(member: _Member, depth: int, seen: set[str]) -> SourceItem:
    name = to_text(member.name)
    label = to_text(member.parts[depth]) if len(member.parts) > depth + 1 else ""
    max_bytes = Limits().max_bytes
    if member.name in seen:
        error = ImportRefused("A name must be in an archive once.", name, "Give it another name.")
        return SourceItem(f"{name} (again)", label, refused=error)
    if member.is_outside:
        error = ImportRefused("A path in an archive must lead into it.", name, "Pack it again.")
    elif not member.is_file:
        error = not_a_file_error("a link or a device")
    elif not label:
        error = outside_class_error(name)
    elif member.size > max_bytes:
        error = ImportRefused(
            f"An image may have {max_bytes:,} bytes.", f"{member.size:,}", "Make it smaller."
        )
    else:
        try:
            data = member.read()
        except _MEMBER_ERRORS as reason:
            rule = "A file in an archive must be readable."
            error = ImportRefused(rule, reason, "Pack it again.")
        else:
            return SourceItem(name, label, lambda: data)
    return SourceItem(name, label, refused=error)


def _members(path: Path, limits: ArchiveLimits) -> Iterator[_Member | ImportRefused]:
    """Yield the members of an archive, then an error if it is damaged or exceeds a limit."""
    try:
        with path.open("rb") as file:
            read_members = _zip_members if file.read(2) == b"PK" else _tar_members
        for count, member in enumerate(read_members(path, limits)):
            if count >= limits.members:
                raise _limit_error(f"more than {limits.members:,} members")
            if all(is_visible(part) or part == ".." for part in member.parts):
                yield member
    except ImportRefused as error:
        yield error
    except _ARCHIVE_ERRORS as reason:
        yield ImportRefused("An archive must be whole.", reason, "Get it again.")


def _tar_members(path: Path, limits: ArchiveLimits) -> Iterator[_Member]:
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    with cast(IO[bytes], gzip.open(path) if is_gzip else path.open("rb")) as file:
        tar = _LimitedTar(file, limits.total_bytes)
        with tarfile.open(fileobj=cast(IO[bytes], tar), mode="r:") as archive:
            while member := archive.next():
                archive.members = []  # type: ignore[attr-defined] # else every header stays in memory
                yield _Member(
                    name=member.name,
                    size=member.size,
                    is_folder=member.isdir(),
                    is_file=member.isreg() and not member.issparse(),
                    read=lambda member=member: tar.read_member(  # type: ignore[misc]
                        member.offset_data, member.size
                    ),
                )
        if tar.last.strip(b"\0") or len(tar.last) < tarfile.BLOCKSIZE:
            raise EOFError("it has no end")  # tarfile mistakes a cut or damaged header for the end


class _LimitedTar:
    """An uncompressed tar, readable up to the limits; `last` is what was read last."""

    def __init__(self, file: IO[bytes], max_bytes: int) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self.last = b""
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        if size > _MAX_HEADER_BYTES:  # a header may claim any length
            raise _limit_error(f"a header of {size:,} bytes")
        self.last = self._file.read(size)
        return self.last

    def seek(self, offset: int) -> int:
        if offset > self._max_bytes:
            raise _limit_error(f"more than {self._max_bytes:,} bytes")
        return self._file.seek(offset)

    def read_member(self, offset: int, size: int) -> bytes:
        self.seek(offset)
        data = self._file.read(size)
        if len(data) < size:
            raise EOFError("it ends within this file")
        return data


def _zip_members(path: Path, limits: ArchiveLimits) -> Iterator[_Member]:
    with zipfile.ZipFile(path) as archive:
        total = 0
        for member in archive.infolist():
            total += member.file_size
            if total > limits.total_bytes:
                raise _limit_error(f"more than {limits.total_bytes:,} bytes")
            yield _Member(
                name=member.filename,
                size=member.file_size,
                is_folder=member.is_dir(),
                is_file=stat.S_IFMT(member.external_attr >> 16) in {0, stat.S_IFREG},
                read=lambda member=member: _read_zip_member(archive, member),  # type: ignore[misc]
            )


def _read_zip_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.compress_type not in _COMPRESSIONS:  # others use as much memory as their header says
        raise NotImplementedError("it is compressed in another way than by deflating")
    with archive.open(member) as file:
        return file.read(Limits().max_bytes + 1)


def _limit_error(received: str) -> ImportRefused:
    return ImportRefused("An archive must stay within its limits.", received, "Split it.")
