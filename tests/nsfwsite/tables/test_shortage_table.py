"""What an audit set is too small to show: the hardest case of each group, the shortest first."""

from nsfwsite.tables import shortage_table
from nsfwsite.tables.titles import Titles

TITLES = Titles({"tone": "Skin tone"}, {("tone", "dark"): "Dark"})


def cell(value, *, axis="tone", measure="error", n=50, **changes):
    fields = {"hardest": True, "short": False, "missing": None, "smallest_change": 0.1}
    return {"axis": axis, "value": value, "measure": measure, "n": n, **fields, **changes}


def test_groups_without_which_nothing_passes_come_first():
    groups = [
        {"value": "enough", "short": False, "required": True, "decides": True},
        {"value": "seen", "short": True, "required": False, "decides": False},
        {"value": "decides", "short": True, "required": False, "decides": True},
        {"value": "required", "short": True, "required": True, "decides": True},
    ]
    short = shortage_table.short_groups({"groups": groups})
    assert [group["value"] for group in short] == ["required", "decides", "seen"]


def test_only_mistakes_that_can_happen_are_offered():
    cells = [cell("dark", measure="false_alarm"), cell("dark", measure="miss", n=0)]
    assert list(shortage_table.measures({"cells": cells})) == ["false_alarm"]


def test_a_group_has_one_row_under_its_title():
    cells = [
        cell("", axis="overall"),
        cell("dark"),
        cell("dark", hardest=False),
        cell("light", n=0),
        cell("dark", measure="miss"),
    ]
    rows = shortage_table.rows({"cells": cells}, "error", TITLES)
    assert [(row["axis_title"], row["title"], row["name"]) for row in rows] == [
        ("overall", "All images", "overall="),
        ("Skin tone", "Dark", "tone=dark"),
    ]


def test_the_shortest_row_lacks_most_images_or_else_sees_least():
    fine, blind = cell("a", smallest_change=0.2), cell("b", smallest_change=None)
    short = cell("c", short=True, missing=10)
    shorter = cell("d", short=True, missing=90)
    assert shortage_table.shortest([fine, short, shorter, blind]) is shorter
    assert shortage_table.shortest([fine, blind]) is blind
    assert shortage_table.shortest([]) is None
