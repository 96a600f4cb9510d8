"""The server and the page's script read the same size out of a file, before anything is decoded."""

import base64
import json
import random
import subprocess
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from bench.decoding_members import members
from modeltrain.images.formats.header import Header, format_of, read_header
from modeltrain.images.formats.still import Damaged
from tests.conftest import ROOT

SCRIPT = """
import { readFileSync } from "node:fs";
import { readHeader } from "./image-file.js";
const files = JSON.parse(readFileSync(0));
console.log(JSON.stringify(files.map((text) => readHeader(Buffer.from(text, "base64")))));
"""
KINDS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")


def in_node(files: list[bytes]) -> list[dict | None]:
    node = subprocess.run(
        ["node", "--input-type=module", "--eval", SCRIPT],
        input=json.dumps([base64.b64encode(data).decode() for data in files]),
        capture_output=True,
        text=True,
        cwd=ROOT / "nsfwsite" / "static" / "src",
        check=False,
    )
    assert node.returncode == 0, node.stderr
    headers: list[dict | None] = json.loads(node.stdout)
    return headers


def header_or_none(kind: str, data: bytes) -> Header | None:
    try:
        return read_header(kind, data)
    except Damaged:
        return None


def damaged_files() -> Iterator[tuple[str, bytes]]:
    chance = random.Random(1)
    for data in filter(None, members().values()):
        for _ in range(20):
            changed = bytearray(data)
            for _ in range(chance.randint(0, 3)):
                place = chance.choice([chance.randrange(12, 80), chance.randrange(12, 2000)])
                changed[place % len(changed)] = chance.randrange(256)
            end = chance.choice([len(data), chance.randrange(20, 200)])
            damaged = bytes(changed[:end])
            kind = format_of(damaged)
            if kind in KINDS:
                yield kind, damaged


def test_both_read_the_same_header_of_damaged_files():
    files = list(damaged_files())
    expected = [header_or_none(kind, data) for kind, data in files]
    assert sum(header is not None for header in expected) > 1000
    in_script = in_node([data for _, data in files])
    differing = [
        (kind, data, header, other)
        for (kind, data), header, other in zip(files, expected, in_script, strict=True)
        if other != (header and asdict(header))
    ]
    assert not differing


def test_a_format_without_a_reader_has_no_header():
    assert read_header("HEIF", b"") is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_ends_inside_its_header_is_damaged(kind):
    with pytest.raises(Damaged):
        read_header(kind, b"RIFF")
