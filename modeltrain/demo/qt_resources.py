"""Read the files that a Qt program carries in a resource file (`.rcc`)."""

import functools
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

_NODE_BYTES = 22
_COMPRESSED, _DIRECTORY, _ZSTANDARD = 1, 2, 4


class ResourcesRefused(ValueError):
    """A file is not a Qt resource file, or is damaged."""


@functools.cache
def read(path: Path) -> Mapping[str, bytes]:
    """Return the content of every file in a resource file.

    Source of the format: Qt's `rcc` tool, `RCCResourceLibrary::output` (format versions 2 and 3).
    A tree of nodes of a fixed size refers to names in UTF-16 and to blobs that begin with their
    length.

    Parameters
    ----------
    path : Path
        The same path is read once.

    Returns
    -------
    mapping of str to bytes
        By path, from the root: `/activities/erase/resource/alpaca.webp`. Files that are compressed
        with Zstandard are left out.

    Raises
    ------
    ResourcesRefused
        When it cannot be read.
    """
    data = path.read_bytes()
    try:
        magic, version, tree, blobs, names = struct.unpack_from(">4s4I", data)
        if magic != b"qres" or version not in (2, 3):
            raise ValueError(f"it begins with {magic!r} and version {version}")
        return dict(_Reader(data, tree, blobs, names).files(0, ""))
    except (struct.error, ValueError, zlib.error) as problem:
        raise ResourcesRefused(
            "A Qt resource file must begin with `qres`, have version 2 or 3, and be whole. "
            f"Received: {path.name} ({problem}). Unpack the package again."
        ) from problem


class _Reader:
    def __init__(self, data: bytes, tree: int, blobs: int, names: int) -> None:
        self.data, self.tree, self.blobs, self.names = data, tree, blobs, names

    def files(self, number: int, parent: str) -> Iterator[tuple[str, bytes]]:
        at = self.tree + number * _NODE_BYTES
        name, flags, first, second = struct.unpack_from(">IHII", self.data, at)
        path = f"{parent}/{self.name(name)}" if number else ""
        if flags & _DIRECTORY:
            for child in range(second, second + first):
                yield from self.files(child, path)
        elif not flags & _ZSTANDARD:
            blob = self.blob(second)
            yield path, zlib.decompress(blob[4:]) if flags & _COMPRESSED else blob

    def name(self, offset: int) -> str:
        at = self.names + offset
        (length,) = struct.unpack_from(">H", self.data, at)
        return self.data[at + 6 : at + 6 + 2 * length].decode("utf-16-be")

    def blob(self, offset: int) -> bytes:
        at = self.blobs + offset
        (length,) = struct.unpack_from(">I", self.data, at)
        blob = self.data[at + 4 : at + 4 + length]
        if len(blob) < length:
            raise ValueError(f"{length} bytes were promised, {len(blob)} are there")
        return blob
