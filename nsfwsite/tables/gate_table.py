"""A gate's result as a table."""

from collections.abc import Mapping
from typing import Any

from nsfwsite.tables.titles import Titles


def gate_table(result: Mapping[str, Any], titles: Titles) -> dict[str, Any]:
    """The gate's result with axes and groups under the names that people read."""
    cells = [
        {
            **cell,
            "axis_title": titles.axis(cell["axis"]),
            "value": titles.group(cell["axis"], cell["value"]),
        }
        for cell in result.get("cells", [])
    ]
    return {**result, "cells": cells}
