"""Search everything a site stores for traces of an image: its bytes, its hash, its PDQ hash."""

import base64
import gzip
import io
import itertools
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import redis
from django.conf import settings
from django.core.files.storage import storages
from django.db import connection

from modeltrain.images.codec import DecodeError, Pixels, decode, pixel_sha256, to_png
from modeltrain.images.hashing import pdq

PIECE_BYTES = 24  # so long that two compressed files do not share a piece by chance
PIECES = 3
CHUNK = 2**24
PREFIXES = (64, 16, 12)  # lengths to which a hash may have been truncated


@dataclass(frozen=True)
class Trace:
    """A place where a trace of an image was found."""

    place: str
    what: str


Needles = Mapping[bytes, str]


def needles(pixels: Pixels, *files: bytes) -> Needles:
    """What to search for: an image's hashes, pieces of its pixels, and pieces of its files.

    Each is searched for as it is and in base64, which queues and pages may contain.
    """
    sha256, pdq_bits = pixel_sha256(pixels), pdq(pixels).bits
    descriptions = {sha256[:length].encode(): f"{length} digits of its hash" for length in PREFIXES}
    descriptions[bytes.fromhex(sha256)] = "its hash in bytes"
    descriptions[pdq_bits.encode()] = "its PDQ hash"
    descriptions[bytes.fromhex(pdq_bits)] = "its PDQ hash in bytes"
    descriptions |= dict.fromkeys(_pieces(pixels.tobytes()), "some of its pixels")
    for data in (to_png(pixels), *files):
        descriptions |= dict.fromkeys(_pieces(data), "a piece of its file")
    return descriptions | {
        encoded: description
        for needle, description in descriptions.items()
        for encoded in _base64(needle)
    }


def _pieces(data: bytes) -> Iterator[bytes]:
    for number in range(1, PIECES + 1):
        start = len(data) * number // (PIECES + 1)
        piece = data[start : start + PIECE_BYTES]
        if len(set(piece)) > PIECE_BYTES // 3:  # many images have areas of one colour
            yield piece


def _base64(data: bytes) -> Iterator[bytes]:
    """The data in base64 inside something longer, at each of the three possible offsets."""
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + data)
        yield encoded[-(-offset * 8 // 6) : (offset + len(data)) * 8 // 6]


def search(descriptions: Needles) -> Iterator[Trace]:
    """Search every table, file, log, and Redis key."""
    finder = _Finder(descriptions)
    for place, data in itertools.chain(_tables(), _files(), _redis()):
        for needle in finder.needles_in(data):
            yield Trace(place, descriptions[needle])


class _Finder:
    """Searches for all needles in one pass: first by their first four bytes, then in full."""

    def __init__(self, needles: Iterable[bytes]) -> None:
        self.starts: dict[bytes, list[bytes]] = {}
        self.pairs = np.zeros((2, 2**16), dtype=np.bool_)
        for needle in needles:
            self.starts.setdefault(needle[:4], []).append(needle)
            self.pairs[[0, 1], np.frombuffer(needle[:4], dtype="<u2")] = True

    def needles_in(self, data: bytes) -> set[bytes]:
        matches: set[bytes] = set()
        for begin in range(0, max(0, len(data) - 3), CHUNK):
            chunk = np.frombuffer(data[begin : begin + CHUNK + 3], dtype=np.uint8)
            values = chunk.astype(np.uint16)
            pairs = values[:-1] | values[1:] << 8
            hits = self.pairs[0][pairs[:-2]] & self.pairs[1][pairs[2:]]
            for position in np.flatnonzero(hits) + begin:
                for needle in self.starts.get(data[position : position + 4], ()):
                    if data.startswith(needle, position):
                        matches.add(needle)
        return matches


def _tables() -> Iterator[tuple[str, bytes]]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            columns = [column[0] for column in cursor.description]
            while rows := cursor.fetchmany(500):
                for row in rows:
                    for column, value in zip(columns, row, strict=True):
                        binary = isinstance(value, bytes | memoryview)
                        data = bytes(value) if binary else str(value).encode()
                        yield f"table {table}, column {column}", data


def _files() -> Iterator[tuple[str, bytes]]:
    """Files in DATA_DIR, the contents of compressed files, and the names of files."""
    database = Path(str(connection.settings_dict["NAME"]))
    database_files = [
        database.with_name(f"{database.name}{end}") for end in ("", "-wal", "-journal")
    ]
    seen: set[Path] = set()
    for path in [*database_files, *(path for folder in _folders() for path in folder.rglob("*"))]:
        real = path.resolve()
        if real in seen or not path.is_file():
            continue
        seen.add(real)
        try:
            data = path.read_bytes()
        except OSError:  # deleted meanwhile
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
        elif data.startswith(b"\x89PNG"):  # an earlier release compressed it in another way
            yield f"file {path}, its pixels", decode(data).tobytes()
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, zlib.error, DecodeError):
        return  # damaged, or a RuntimeError: encrypted, or compressed in an unknown way


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
        for element in value:
            yield from _flat(element)
