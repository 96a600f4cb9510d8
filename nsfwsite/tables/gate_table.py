"""A gate's result as tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from feedback.models import Retrain
from modeltrain.gate.sentences import has_to_tell
from nsfwsite.tables.titles import Titles

Cell = dict[str, Any]

HIGHEST_SCORE = "highest score"  # `DecisionRule().name`, whose module is slow to import
ANY_MISTAKE = "error"  # what policies before version 3 judged: their cells name no measure

# Harm comes first.
MEASURES = {
    "false_alarm": "False alarms",
    "miss": "Misses",
    "confusion": "Confusions",
    ANY_MISTAKE: "Mistakes",
}


def gate_table(
    result: Mapping[str, Any], titles: Titles, *, before: str = "", audit_set: str = ""
) -> dict[str, Any]:
    """Prepare a gate's result for a page: axes and groups have the names that people read.

    `rules` has the tables of each decision rule, `missing` the cells without any image, and
    `shortages` the cells that decide and have too few. `before` and `audit_set` say which model
    and which images the candidate was judged by.
    """
    cells = [_named_cell(cell, titles) for cell in result.get("cells", [])]
    counted = [cell for cell in cells if cell["n"] or cell["measure"] == ANY_MISTAKE]
    return {
        **result,
        "before": before,
        "audit_set": audit_set,
        "cells": cells,
        "gaps": [
            _named(gap, titles) | {"id": gap_id(number)}
            for number, gap in enumerate(result.get("gaps", []))
        ],
        "rules": [
            {"name": rule, "highest": rule == HIGHEST_SCORE, "tables": _tables(counted, rule)}
            for rule in dict.fromkeys(cell["rule"] for cell in counted)
        ],
        "missing": [cell for cell in cells if cell not in counted],
        "shortages": _shortages(counted),
    }


def gap_id(number: int) -> str:
    """Return the id of what a page says of a gap, by the gap's place in the result."""
    return f"gap-{number + 1}"


def retrain_gate(retrain: Retrain, titles: Titles) -> dict[str, Any] | None:
    """Prepare the verdict on a retrain's candidate; None if there is none yet."""
    if not retrain.gate:
        return None
    return gate_table(
        retrain.gate,
        titles,
        before=retrain.judged_against.version if retrain.judged_against else "",
        audit_set=retrain.audit_set.name if retrain.audit_set else "",
    )


def _named(cell: Mapping[str, Any], titles: Titles) -> Cell:
    return {
        **cell,
        "axis_title": titles.axis(cell["axis"]),
        "value": titles.group(cell["axis"], cell["value"]),
        "kind": MEASURES[cell["measure"]],
    }


def _named_cell(cell: Mapping[str, Any], titles: Titles) -> Cell:
    earlier = {"measure": ANY_MISTAKE, "rule": HIGHEST_SCORE}
    axis, _, value = cell.get("same_images_as", "").partition("=")
    same = "all images" if axis == "overall" else titles.group(axis, value)
    return _named({**earlier, **cell}, titles) | {"same_images_as": same if axis else ""}


def _tables(cells: Iterable[Cell], rule: str) -> list[dict[str, Any]]:
    cells = [cell for cell in cells if cell["rule"] == rule]
    tables = [
        {"title": title, "cells": [cell for cell in cells if cell["measure"] == measure]}
        for measure, title in MEASURES.items()
    ]
    return [table for table in tables if table["cells"]]


def _shortages(cells: Sequence[Cell]) -> list[Cell]:
    """Of each group that decides with too few images, the cell that needs most."""
    most: dict[tuple[str, str], Cell] = {}
    for cell in cells:
        if not cell.get("needed") or cell.get("exception"):
            continue
        if has_to_tell(cell):
            group = cell["axis"], cell["value"]
            if group not in most or cell["needed"] > most[group]["needed"]:
                most[group] = cell
    return list(most.values())
