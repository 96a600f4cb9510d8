from collections import Counter
from pathlib import Path

import pytest

from modeltrain.demo.sources import (
    FLUENT_EMOJI,
    GENDERS,
    SKIN_TONES,
    TWEMOJI,
    concept,
    in_audit_styles,
    in_style,
    openmoji_drawings,
    tuxpaint_drawings,
    tuxpaint_photographs,
)

NPM = Path(__file__).parents[3] / "node_modules"
OPENMOJI = NPM / "openmoji"


@pytest.fixture(scope="module")
def drawings():
    return list(openmoji_drawings(OPENMOJI))


def by_title(drawings, title):
    return next(drawing for drawing in drawings if drawing.title == title)


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
def test_variants_of_one_drawing_share_a_concept(annotation, name):
    assert concept(annotation) == name


def test_groups_follow_the_name(drawings):
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


@pytest.mark.parametrize("title", ["firefighter", "police officer", "person walking"])
def test_people_whose_name_gives_no_gender_are_persons_beside_men_and_women(drawings, title):
    assert by_title(drawings, f"{title}: dark skin tone").groups["gender"] == "person"


@pytest.mark.parametrize("title", ["prince", "child", "girl", "ninja"])
def test_without_a_man_and_a_woman_beside_it_such_a_name_gives_no_gender(drawings, title):
    assert "gender" not in by_title(drawings, f"{title}: dark skin tone").groups


def test_tones_are_balanced_and_all_genders_occur(drawings):
    tones = Counter(
        drawing.groups["skin_tone"] for drawing in drawings if "skin_tone" in drawing.groups
    )
    assert set(tones) == set(SKIN_TONES)
    assert len(set(tones.values())) == 1
    genders = {drawing.groups["gender"] for drawing in drawings if "gender" in drawing.groups}
    assert genders == set(GENDERS)


def test_flags_logos_and_rude_gestures_are_left_out(drawings):
    titles = " ".join(drawing.title for drawing in drawings).lower()
    for word in ("flag: ", "middle finger", "bunny ears", "logo", "pistol"):
        assert word not in titles


def test_a_folder_that_is_not_openmoji_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Install the npm package"):
        list(openmoji_drawings(tmp_path))


def test_drawn_and_flipped_stamps_are_not_photographs(tmp_path):
    stamp(tmp_path, "animals/frog.png", "A frog.")
    stamp(tmp_path, "animals/frog-1.png")
    stamp(tmp_path, "animals/frog.svg")
    stamp(tmp_path, "animals/cartoon/tux.png")
    stamp(tmp_path, "animals/mammals/hedgehog.png")
    stamp(tmp_path, "vehicles/dumper_mirror.png")
    stamp(tmp_path, "symbols/letter.png")
    images = list(tuxpaint_photographs(tmp_path))
    assert [image.title for image in images] == ["frog 1", "A frog"]
    assert {image.cluster for image in images} == {"tuxpaint photograph: frog"}
    groups = {"medium": "photograph", "subject": "other"}
    assert all(image.groups == groups for image in images)
    assert all(image.is_photograph for image in images)


def test_svg_stamps_are_drawings(tmp_path):
    stamp(tmp_path, "animals/cartoon/ant.svg", "An ant.")
    stamp(tmp_path, "clothes/bikini.svg")
    stamp(tmp_path, "military/longsword.svg")
    (drawing,) = tuxpaint_drawings(tmp_path)
    assert drawing.title == "An ant"
    assert drawing.source == "Tux Paint stamps animals/cartoon/ant.svg"
    assert drawing.groups == {"medium": "vector", "subject": "other"}


def test_a_folder_that_may_show_people_states_no_subject(tmp_path):
    stamp(tmp_path, "people/cartoon/clown.svg")
    (drawing,) = tuxpaint_drawings(tmp_path)
    assert drawing.groups == {"medium": "vector"}


@pytest.mark.parametrize(
    ("title", "style", "source", "medium"),
    [
        ("woman firefighter: dark skin tone", TWEMOJI, "1F469-1F3FF-200D-1F692", "vector"),
        ("woman firefighter: dark skin tone", FLUENT_EMOJI, "1F469-1F3FF-200D-1F692", "render"),
        # Twemoji leaves out the code point that asks for colour.
        ("pencil", TWEMOJI, "270F", "vector"),
    ],
)
def test_an_emoji_in_another_style_has_the_same_groups(drawings, title, style, source, medium):
    drawing = by_title(drawings, title)
    styled = in_style(drawing, style, NPM)
    assert styled.source == f"{style.name} {source}"
    assert styled.groups == {**drawing.groups, "medium": medium}
    assert styled.cluster == drawing.cluster
    assert styled.path.is_file()


def test_an_emoji_that_a_style_lacks_is_none(drawings, tmp_path):
    assert in_style(by_title(drawings, "dog face"), TWEMOJI, tmp_path) is None
    assert in_audit_styles([by_title(drawings, "dog face")], tmp_path) == [
        by_title(drawings, "dog face")
    ]


def media(drawings, words):
    """The media of an emoji that is shown after so many others."""
    wanted = [drawing for drawing in drawings if drawing.title in words]
    others = [drawing for drawing in drawings if drawing.groups["subject"] == "other"]
    cluster = wanted[0].cluster
    return [
        {
            image.groups["medium"]
            for image in in_audit_styles(images, NPM)
            if image.cluster == cluster
        }
        for images in (wanted, others[:8] + wanted)
    ]


def test_hands_and_people_in_every_gender_are_shown_twice_and_others_once(drawings):
    both = {"vector", "render"}
    assert media(drawings, ["waving hand: dark skin tone"]) == [both, both]
    firefighters = [f"{who}firefighter: dark skin tone" for who in ("", "man ", "woman ")]
    assert media(drawings, firefighters) == [both, both]
    assert media(drawings, firefighters[:2]) == [{"vector"}, {"render"}]
    assert media(drawings, ["dog face"]) == [{"vector"}, {"render"}]


def test_all_tones_of_an_emoji_are_shown_in_the_same_way(drawings):
    toned = [drawing for drawing in drawings if "skin_tone" in drawing.groups]
    ways = {}
    for image in in_audit_styles(toned, NPM):
        way = (image.source.split()[0], image.ground, image.close_up)
        ways.setdefault((image.cluster, image.groups["medium"]), set()).add(way)
    assert all(len(cluster_ways) == 1 for cluster_ways in ways.values())
    for medium, styles in (("vector", {"OpenMoji", "Twemoji"}), ("render", {"Fluent"})):
        chosen = Counter(way for (_, kind), (way,) in ways.items() if kind == medium)
        assert {style for style, _, _ in chosen} == styles
        assert len({(ground, close_up) for _, ground, close_up in chosen}) == 8
