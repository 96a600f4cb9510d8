"""A gate's result as a table."""

from collections.abc import Mapping
from typing import Any

from nsfwsite.tables.titles import group_titles


def gate_table(result: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The gate's result with groups under the names that people read."""
    if not result:
        return None
    named = group_titles()
    cells = []
    for cell in result.get("cells", []):
        axis, value = named.get((cell["axis"], cell["value"]), (cell["axis"], cell["value"]))
        title = "Right label" if cell["axis"] == "class" else axis
        cells.append({**cell, "axis_title": title, "value": value})
    return {**result, "cells": cells}
