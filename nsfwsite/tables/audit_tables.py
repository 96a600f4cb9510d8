"""An audit's figures as tables, and as dots for a chart."""

from collections.abc import Mapping, Sequence
from typing import Any

from nsfwsite.tables.titles import BUILT_IN_AXES, Titles

MEASURES = {
    "error": "Any mistake",
    "false_alarm": "False alarm",
    "miss": "Miss",
    "confusion": "Confusion",
}
ALL_IMAGES = BUILT_IN_AXES["overall"]


def sections(
    figures: Mapping[str, Any], titles: Titles, *, not_stated: bool = False
) -> list[dict[str, Any]]:
    """One table for all images, one for the classes, one for each axis that has cells.

    Images without a value on an axis are no group. They have a row only with `not_stated`. Figures
    of audits before version 0.3 lack it.
    """
    minimum = figures["minimum"]
    without_value = figures.get("not_stated", {}) if not_stated else {}
    tables = [
        (ALL_IMAGES, [(ALL_IMAGES, figures["overall"])]),
        ("By right label", list(figures["classes"].items())),
    ]
    for axis, cells in figures["groups"].items():
        if cells:
            named_cells = list(cells_on_axis(figures, axis, titles).items())
            if axis in without_value:
                named_cells.append(("Not stated", without_value[axis]))
            tables.append((titles.axis(axis), named_cells))
    return [
        {
            "title": title,
            "rows": [_row(name, cell, minimum) for name, cell in named_cells],
            "shrunk": {measure for _, cell in named_cells for measure in cell.get("shrunk", {})},
        }
        for title, named_cells in tables
    ]


def cells_on_axis(figures: Mapping[str, Any], axis: str, titles: Titles) -> dict[str, Any]:
    """Cells of an axis under the names that people read, in the order of its groups."""
    if axis == "overall":
        return {ALL_IMAGES: figures["overall"]}
    if axis == "class":
        return dict(figures["classes"])
    cells = figures["groups"].get(axis, {})
    groups = sorted(cells, key=lambda group: titles.place(axis, group))
    return {titles.group(axis, group): cells[group] for group in groups}


def pairs(
    pairs_of_axes: Sequence[Mapping[str, Any]], minimum: int, titles: Titles
) -> list[dict[str, Any]]:
    """One table for each pair of axes, of the groups with enough images."""
    tables = []
    for pair in pairs_of_axes:
        axes = pair["axes"]
        rows = [
            _row(", ".join(map(titles.group, axes, cell["values"])), cell, minimum)
            for cell in pair["cells"]
        ]
        rows_with_enough = [row for row in rows if row["enough"]]
        if rows_with_enough:
            tables.append(
                {
                    "title": " and ".join(map(titles.axis, axes)),
                    "rows": rows_with_enough,
                    "short": len(rows) - len(rows_with_enough),
                }
            )
    return tables


def _row(name: str, cell: Mapping[str, Any], minimum: int) -> dict[str, Any]:
    """A row of a table. A share that rests on too few images is not shown as one."""
    measures = [
        {"measure": measure, "enough": cell["enough"] and cell[measure]["clusters"] >= minimum}
        | cell[measure]
        for measure in MEASURES
    ]
    return {
        "name": name,
        "n": cell["n"],
        "different": cell["error"]["clusters"],
        "enough": cell["enough"],
        "measures": measures,
        "shrunk": cell.get("shrunk", {}),
    }


def dots(figures: Mapping[str, Any], measure: str, titles: Titles) -> list[dict[str, Any]]:
    """The cells with enough images as dots for a chart of one measure."""
    return [
        {"axis": section["title"], "value": row["name"]}
        | {name: share[name] for name in ("rate", "low", "high", "count", "n")}
        for section in sections(figures, titles)
        for row in section["rows"]
        for share in row["measures"]
        if share["measure"] == measure and share["enough"]
    ]
