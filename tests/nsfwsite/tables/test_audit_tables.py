"""An audit's figures as tables. No share is shown that rests on too few images."""

from nsfwsite.tables import audit_tables
from nsfwsite.tables.titles import BUILT_IN_AXES, Titles
from tests.nsfwsite.audits.examples import FIGURES, cell

TITLES = Titles(BUILT_IN_AXES | {"medium": "Medium"}, {("medium", "vector"): "Vector drawing"})


def test_all_images_come_first_then_labels_then_each_axis():
    overall, labels, medium = audit_tables.sections(FIGURES, TITLES)
    assert [section["title"] for section in (overall, labels, medium)] == [
        "All images",
        "By right label",
        "Medium",
    ]
    assert [row["name"] for row in medium["rows"]] == ["Vector drawing", "render"]
    assert [row["n"] for row in medium["rows"]] == [200, 4]


def test_a_share_of_too_few_images_is_not_enough():
    *_, medium = audit_tables.sections(FIGURES, TITLES)
    vector, render = medium["rows"]
    enough = {share["measure"]: share["enough"] for share in vector["measures"]}
    assert enough == {"error": True, "false_alarm": True, "miss": False, "confusion": True}
    assert not any(share["enough"] for share in render["measures"])


def test_copies_of_few_images_are_not_enough():
    copies = cell(200, 50)
    copies["false_alarm"]["clusters"] = 29
    figures = FIGURES | {"groups": {"medium": {"vector": copies}}}
    (vector,) = audit_tables.sections(figures, TITLES)[2]["rows"]
    enough = {share["measure"]: share["enough"] for share in vector["measures"]}
    assert enough == {"error": True, "false_alarm": False, "miss": False, "confusion": True}


def test_images_without_a_value_are_a_row_only_if_asked_for():
    figures = FIGURES | {"not_stated": {"medium": cell(36, 1)}}
    assert len(audit_tables.sections(figures, TITLES)[2]["rows"]) == 2
    rows = audit_tables.sections(figures, TITLES, not_stated=True)[2]["rows"]
    assert (rows[2]["name"], rows[2]["n"]) == ("Not stated", 36)


def test_an_axis_without_cells_has_no_table():
    figures = FIGURES | {"groups": {"medium": {}}}
    assert len(audit_tables.sections(figures, TITLES)) == 2


def test_cells_of_an_axis_have_the_names_that_people_read():
    assert list(audit_tables.cells_on_axis(FIGURES, "overall", TITLES)) == ["All images"]
    assert list(audit_tables.cells_on_axis(FIGURES, "class", TITLES)) == ["drawings", "porn"]
    assert list(audit_tables.cells_on_axis(FIGURES, "medium", TITLES)) == [
        "Vector drawing",
        "render",
    ]
    assert audit_tables.cells_on_axis(FIGURES, "tone", TITLES) == {}


def test_pairs_of_groups_with_too_few_images_are_counted_and_not_shown():
    cells = [
        {"values": ["vector", "dark"], **cell(50, 5)},
        {"values": ["render", "dark"], **cell(3, 1)},
    ]
    (table,) = audit_tables.pairs([{"axes": ["medium", "tone"], "cells": cells}], 30, TITLES)
    assert (table["title"], table["short"]) == ("Medium and tone", 1)
    assert [row["name"] for row in table["rows"]] == ["Vector drawing, dark"]
    few = [{"axes": ["medium", "tone"], "cells": cells[1:]}]
    assert audit_tables.pairs(few, 30, TITLES) == []


def test_a_chart_has_a_dot_for_each_share_that_is_shown():
    dots = audit_tables.dots(FIGURES, "error", TITLES)
    assert [(dot["axis"], dot["value"], dot["count"], dot["n"]) for dot in dots] == [
        ("All images", "All images", 24, 240),
        ("By right label", "drawings", 20, 200),
        ("Medium", "Vector drawing", 50, 200),
    ]
    assert audit_tables.dots(FIGURES, "miss", TITLES) == []
