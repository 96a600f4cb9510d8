"""Images in an archive, read one by one without unpacking to disk.

Their labels are the names of their folders, or in a Hugging Face imagefolder's metadata.
"""

from __future__ import annotations

import gzip
import posixpath
import re
import stat
import tarfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, cast

from modeltrain.images.decoder import MIB, Limits
from modeltrain.importing import class_names, layout, tables
from modeltrain.importing.folders import not_a_file_error, outside_class_error
from modeltrain.importing.items import (
    ImportRefused,
    Skip,
    Source,
    SourceItem,
    is_visible,
    to_text,
)
from modeltrain.importing.tables import Table, TableRow

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
_MAX_HEADER_BYTES = 64 * 1024
_MAX_TABLE_BYTES = 64 * MIB
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
    read: Callable[[int], bytes]  # at most so many bytes

    @property
    def parts(self) -> tuple[str, ...]:
        return PurePosixPath(self.name).parts

    @property
    def is_outside(self) -> bool:
        return ".." in self.parts or bool(re.match("/|[A-Za-z]:", self.name))


def read(
    path: Path,
    *,
    columns: tuple[str, str] = ("file_name", "label"),
    names: Sequence[str] = (),
    limits: ArchiveLimits | None = None,
) -> Source:
    """Read a `.tar`, `.tar.gz` or `.zip`, which may have everything inside one folder.

    The names are read first, to find the labels. A damaged archive gives the items before the
    damage. Where there is metadata, files that it does not list are ignored.

    Parameters
    ----------
    path : pathlib.Path
        The format is recognised by the first bytes.
    columns : tuple of str, optional
        The metadata's columns of paths and labels.
    names : sequence of str, optional
        The names behind numbers as labels; those listed in the archive unless given.
    limits : ArchiveLimits, optional

    Raises
    ------
    ImportRefused
        When it has neither metadata nor folders, or is damaged before the first one.
    """
    limits = limits or ArchiveLimits()
    files: list[tuple[str, ...]] = []
    folders: set[tuple[str, ...]] = set()
    texts: dict[str, bytes] = {}
    damage = None
    for member in _members(path, limits):
        if isinstance(member, ImportRefused):
            damage = member
        elif not member.is_outside:
            (folders.add if member.is_folder else files.append)(member.parts)
            texts |= _text(member)
    if listed := _tables(texts, columns, names):
        return _read_listed(path, limits, listed)
    folder_layout = layout.find(files, folders, in_one_folder=True)
    if not folder_layout.labels:
        rule = "An archive must hold a folder of images for each class, or a metadata file."
        raise damage or ImportRefused(rule, path, "Pack the folders.")

    def items(skip: Skip) -> Generator[SourceItem, None, None]:
        seen: set[str] = set()
        for member in _members(path, limits):
            if isinstance(member, ImportRefused):
                yield SourceItem(path.name, "", refused=member)
            elif not member.is_folder:
                label, split = folder_layout.place(member.parts)
                name = to_text(member.name) + (" (again)" if member.name in seen else "")
                error = _member_error(member, seen)
                if not error and not label:
                    error = outside_class_error(to_text(member.name))
                yield _item(member, SourceItem(name, label, split=split), error)

    return Source(folder_layout.labels, len(files), items)


def _text(member: _Member) -> dict[str, bytes]:
    """Return a member that is metadata, or lists the names of classes, by its name."""
    name = PurePosixPath(member.name).name
    is_table = name in (*tables.METADATA, tables.PARQUET)
    is_names = len(member.parts) <= 2 and name in class_names.FILES
    if not member.is_file or not (is_table or is_names):
        return {}
    max_bytes = _MAX_TABLE_BYTES if is_table else class_names.MAX_BYTES
    if is_table and member.size > max_bytes:
        raise ImportRefused(
            f"Metadata in an archive may have {max_bytes:,} bytes.", f"{member.size:,}", "Split it."
        )
    try:
        return {to_text(member.name): member.read(max_bytes)}
    except _MEMBER_ERRORS as reason:
        if not is_table:
            return {}
        rule = "A file in an archive must be readable."
        raise ImportRefused(rule, f"{to_text(member.name)} ({reason})", "Pack it again.") from None


def _tables(
    texts: Mapping[str, bytes], columns: tuple[str, str], names: Sequence[str]
) -> list[Table]:
    lists = {PurePosixPath(name).name: data for name, data in texts.items()}
    names = names or class_names.find(lists, columns[1])
    metadata = []
    for name, data in sorted(texts.items()):
        folder, slash, file = name.rpartition("/")
        if file not in class_names.FILES:
            tables.refuse_parquet(name)
            metadata.append(
                tables.open_table(data, file, columns=columns, folder=folder + slash, names=names)
            )
    return metadata


def _read_listed(path: Path, limits: ArchiveLimits, listed: list[Table]) -> Source:
    def items(skip: Skip) -> Generator[SourceItem, None, None]:
        rows: dict[str, list[TableRow]] = defaultdict(list)
        for table in listed:
            for row in table.rows():
                if row.refused:
                    yield SourceItem(row.path, row.label, refused=row.refused)
                else:
                    name = row.path.replace("\\", "/")
                    rows[posixpath.normpath(name)].append(row)
        for member in _members(path, limits):
            if isinstance(member, ImportRefused):
                yield SourceItem(path.name, "", refused=member)
                continue
            for row in rows.pop(posixpath.normpath(to_text(member.name)), ()):
                item = SourceItem(row.path, row.label, groups=row.groups, split=row.split)
                yield _item(member, item, _member_error(member, set()))
        yield from (row.missing() for missing in rows.values() for row in missing)

    total = sum(1 for table in listed for _ in table.rows())
    return Source(tables.labels_of(listed), total, items, tables.warnings_of(listed))


def _member_error(member: _Member, seen: set[str]) -> ImportRefused | None:
    """Return why a member cannot be read, and add its name to those seen."""
    name, max_bytes = to_text(member.name), Limits().max_bytes
    if member.name in seen:
        return ImportRefused("A name must be in an archive once.", name, "Give it another name.")
    seen.add(member.name)
    if member.is_outside:
        return ImportRefused("A path in an archive must lead into it.", name, "Pack it again.")
    if not member.is_file:
        return not_a_file_error("a link or a device")
    if member.size > max_bytes:
        return ImportRefused(
            f"An image may have {max_bytes:,} bytes.", f"{member.size:,}", "Make it smaller."
        )
    return None


def _item(member: _Member, item: SourceItem, error: ImportRefused | None) -> SourceItem:
    """Return the item with its bytes, or refused."""
    if error:
        return replace(item, refused=error)
    try:
        data = member.read(Limits().max_bytes + 1)
    except _MEMBER_ERRORS as reason:
        rule = "A file in an archive must be readable."
        return replace(item, refused=ImportRefused(rule, reason, "Pack it again."))
    return replace(item, read=lambda: data)


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
                    name=_with_slashes(member.name),
                    size=member.size,
                    is_folder=member.isdir(),
                    is_file=member.isreg() and not member.issparse(),
                    read=lambda max_bytes, member=member: tar.read_member(  # type: ignore[misc]
                        member.offset_data, min(member.size, max_bytes)
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
                name=_with_slashes(member.filename),
                size=member.file_size,
                is_folder=member.is_dir() or member.filename.endswith("\\"),
                is_file=stat.S_IFMT(member.external_attr >> 16) in {0, stat.S_IFREG},
                read=lambda max_bytes, member=member: _read_zip_member(  # type: ignore[misc]
                    archive, member, max_bytes
                ),
            )


def _read_zip_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, max_bytes: int) -> bytes:
    if member.compress_type not in _COMPRESSIONS:  # others use as much memory as their header says
        raise NotImplementedError("it is compressed in another way than by deflating")
    with archive.open(member) as file:
        return file.read(max_bytes)


def _with_slashes(name: str) -> str:
    """Return a name with the separators of POSIX; some programs on Windows write backslashes."""
    return name.replace("\\", "/")


def _limit_error(received: str) -> ImportRefused:
    return ImportRefused("An archive must stay within its limits.", received, "Split it.")
