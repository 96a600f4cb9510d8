"""Builds from a few real emoji and from generated stamps and photographs."""

import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modeltrain.data import manifest
from modeltrain.demo import build
from modeltrain.demo.sources import GENDERS, SKIN_TONES
from modeltrain.images import codec
from tests.modeltrain.demo.resource_files import resource_file

NPM = Path(__file__).parents[3] / "node_modules"
CONCEPTS = ("cook", "teacher", "scientist", "OK hand", "farmer", "waving hand")
OTHERS = ("hot dog", "dog face", "taxi", "bell", "owl", "pear", "kite", "broom")
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="9">'
    '<rect width="{n}" height="5"/></svg>'
)


@pytest.fixture(scope="module")
def npm(tmp_path_factory):
    """The real packages, of OpenMoji with a shortened list of drawings."""
    folder = tmp_path_factory.mktemp("npm")
    for scope in ("@twemoji", "@lobehub"):
        (folder / scope).symlink_to(NPM / scope)
    package = folder / "openmoji"
    (package / "color").mkdir(parents=True)
    (package / "color" / "svg").symlink_to(NPM / "openmoji" / "color" / "svg")
    (package / "data").mkdir()
    entries = json.loads((NPM / "openmoji" / "data" / "openmoji.json").read_text())
    shortened = [
        entry
        for entry in entries
        if entry["annotation"] in OTHERS
        or (entry["skintone"] and any(name in entry["annotation"] for name in CONCEPTS))
    ]
    (package / "data" / "openmoji.json").write_text(json.dumps(shortened))
    return folder


def noise(seed, mode="RGBA", width=9):
    shape = (9, width, len(mode))
    pixels = np.random.default_rng(seed).integers(0, 255, shape, dtype=np.uint8)
    return Image.fromarray(pixels, mode)


@pytest.fixture(scope="module")
def debian(tmp_path_factory):
    stamps = tmp_path_factory.mktemp("stamps")
    folder = stamps / build.STAMPS_PATH / "animals"
    folder.mkdir(parents=True)
    for number, name in enumerate(["ant", "bee", "cow", "doe", "eel", "fox", "gnu", "hen", "kid"]):
        noise(number).save(folder / f"{name}.png")
        (folder / f"{name}.svg").write_text(SVG.format(w=9, n=number + 1))
    (folder / "blank.svg").write_text(SVG.format(w=9, n=0))
    (folder / "sizeless.svg").write_text(SVG.format(w=0, n=1))

    gcompris = tmp_path_factory.mktemp("gcompris")
    (gcompris / "usr/share/gcompris-qt/rcc").mkdir(parents=True)
    webp = io.BytesIO()
    noise(20, "RGB", width=1280).save(webp, "WEBP", lossless=True)
    large = webp.getvalue()
    files = {"alpaca.webp": large}
    for number, name in enumerate(["bee", "calf", "crab", "goat", "heron", "pika", "swans"]):
        small = io.BytesIO()
        noise(30 + number, "RGB").save(small, "WEBP", lossless=True)
        files[f"{name}.webp"] = small.getvalue()
    data = resource_file(files)
    (gcompris / "usr/share/gcompris-qt/rcc/erase.rcc").write_bytes(data)
    return {"tuxpaint-stamps-default": stamps, "gcompris-qt-data": gcompris}


@pytest.fixture(scope="module")
def built(npm, debian, tmp_path_factory):
    out = tmp_path_factory.mktemp("built") / "demo"
    steps = []
    build.build(npm=npm, debian=debian, out=out, progress=lambda *step: steps.append(step))
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


def test_every_cluster_has_all_tones_in_each_style(built):
    tones = {}
    for row in rows(built, "pool") + rows(built, "audit"):
        if "skin_tone" in row.groups:
            style = row.source.rpartition(" ")[0]
            tones.setdefault((row.cluster, style), set()).add(row.groups["skin_tone"])
    assert len(tones) >= 6
    assert {style for _, style in tones} == {"OpenMoji", "Twemoji", "Fluent Emoji"}
    assert all(cluster_tones == set(SKIN_TONES) for cluster_tones in tones.values())


def test_new_styles_and_photographs_are_only_in_the_audit_set(built):
    sources = {name: {row.source for row in rows(built, name)} for name in ("pool", "audit")}
    assert {source.split()[0] for source in sources["pool"]} == {"OpenMoji", "Tux", "GCompris"}
    assert any(source.startswith("GCompris") for source in sources["audit"])
    assert {"scikit-learn china", "scikit-learn flower"} < sources["audit"]


def test_men_women_and_persons_are_there_in_both_media(built):
    by_medium = {"vector": Counter(), "render": Counter()}
    for row in rows(built, "audit"):
        if "gender" in row.groups:
            by_medium[row.groups["medium"]][row.groups["gender"], row.cluster] += 1
    assert by_medium["vector"] == by_medium["render"]
    assert {gender for gender, _ in by_medium["vector"]} == set(GENDERS)


def test_large_photographs_are_shrunk(built):
    paths = json.loads((built / "images.json").read_text())
    all_rows = rows(built, "pool") + rows(built, "audit")
    (alpaca,) = (row for row in all_rows if row.source.endswith("alpaca"))
    with Image.open(paths[alpaca.sha256]) as image:
        assert image.size == (640, 5)


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
        assert codec.pixel_sha256(pixels) == sample["sha256"]
        assert sample["sha256"] in pool
        assert sample["title"].endswith(f"({sample['kind']})")
        drawn = sample["kind"] == "drawing"
        assert sample["label"] == ("drawings" if drawn else "neutral")


def test_the_card_lists_sources_licences_and_counts(built):
    text = (built / "CARD.md").read_text()
    assert "CC BY-SA 4.0" in text
    assert "GPL-2" in text
    assert "npm `@lobehub/fluent-emoji-3d`" in text
    assert f"| all | | {len(rows(built, 'pool'))} | {len(rows(built, 'audit'))} |" in text


def test_the_card_counts_images_without_a_value(built):
    text = (built / "CARD.md").read_text()
    without = {
        name: sum("gender" not in row.groups for row in rows(built, name))
        for name in ("pool", "audit")
    }
    assert f"| gender | not stated | {without['pool']} | {without['audit']} |" in text


def test_the_card_says_which_photographs_are_missing(built):
    text = " ".join((built / "CARD.md").read_text().split())
    assert "when this was built: Lomiri wallpapers, Palapeli. If" in text


def test_the_same_packages_give_the_same_data(built, npm, debian, tmp_path):
    build.build(npm=npm, debian=debian, out=tmp_path / "again", progress=lambda *_: None)
    for name in ("pool.jsonl", "audit.jsonl"):
        assert (tmp_path / "again" / name).read_bytes() == (built / name).read_bytes()


def test_without_debian_packages_the_pool_has_drawings_only(npm, tmp_path):
    build.build(npm=npm, debian={}, out=tmp_path / "d", progress=lambda *_: None)
    assert {row.label for row in rows(tmp_path / "d", "pool")} == {"drawings"}
    neutral = [row.source for row in rows(tmp_path / "d", "audit") if row.label == "neutral"]
    assert sorted(neutral) == ["scikit-learn china", "scikit-learn flower"]


def test_an_interrupted_build_leaves_the_old_data(npm, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "old").touch()

    def interrupt(count, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.build(npm=npm, debian={}, out=tmp_path / "d", progress=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["d"]
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["old"]
