"""An audit's figures as tables, and as dots for a chart."""

from collections.abc import Mapping, Sequence
from typing import Any

from nsfwsite.tables.titles import group_titles

MEASURES = {
    "error": "Any mistake",
    "false_alarm": "False alarm",
    "miss": "Miss",
    "confusion": "Confusion",
}


def sections(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One table for all images, one for the classes, one for each axis."""
    named = group_titles()
    minimum = figures["minimum"]
    classes = [_row(label, cell, minimum) for label, cell in figures["classes"].items()]
    found = [
        {"title": "All images", "rows": [_row("All images", figures["overall"], minimum)]},
        {"title": "By right label", "rows": classes},
    ]
    for axis, cells in figures["groups"].items():
        known = [(named.get((axis, value), (axis, value)), cell) for value, cell in cells.items()]
        if known:
            rows = [_row(value, cell, minimum) for (_, value), cell in known]
            found.append({"title": known[0][0][0], "rows": rows})
    return found


def pairs(counted: Sequence[Mapping[str, Any]], minimum: int) -> list[dict[str, Any]]:
    """One table for each pair of axes, of the groups with enough images."""
    named = group_titles()
    found = []
    for pair in counted:
        one, other = pair["axes"]
        rows = []
        for cell in pair["cells"]:
            values = zip(pair["axes"], cell["values"], strict=True)
            name = ", ".join(named.get(key, key)[1] for key in values)
            rows.append(_row(name, cell, minimum))
        enough = [row for row in rows if row["enough"]]
        if enough:
            title = " and ".join(
                next((t for (axis, _), (t, _) in named.items() if axis == name), name)
                for name in (one, other)
            )
            found.append({"title": title, "rows": enough, "short": len(rows) - len(enough)})
    return found


def _row(name: str, cell: Mapping[str, Any], minimum: int) -> dict[str, Any]:
    """A row of a table. A share that rests on too few images is not shown as one."""
    measures = [
        {"measure": measure, "enough": cell["enough"] and cell[measure]["n"] >= minimum}
        | cell[measure]
        for measure in MEASURES
    ]
    return {"name": name, "n": cell["n"], "enough": cell["enough"], "measures": measures}


def points(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same cells as dots for a chart, those with enough images."""
    return [
        {
            "axis": section["title"],
            "value": row["name"],
            "measure": one["measure"],
            "rate": one["rate"],
            "low": one["low"],
            "high": one["high"],
            "count": one["count"],
            "n": one["n"],
        }
        for section in sections(figures)
        for row in section["rows"]
        for one in row["measures"]
        if one["enough"]
    ]
