"""How many labels are doubtful, as tables."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from nsfwsite.tables.titles import Titles


def doubtful_counts(counts: Mapping[str, Any], titles: Titles) -> list[dict[str, Any]]:
    """How many labels are doubtful: one table for the labels, one for each axis."""
    by_label = [
        {"name": label, "query": urlencode({"label": label}), **cell}
        for label, cell in counts["labels"].items()
    ]
    tables = [{"title": "Label", "rows": by_label}]
    for axis, cells in counts["groups"].items():
        rows = [
            {
                "name": titles.group(axis, group),
                "query": urlencode({"axis": axis, "value": group}),
                **cell,
            }
            for group, cell in cells.items()
        ]
        tables.append({"title": titles.axis(axis), "rows": rows})
    return tables
