from collections import Counter
from pathlib import Path

import pytest

from modeltrain.demo.sources import (
    GENDERS,
    SKIN_TONES,
    concept,
    openmoji_drawings,
    photographs,
    tuxpaint_drawings,
)

OPENMOJI = Path(__file__).parents[3] / "node_modules" / "openmoji"


@pytest.fixture(scope="module")
def drawings():
    return list(openmoji_drawings(OPENMOJI))


def by_title(drawings, title):
    return next(d for d in drawings if d.title == title)


def stamp(folder, name, description=""):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    if description:
        path.with_suffix(".txt").write_text(description + "\nes.utf8=Una rana.\n")


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        ("woman firefighter: medium skin tone", "firefighter"),
        ("firefighter: dark skin tone", "firefighter"),
        ("man: medium-light skin tone, red hair", "portrait"),
        ("girl: light skin tone", "portrait"),
        ("leftwards pushing hand: dark skin tone", "pushing hand"),
        ("raised back of hand", "raised hand"),
        ("woman running facing right: dark skin tone", "running"),
        ("mountain", "mountain"),
        ("old key", "key"),
        ("hot dog", "hot dog"),
    ],
)
def test_copies_of_one_picture_share_a_concept(annotation, name):
    assert concept(annotation) == name


def test_groups_are_what_the_name_says(drawings):
    assert by_title(drawings, "woman firefighter: medium-dark skin tone").groups == {
        "medium": "vector",
        "subject": "person",
        "skin_tone": "medium-dark",
        "gender": "woman",
    }
    assert by_title(drawings, "waving hand: dark skin tone").groups == {
        "medium": "vector",
        "subject": "hand",
        "skin_tone": "dark",
    }
    assert by_title(drawings, "dog face").groups == {"medium": "vector", "subject": "other"}


def test_no_gender_where_the_name_says_none(drawings):
    assert "gender" not in by_title(drawings, "firefighter: dark skin tone").groups
    assert "gender" not in by_title(drawings, "prince: dark skin tone").groups


def test_tones_and_genders_are_evenly_there(drawings):
    tones = Counter(d.groups["skin_tone"] for d in drawings if "skin_tone" in d.groups)
    assert set(tones) == set(SKIN_TONES)
    assert len(set(tones.values())) == 1
    assert {d.groups["gender"] for d in drawings if "gender" in d.groups} == set(GENDERS)


def test_flags_logos_and_rude_gestures_are_left_out(drawings):
    titles = " ".join(d.title for d in drawings).lower()
    for word in ("flag: ", "middle finger", "bunny ears", "logo", "pistol"):
        assert word not in titles


def test_a_folder_that_is_not_openmoji_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="Install the npm package"):
        list(openmoji_drawings(tmp_path))


def test_photographs_leave_out_what_is_drawn_or_turned(tmp_path):
    stamp(tmp_path, "animals/frog.png", "A frog.")
    stamp(tmp_path, "animals/frog-1.png")
    stamp(tmp_path, "animals/frog.svg")
    stamp(tmp_path, "animals/cartoon/tux.png")
    stamp(tmp_path, "animals/mammals/hedgehog.png")
    stamp(tmp_path, "vehicles/dumper_mirror.png")
    stamp(tmp_path, "symbols/letter.png")
    found = list(photographs(tmp_path))
    assert [p.title for p in found] == ["frog 1", "A frog"]
    assert {p.cluster for p in found} == {"tuxpaint photograph: frog"}
    assert all(p.groups == {"medium": "photograph"} and p.is_photograph for p in found)


def test_drawn_stamps_are_the_svgs(tmp_path):
    stamp(tmp_path, "animals/cartoon/ant.svg", "An ant.")
    stamp(tmp_path, "clothes/bikini.svg")
    stamp(tmp_path, "military/longsword.svg")
    (found,) = tuxpaint_drawings(tmp_path)
    assert found.title == "An ant"
    assert found.source == "Tux Paint stamps animals/cartoon/ant.svg"
    assert found.groups == {"medium": "vector"}
