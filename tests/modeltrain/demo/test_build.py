"""Builds from a few real OpenMoji drawings and from generated stamps."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modeltrain.data import manifest
from modeltrain.demo import build
from modeltrain.images import codec

OPENMOJI = Path(__file__).parents[3] / "node_modules" / "openmoji"
CONCEPTS = ("firefighter", "cook", "farmer", "singer", "waving hand", "victory hand")
OTHERS = ("hot dog", "dog face", "taxi", "bell", "owl", "pear", "kite", "broom")
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="9">'
    '<rect width="{n}" height="5"/></svg>'
)


@pytest.fixture(scope="module")
def openmoji(tmp_path_factory):
    """The real package with a shortened list of drawings."""
    package = tmp_path_factory.mktemp("openmoji")
    (package / "color").mkdir()
    (package / "color" / "svg").symlink_to(OPENMOJI / "color" / "svg")
    (package / "data").mkdir()
    entries = json.loads((OPENMOJI / "data" / "openmoji.json").read_text())
    shortened = [
        entry
        for entry in entries
        if entry["annotation"] in OTHERS
        or (entry["skintone"] and any(name in entry["annotation"] for name in CONCEPTS))
    ]
    (package / "data" / "openmoji.json").write_text(json.dumps(shortened))
    return package


@pytest.fixture(scope="module")
def stamps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stamps")
    (folder / "animals").mkdir()
    for number, name in enumerate(["ant", "bee", "cow", "doe", "eel", "fox", "gnu", "hen", "kid"]):
        noise = np.random.default_rng(number).integers(0, 255, (9, 9, 4), dtype=np.uint8)
        Image.fromarray(noise, "RGBA").save(folder / "animals" / f"{name}.png")
        (folder / "animals" / f"{name}.svg").write_text(SVG.format(w=9, n=number + 1))
    (folder / "animals" / "blank.svg").write_text(SVG.format(w=9, n=0))
    (folder / "animals" / "sizeless.svg").write_text(SVG.format(w=0, n=1))
    return folder


@pytest.fixture(scope="module")
def built(openmoji, stamps, tmp_path_factory):
    out = tmp_path_factory.mktemp("built") / "demo"
    steps = []
    build.build(
        openmoji=openmoji, stamps=stamps, out=out, progress=lambda *step: steps.append(step)
    )
    assert steps[-1][0] == steps[-1][1] == len(steps)
    return out


def rows(built, name):
    return manifest.read(built / f"{name}.jsonl")


def test_every_row_has_an_image_with_its_hash(built):
    paths = json.loads((built / "images.json").read_text())
    all_rows = rows(built, "pool") + rows(built, "audit")
    assert set(paths) == {row.sha256 for row in all_rows}
    for row in all_rows:
        pixels = codec.decode(Path(paths[row.sha256]).read_bytes())
        assert codec.pixel_sha256(pixels) == row.sha256


def test_no_cluster_is_in_both_pool_and_audit_set(built):
    pool, audit = rows(built, "pool"), rows(built, "audit")
    assert {row.split for row in audit} == {"audit"}
    assert {row.split for row in pool} <= {"train", "validation"}
    assert not {row.cluster for row in pool} & {row.cluster for row in audit}


def test_labels_follow_the_medium(built):
    for row in rows(built, "pool") + rows(built, "audit"):
        medium = row.groups["medium"]
        assert row.label == ("neutral" if medium == "photograph" else "drawings")


def test_every_cluster_has_all_tones(built):
    tones_by_cluster = {}
    for row in rows(built, "pool") + rows(built, "audit"):
        if "skin_tone" in row.groups:
            tones_by_cluster.setdefault(row.cluster, set()).add(row.groups["skin_tone"])
    assert len(tones_by_cluster) >= 6
    assert all(len(tones) == 5 for tones in tones_by_cluster.values())


def test_drawn_stamps_are_only_in_the_audit_set_and_unusable_ones_nowhere(built):
    pool = {row.cluster for row in rows(built, "pool")}
    audit = {row.cluster for row in rows(built, "audit")}
    assert not any(cluster.startswith("tuxpaint drawing") for cluster in pool)
    assert "tuxpaint drawing: ant" in audit
    assert not {"tuxpaint drawing: blank", "tuxpaint drawing: sizeless"} & audit


def test_samples_are_pool_images_with_titles(built):
    listing = json.loads((built / "samples" / "samples.json").read_text())
    pool = {row.sha256 for row in rows(built, "pool")}
    assert 4 <= len(listing) <= 5
    for sample in listing:
        pixels = codec.decode((built / "samples" / sample["file"]).read_bytes())
        assert codec.pixel_sha256(pixels) in pool
        assert sample["title"]


def test_the_card_lists_sources_licences_and_counts(built):
    text = (built / "CARD.md").read_text()
    assert "CC BY-SA 4.0" in text
    assert "GPL-2" in text
    assert f"| all | | {len(rows(built, 'pool'))} | {len(rows(built, 'audit'))} |" in text
    assert "photographs are missing" not in text


def test_the_same_packages_give_the_same_data(built, openmoji, stamps, tmp_path):
    build.build(openmoji=openmoji, stamps=stamps, out=tmp_path / "again", progress=lambda *_: None)
    for name in ("pool.jsonl", "audit.jsonl"):
        assert (tmp_path / "again" / name).read_bytes() == (built / name).read_bytes()


def test_without_stamps_the_card_says_what_is_missing(openmoji, tmp_path):
    build.build(openmoji=openmoji, stamps=None, out=tmp_path / "d", progress=lambda *_: None)
    assert "photographs are missing" in (tmp_path / "d" / "CARD.md").read_text()
    assert {row.label for row in rows(tmp_path / "d", "pool")} == {"drawings"}


def test_an_interrupted_build_leaves_the_old_data(openmoji, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "old").touch()

    def interrupt(count, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.build(openmoji=openmoji, stamps=None, out=tmp_path / "d", progress=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["d"]
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["old"]


def write_program(folder, name, text):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n" + text)
    (folder / name).chmod(0o755)


def test_stamps_are_fetched_once(tmp_path, monkeypatch):
    write_program(tmp_path / "bin", "apt-get", "echo $2 > x.deb\n")
    write_program(tmp_path / "bin", "dpkg-deb", 'mkdir -p "$3/usr/share/tuxpaint/stamps"\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    stamps = build.fetch_stamps(tmp_path / "cache")
    assert stamps == tmp_path / "cache" / "usr/share/tuxpaint/stamps"
    monkeypatch.setattr(subprocess, "run", None)
    assert build.fetch_stamps(tmp_path / "cache") == stamps


@pytest.mark.parametrize("failure", ["missing", "fails", "nothing"])
def test_a_failed_download_gives_no_stamps(tmp_path, monkeypatch, capsys, failure):
    (tmp_path / "bin").mkdir()
    if failure == "fails":
        write_program(tmp_path / "bin", "apt-get", "echo no network >&2\nexit 100\n")
    if failure == "nothing":
        write_program(tmp_path / "bin", "apt-get", "exit 0\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert build.fetch_stamps(tmp_path / "cache") is None
    assert "No photographs" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]
