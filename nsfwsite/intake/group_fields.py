"""Read the groups that a report states, from JSON."""

import json
from collections.abc import Mapping
from typing import Any

from feedback.errors import (
    Invalid,
)


def parse_pair_groups(text: str, pairs: int) -> list[tuple[Mapping[str, str], Mapping[str, str]]]:
    """Groups of each pair as JSON: for each of them two objects, axis → value; or nothing."""
    stated = _from_json(text or "[]")
    if stated == []:
        return [({}, {})] * pairs
    fits = isinstance(stated, list) and len(stated) == pairs
    if not fits or not all(isinstance(two, list) and len(two) == 2 for two in stated):
        raise Invalid(
            rule="`pair_groups` must be a JSON list with two objects for each pair.",
            received=text[:80],
            remedy='Send something like [[{"skin_tone": "dark"}, {"skin_tone": "light"}]], '
            "or leave it out.",
        )
    return [(_groups(first), _groups(second)) for first, second in stated]


def parse_groups(text: str) -> Mapping[str, str]:
    """Groups as JSON, axis → value."""
    return _groups(_from_json(text or "{}"), text)


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _groups(groups: Any, text: str = "") -> Mapping[str, str]:
    if not isinstance(groups, dict) or not all(isinstance(v, str) for v in groups.values()):
        raise Invalid(
            rule="`groups` must be a JSON object of axis → value.",
            received=(text or repr(groups))[:80],
            remedy='Send something like {"medium": "vector"}, or leave it out.',
        )
    return groups
