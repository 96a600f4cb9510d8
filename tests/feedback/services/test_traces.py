"""The search for traces of an image finds them wherever they may be."""

import base64
import gzip
import io

import numpy as np
import pytest
import redis
from django.core.management import call_command
from PIL import Image

from feedback.services import traces
from modeltrain.images.codec import pixel_sha256, to_png
from tests.conftest import noise

# Images of no other test: the database's file may hold what another test left there.
IN_ARCHIVES, NOWHERE, JUDGED, STORED = 90_001, 90_002, 90_003, 90_004


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
