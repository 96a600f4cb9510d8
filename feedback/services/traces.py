"""Search everything a site keeps for an image: its bytes, its hashes, its perceptual hash."""

import base64
import gzip
import io
import itertools
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import redis
from django.conf import settings
from django.core.files.storage import storages
from django.db import connection

from modeltrain.images.codec import Pixels, pixel_sha256, to_png
from modeltrain.images.hashing import pdq

SLICE = 24  # bytes; by chance no two files share as many from the middle of their compressed data
SLICES = 3
CHUNK = 2**24
PREFIXES = (64, 16, 12)  # what a hash may have been cut to


@dataclass(frozen=True)
class Trace:
    """One place where something of an image was found."""

    place: str
    what: str


Needles = Mapping[bytes, str]


def needles(pixels: Pixels, *files: bytes) -> Needles:
    """What to look for: an image's hashes, pieces of its pixels and of these files of it.

    Each as it is and in base64, as queues and pages may hold it.
    """
    sha256, look = pixel_sha256(pixels), pdq(pixels).bits
    found = {sha256[:length].encode(): f"{length} digits of its hash" for length in PREFIXES}
    found[bytes.fromhex(sha256)] = "its hash in bytes"
    found[look.encode()] = "its PDQ hash"
    found[bytes.fromhex(look)] = "its PDQ hash in bytes"
    found |= dict.fromkeys(_pieces(pixels.tobytes()), "some of its pixels")
    for data in (to_png(pixels), *files):
        found |= dict.fromkeys(_pieces(data), "a piece of its file")
    return found | {encoded: what for plain, what in found.items() for encoded in _base64(plain)}


def _pieces(data: bytes) -> Iterator[bytes]:
    for number in range(1, SLICES + 1):
        start = len(data) * number // (SLICES + 1)
        piece = data[start : start + SLICE]
        if len(set(piece)) > SLICE // 3:  # many images have as much of one colour
            yield piece


def _base64(data: bytes) -> Iterator[bytes]:
    """How it reads inside something longer, wherever that begins."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data)
        yield encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]


def search(wanted: Needles) -> Iterator[Trace]:
    """Find them in every table, file, log, and key of Redis."""
    finder = _Finder(wanted)
    for place, data in itertools.chain(_tables(), _files(), _redis()):
        for needle in finder.found(data):
            yield Trace(place, wanted[needle])


class _Finder:
    """Looks for all needles in one pass: by their first bytes, then by the whole of those few."""

    def __init__(self, wanted: Needles) -> None:
        self.starts: dict[bytes, list[bytes]] = {}
        self.pairs = np.zeros((2, 2**16), dtype=np.bool_)
        for needle in wanted:
            self.starts.setdefault(needle[:4], []).append(needle)
            self.pairs[[0, 1], np.frombuffer(needle[:4], dtype="<u2")] = True

    def found(self, data: bytes) -> set[bytes]:
        known: set[bytes] = set()
        for begin in range(0, max(0, len(data) - 3), CHUNK):
            one = np.frombuffer(data[begin : begin + CHUNK + 3], dtype=np.uint8).astype(np.uint16)
            two = one[:-1] | one[1:] << 8
            for at in np.flatnonzero(self.pairs[0][two[:-2]] & self.pairs[1][two[2:]]) + begin:
                for needle in self.starts.get(data[at : at + 4], ()):
                    if data.startswith(needle, at):
                        known.add(needle)
        return known


def _tables() -> Iterator[tuple[str, bytes]]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            columns = [column[0] for column in cursor.description]
            while rows := cursor.fetchmany(500):
                for row in rows:
                    for column, value in zip(columns, row, strict=True):
                        raw = isinstance(value, bytes | memoryview)
                        data = bytes(value) if raw else str(value).encode()
                        yield f"table {table}, column {column}", data


def _files() -> Iterator[tuple[str, bytes]]:
    """What lies in DATA_DIR, and inside what lies there compressed; names are looked at too."""
    database = Path(str(connection.settings_dict["NAME"]))
    extra = [database.with_name(f"{database.name}{end}") for end in ("", "-wal", "-journal")]
    seen: set[Path] = set()
    for path in [*extra, *(path for folder in _folders() for path in folder.rglob("*"))]:
        real = path.resolve()
        if real in seen or not path.is_file():
            continue
        seen.add(real)
        try:
            data = path.read_bytes()
        except OSError:  # gone meanwhile
            continue
        yield f"file {path}", data + b"\n" + str(path).encode()
        yield from _inside(path, data)


def _folders() -> Iterator[Path]:
    names = ("MANIFESTS_DIR", "RUNS_DIR", "FEATURES_DIR", "ARTIFACTS_DIR")
    yield Path(settings.DATA_DIR)
    yield from (Path(getattr(settings, name)) for name in names)
    for name in ("images", "incoming", "default"):
        yield Path(storages[name].path(""))


def _inside(path: Path, data: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        if data.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(io.BytesIO(data)) as file:
                for name in file.namelist():
                    yield f"file {path}, inside {name}", file.read(name)
        elif data.startswith(b"\x1f\x8b"):
            yield f"file {path}, uncompressed", gzip.decompress(data)
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error):
        return


def _redis() -> Iterator[tuple[str, bytes]]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        read: Mapping[bytes, Callable[[bytes], object]] = {
            b"string": client.get,
            b"list": lambda key: client.lrange(key, 0, -1),
            b"set": client.smembers,
            b"zset": lambda key: client.zrange(key, 0, -1),
            b"hash": client.hgetall,
            b"stream": client.xrange,
        }
        for key in client.scan_iter():
            values = _flat(read[client.type(key)](key))
            yield f"Redis key {key.decode(errors='replace')}", b"\n".join([key, *values])


def _flat(value: object) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        yield from _flat([*value, *value.values()])
    elif isinstance(value, list | tuple | set):
        for one in value:
            yield from _flat(one)
