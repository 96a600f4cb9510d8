"""What an audit set is too small to show, as lists and tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from nsfwsite.tables.gate_table import MEASURES
from nsfwsite.tables.titles import Titles

Cell = dict[str, Any]

ALL_IMAGES = "All images"


def short_groups(result: Mapping[str, Any]) -> list[Cell]:
    """Classes and groups with too few images: first those without which nothing passes."""
    short = [group for group in result["groups"] if group["short"]]
    return sorted(short, key=lambda group: (not group["required"], not group["decides"]))


def measures(result: Mapping[str, Any]) -> dict[str, str]:
    """The kinds of mistake that can happen on these images, and their titles."""
    possible = {cell["measure"] for cell in result["cells"] if cell["n"]}
    return {name: title for name, title in MEASURES.items() if name in possible}


def rows(result: Mapping[str, Any], measure: str, titles: Titles) -> list[Cell]:
    """One row for each class and group: the decision rule at which it is hardest to see a rise."""
    return [
        {
            **cell,
            "axis_title": titles.axis(cell["axis"]),
            "title": ALL_IMAGES
            if cell["axis"] == "overall"
            else titles.group(cell["axis"], cell["value"]),
            "name": f"{cell['axis']}={cell['value']}",
        }
        for cell in result["cells"]
        if cell["hardest"] and cell["n"] and cell["measure"] == measure
    ]


def shortest(cells: Sequence[Cell]) -> Cell | None:
    """The row that lacks most images, or else the one that sees least."""
    return max(
        cells,
        key=lambda cell: (cell["short"], cell["missing"] or 0, cell["smallest_change"] or 1),
        default=None,
    )
