"""The search for traces of an image finds them wherever they may be."""

import base64
import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import redis
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import connection
from PIL import Image

from feedback.services import traces
from modeltrain.images.codec import pixel_sha256, to_png
from tests.conftest import noise

# Images of no other test: the database's file may hold what another test left there.
IN_ARCHIVES, NOWHERE, JUDGED, STORED = 90_001, 90_002, 90_003, 90_004
IN_REDIS, IN_FOLDERS, IN_DATABASE, BROKEN, LONG = 90_005, 90_006, 90_007, 90_008, 90_009


def test_the_search_looks_into_archives_and_base64_and_redis(settings, db):
    settings.DATA_DIR = settings.MANIFESTS_DIR.parent
    pixels, folder = noise(IN_ARCHIVES), settings.DATA_DIR / "runs"
    folder.mkdir()
    sha256 = pixel_sha256(pixels)
    np.savez_compressed(folder / "a.npz", hashes=np.frombuffer(bytes.fromhex(sha256), np.uint8))
    (folder / "b.log.gz").write_bytes(gzip.compress(f"about {sha256[:12]}".encode()))
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.rpush("queue", base64.b64encode(b"x" + to_png(pixels)))
    places = {trace.place.rpartition("/")[2] for trace in traces.search(traces.needles(pixels))}
    assert places == {"a.npz, inside hashes.npy", "b.log.gz, uncompressed", "Redis key queue"}
    assert not list(traces.search(traces.needles(noise(NOWHERE))))


def test_the_search_finds_an_image_that_another_program_compressed(settings, db):
    settings.DATA_DIR = settings.MANIFESTS_DIR.parent
    pixels = noise(STORED)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=9)
    (settings.DATA_DIR / "old.png").write_bytes(file.getvalue())
    places = [trace.place for trace in traces.search(traces.needles(pixels))]
    assert places == [f"file {settings.DATA_DIR / 'old.png'}, its pixels"] * len(places) != []


def test_the_search_finds_the_file_that_was_uploaded(settings, db):
    settings.DATA_DIR = settings.MANIFESTS_DIR.parent
    upload = b"GIF89a" + np.random.default_rng(STORED).bytes(400)
    (settings.DATA_DIR / "copy").write_bytes(b"..." + upload)
    (trace, *_) = traces.search(traces.needles(noise(NOWHERE), upload))
    assert trace == traces.Trace(f"file {settings.DATA_DIR / 'copy'}", "a piece of its file")


def test_the_search_looks_at_keys_and_at_every_kind_of_value_in_redis(settings, db):
    settings.DATA_DIR = settings.MANIFESTS_DIR.parent
    pixels = noise(IN_REDIS)
    sha256 = pixel_sha256(pixels)
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.set(sha256, "")
        client.set("string", sha256)
        client.rpush("list", "", sha256)
        client.sadd("set", sha256)
        client.zadd("zset", {sha256: 1})
        client.hset("hash of names", sha256, "")
        client.hset("hash of values", "image", sha256)
        client.xadd("stream", {"image": sha256})
    assert {trace.place for trace in traces.search(traces.needles(pixels))} == {
        f"Redis key {key}"
        for key in (
            *(sha256, "string", "list", "set", "zset"),
            *("hash of names", "hash of values", "stream"),
        )
    }


def test_the_search_looks_once_into_every_folder_wherever_it_lies(settings, db, tmp_path):
    sha256 = pixel_sha256(noise(IN_FOLDERS))
    settings.DATA_DIR = tmp_path / "data"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {**settings.STORAGES["images"], "OPTIONS": {"location": tmp_path / "media"}},
    }
    names = ("MANIFESTS_DIR", "RUNS_DIR", "FEATURES_DIR", "ARTIFACTS_DIR")
    folders = [settings.DATA_DIR, *(getattr(settings, name) for name in names)]
    folders += [Path(storages[name].path("")) for name in ("images", "incoming", "default")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "log").write_text(f"about {sha256[:12]}")
    (folders[-1] / "link").symlink_to(folders[0] / "log")
    places = [trace.place for trace in traces.search({sha256[:12].encode(): "its hash"})]
    assert sorted(places) == sorted(f"file {folder / 'log'}" for folder in folders)


def test_the_search_reads_the_files_of_the_database(settings, db, tmp_path, monkeypatch):
    """SQLite overwrites no deleted row at once, in none of its files."""
    settings.DATA_DIR = tmp_path / "data"
    folder = tmp_path / "another disk"
    folder.mkdir()
    monkeypatch.setitem(connection.settings_dict, "NAME", str(folder / "db"))
    pixels = noise(IN_DATABASE)
    for name in ("db", "db-wal", "db-journal"):
        (folder / name).write_text(pixel_sha256(pixels))
    assert {trace.place for trace in traces.search(traces.needles(pixels))} == {
        f"file {folder / name}" for name in ("db", "db-wal", "db-journal")
    }


def cut_in_the_middle(data: bytes) -> bytes:
    return data[: len(data) // 2]


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", data)
    return file.getvalue()


def encrypted(archive: bytes) -> bytes:
    """The archive with the flag that its member is encrypted."""
    directory = archive.index(b"PK\x01\x02")
    return archive[:6] + b"\x01" + archive[7 : directory + 8] + b"\x01" + archive[directory + 9 :]


def test_the_search_goes_on_after_archives_that_cannot_be_read(settings, db):
    settings.DATA_DIR = settings.MANIFESTS_DIR.parent
    pixels = noise(BROKEN)
    data = np.random.default_rng(0).bytes(1000)
    for name, content in {
        "0.zip": cut_in_the_middle(zipped(data)),
        "1.zip": encrypted(zipped(data)),
        "2.gz": b"\x1f\x8b no gzip",
        "3.gz": cut_in_the_middle(gzip.compress(data)),
        "4.gz": gzip.compress(data)[:12] + b"\xff" * 30,
        "5.png": cut_in_the_middle(to_png(noise(NOWHERE))),
        "6.log": pixel_sha256(pixels).encode(),
    }.items():
        (settings.DATA_DIR / name).write_bytes(content)
    places = {trace.place for trace in traces.search(traces.needles(pixels))}
    assert places == {f"file {settings.DATA_DIR / '6.log'}"}


def test_a_large_file_is_searched_in_pieces_that_overlap(settings, db, monkeypatch):
    monkeypatch.setattr(traces, "CHUNK", 10_000)
    settings.DATA_DIR = settings.MANIFESTS_DIR.parent
    sha256 = pixel_sha256(noise(LONG))
    for begin in (0, 9_990, 9_998, 10_000, 25_000):
        (settings.DATA_DIR / str(begin)).write_text("." * begin + sha256)
    places = {trace.place for trace in traces.search({sha256.encode(): "its hash"})}
    assert places == {
        f"file {settings.DATA_DIR / str(begin)}" for begin in (0, 9_990, 9_998, 10_000, 25_000)
    }


def test_the_command_names_the_places_and_fails_when_there_are_any(judged, tmp_path, capsys):
    pixels = noise(JUDGED, (80, 60))
    (tmp_path / "mine.png").write_bytes(to_png(pixels))
    call_command("find_traces", tmp_path / "mine.png")
    assert "0 traces of 1 images" in capsys.readouterr().out
    judged(JUDGED)
    with pytest.raises(SystemExit):
        call_command("find_traces", tmp_path / "mine.png")
    assert (
        "table feedback_storedimage, column pdq: mine.png: its PDQ hash" in capsys.readouterr().out
    )


# Mutants that survive and change nothing:
# - `_Finder.needles_in` with `len(data)` instead of `len(data) - 3`: a last piece of three bytes
#   contains no needle; with one of the two looks at `pairs`: it compares more positions in full.
# - `_files` without `is_file()`: a folder or a missing file cannot be read, which is passed over.
