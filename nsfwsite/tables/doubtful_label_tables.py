"""How many labels are doubtful, as tables."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from nsfwsite.tables.titles import group_titles


def doubtful_counts(counts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How many labels are doubtful: one table for the labels, one for each axis."""
    named = group_titles()
    by_label = [
        {"name": label, "query": urlencode({"label": label}), **cell}
        for label, cell in counts["labels"].items()
    ]
    found = [{"title": "Label", "rows": by_label}]
    for axis, cells in counts["groups"].items():
        rows = [
            {
                "name": named.get((axis, value), (axis, value))[1],
                "query": urlencode({"axis": axis, "value": value}),
                **cell,
            }
            for value, cell in cells.items()
        ]
        title = next(named.get((axis, value), (axis, value))[0] for value in cells)
        found.append({"title": title, "rows": rows})
    return found
