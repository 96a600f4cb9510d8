"""Where images come from on this machine: class folders, archives, tables.

Each reader yields what it finds, in a fixed order; nothing is decoded here. What cannot be an image
of the dataset is yielded too, as a refusal, so that it can be told.
"""

from __future__ import annotations

import csv
import io
import json
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from modeltrain.decoder import Limits

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
TABLES = (".csv", ".jsonl")
METADATA = ("metadata.jsonl", "metadata.csv")
MOST_MEMBERS = 1_000_000
_GROUP = "group:"


class SourceRefused(ValueError):
    """A source that holds no images in a way that is known."""


@dataclass(frozen=True)
class Found:
    """One thing in a source.

    Attributes
    ----------
    source : str
        Where it is, for people: a path within the source, or an address.
    label : str
        What the source says it is.
    read : callable
        Returns its bytes; raises OSError.
    groups : mapping of str to str
    refused : str
        Why it is not read, if so.
    """

    source: str
    label: str
    read: Callable[[], bytes]
    groups: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""


def read(path: Path, *, root: Path | None = None, columns: tuple[str, str] | None = None) -> Any:
    """Return an iterator of what a source holds, its kind found by itself.

    Parameters
    ----------
    path : pathlib.Path
        A folder of class folders; a folder with `metadata.jsonl` or `metadata.csv` (Hugging Face's
        imagefolder, also in folders of splits); a `.zip` or `.tar` of class folders; a `.csv` or
        `.jsonl` table.
    root : pathlib.Path, optional
        What a table's paths are relative to; its own folder unless given. No path leads out of it.
    columns : tuple of str, optional
        A table's names for path and label.

    Raises
    ------
    SourceRefused
    """
    name = path.name.lower()
    if path.is_dir():
        tables = [path / each for each in METADATA] + [
            split / each for split in sorted(path.iterdir()) if split.is_dir() for each in METADATA
        ]
        there = [each for each in tables if each.is_file()]
        if there:
            wanted = columns or ("file_name", "label")
            return (each for table in there for each in _table(table, table.parent, wanted))
        return _folders(path)
    if not path.is_file():
        raise SourceRefused(f"A source must be there. Received: {path}. Check its name.")
    if name.endswith(ARCHIVES):
        return _zip(path) if name.endswith(".zip") else _tar(path)
    if name.endswith(TABLES):
        return _table(path, root or path.parent, columns or ("path", "label"))
    raise SourceRefused(
        "A source must be a folder of class folders, an imagefolder with metadata.jsonl, a table "
        f"({', '.join(TABLES)}) or an archive ({', '.join(ARCHIVES)}). Received: {path}."
    )


def _folders(path: Path) -> Iterator[Found]:
    folders = sorted(each for each in path.iterdir() if each.is_dir())
    if not folders:
        raise SourceRefused(
            "A folder of images must hold a folder for each class. Received: "
            f"{path}, without folders. Make one for each class."
        )
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            where = file.relative_to(path).as_posix()
            if file.is_symlink():
                yield Found(where, folder.name, _nothing, refused="A link is not followed.")
            elif file.is_file():
                yield Found(where, folder.name, file.read_bytes)


def _tar(path: Path) -> Iterator[Found]:
    try:
        with tarfile.open(path) as archive:
            for number, member in enumerate(archive):
                _check_count(number, path)
                if member.isdir():
                    continue
                bad = _refused(member.name, member.size)
                if not member.isfile():
                    bad = "A link or device in an archive is not read."
                data = b""
                if not bad and (file := archive.extractfile(member)):
                    data = file.read(Limits().max_bytes + 1)
                yield _member(member.name, data, bad)
    except (tarfile.TarError, EOFError, OSError) as error:
        yield Found(path.name, "", _nothing, refused=f"The archive ends or breaks here: {error}.")


def _zip(path: Path) -> Iterator[Found]:
    try:
        with zipfile.ZipFile(path) as archive:
            for number, member in enumerate(archive.infolist()):
                _check_count(number, path)
                if member.is_dir():
                    continue
                bad = _refused(member.filename, member.file_size)
                if stat.S_ISLNK(member.external_attr >> 16):
                    bad = "A link or device in an archive is not read."
                data = b""
                if not bad:
                    try:
                        with archive.open(member) as file:
                            data = file.read(Limits().max_bytes + 1)
                    except (
                        zipfile.BadZipFile,
                        RuntimeError,
                        NotImplementedError,
                        OSError,
                    ) as error:
                        bad = f"It cannot be read from the archive: {error}."
                yield _member(member.filename, data, bad)
    except (zipfile.BadZipFile, OSError) as error:
        yield Found(path.name, "", _nothing, refused=f"The archive cannot be read: {error}.")


def _check_count(number: int, path: Path) -> None:
    if number >= MOST_MEMBERS:
        raise SourceRefused(
            f"An archive may have {MOST_MEMBERS:,} members. Received: more, in {path}. Split it."
        )


def _refused(name: str, size: int) -> str:
    parts = PurePosixPath(name).parts
    if PurePosixPath(name).is_absolute() or ".." in parts or "\\" in name:
        return "A path in an archive must lead into it."
    if len([part for part in parts if part != "."]) < 2:
        return "An image in an archive must be in the folder of its class."
    if size > Limits().max_bytes:
        return f"An image may have {Limits().max_bytes:,} bytes. Received: {size:,}."
    return ""


def _member(name: str, data: bytes, refused: str) -> Found:
    parts = [part for part in PurePosixPath(name).parts if part not in {".", "/", ".."}]
    # A class folder may itself be in one folder, as archives of a folder are.
    label = parts[-2] if len(parts) > 1 else ""
    return Found(name, label, lambda: data, refused=refused)


def _table(path: Path, root: Path, columns: tuple[str, str]) -> Iterator[Found]:
    for number, values in _lines(path):
        where = f"{path.name}, line {number}"
        if isinstance(values, str):
            yield Found(where, "", _nothing, refused=values)
            continue
        name, label = values.get(columns[0]), values.get(columns[1])
        if not isinstance(name, str) or not name or not isinstance(label, str) or not label:
            rule = f"A line must have text in {columns[0]} and {columns[1]}."
            yield Found(where, "", _nothing, refused=f"{rule} Received: {name!r} and {label!r}.")
            continue
        groups = values.get("groups", {})
        if not isinstance(groups, dict) or not all(isinstance(v, str) for v in groups.values()):
            rule = "A line's groups must give each axis one value in text."
            yield Found(where, label, _nothing, refused=f"{rule} Received: {groups!r}.")
            continue
        file = (root / name).resolve()
        refused = ""
        if not file.is_relative_to(root.resolve()):
            refused = f"A path must not lead out of {root}. Received: {name!r}."
        elif not file.is_file():
            refused = f"A file must be there. Received: {name!r} ({where}). Restore it."
        yield Found(name, label, file.read_bytes, {k: v for k, v in groups.items() if v}, refused)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield each line's number with its values, or with why it has none."""
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".csv":
        reader = csv.DictReader(io.StringIO(text))
        for row in reader:
            groups = {
                key.removeprefix(_GROUP): value
                for key, value in row.items()
                if key and key.startswith(_GROUP) and value
            }
            yield reader.line_num, dict(row) | {"groups": groups}
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError:
            values = None
        said = "Each line must be one JSON object."
        yield number, values if isinstance(values, dict) else said


def _nothing() -> bytes:
    return b""
