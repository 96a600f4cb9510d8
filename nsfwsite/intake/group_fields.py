"""Read the groups that a report states, from JSON."""

import json
from collections.abc import Mapping
from typing import Any

from feedback.errors import Invalid


def parse_pair_groups(
    text: str, pair_count: int
) -> list[tuple[Mapping[str, str], Mapping[str, str]]]:
    """The groups of each pair, from a JSON list that holds two objects (axis → value) a pair.

    An empty text or list states no groups.
    """
    pair_groups = _from_json(text or "[]")
    if pair_groups == []:
        return [({}, {})] * pair_count
    complete = isinstance(pair_groups, list) and len(pair_groups) == pair_count
    if not complete or not all(isinstance(pair, list) and len(pair) == 2 for pair in pair_groups):
        raise Invalid(
            rule="`pair_groups` must be a JSON list with two objects for each pair.",
            received=text[:80],
            remedy='Send something like [[{"skin_tone": "dark"}, {"skin_tone": "light"}]], '
            "or leave it out.",
        )
    return [
        (_checked(wrong, repr(wrong)), _checked(counterpart, repr(counterpart)))
        for wrong, counterpart in pair_groups
    ]


def parse_groups(text: str) -> Mapping[str, str]:
    """Groups from a JSON object, axis → value."""
    return _checked(_from_json(text or "{}"), text)


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _checked(groups: Any, received: str) -> Mapping[str, str]:
    if not isinstance(groups, dict) or not all(isinstance(v, str) for v in groups.values()):
        raise Invalid(
            rule="`groups` must be a JSON object of axis → value.",
            received=received[:80],
            remedy='Send something like {"medium": "vector"}, or leave it out.',
        )
    return groups
