"""Counts of a private audit that come with a report. They have no images."""

import json
from collections.abc import Mapping
from typing import Any

from feedback import queries
from feedback.errors import Invalid
from feedback.text import strip_unsafe_characters
from modeltrain.audit.minimum import MINIMUM_IMAGES

MEASURES = ("flagged", "error", "false_alarm", "miss", "confusion")
MAX_GROUPS = 50
MAX_NAME_LENGTH = 80
MAX_IMAGES = 1_000_000
MAX_LENGTH = 40_000  # characters of JSON
REMEDY = "Share the counts from the page that made them, or leave them out."


def parse(text: str) -> dict[str, Any]:
    """Parse counts as the private audit's page writes them; `{}` if there are none.

    `{"model": "v1", "groups": [{"name": "…", "n": 40, "flagged": [3, 40], …}, …]}`: for each
    measure how many of how many images.
    """
    if not text:
        return {}
    if len(text) > MAX_LENGTH:
        raise _refusal(f"at most {MAX_LENGTH:,} characters", f"{len(text):,} characters")
    try:
        counts = json.loads(text)
    except (ValueError, RecursionError):
        counts = None
    if not isinstance(counts, dict):
        raise _refusal("a JSON object", repr(text[:80]))
    model, groups = counts.get("model"), counts.get("groups")
    if not (isinstance(model, str) and queries.models.model_of(model)):
        raise _refusal("of a model that is here", repr(model))
    if not (isinstance(groups, list) and 0 < len(groups) <= MAX_GROUPS):
        received = f"{len(groups)} groups" if isinstance(groups, list) else repr(groups)
        raise _refusal(f"of 1 to {MAX_GROUPS} groups", received)
    return {"model": model, "groups": [_group(group) for group in groups]}


def _group(group: Any) -> dict[str, Any]:
    if not isinstance(group, dict):
        raise _refusal("an object for each group", repr(group))
    name, n = group.get("name"), group.get("n")
    if not (isinstance(name, str) and 0 < len(strip_unsafe_characters(name)) <= MAX_NAME_LENGTH):
        raise _refusal(f"of groups with names of 1 to {MAX_NAME_LENGTH} characters", repr(name))
    if not (isinstance(n, int) and not isinstance(n, bool) and 0 < n <= MAX_IMAGES):
        raise _refusal(f"of 1 to {MAX_IMAGES:,} images in each group", repr(n))
    counts = {measure: group.get(measure, [0, 0]) for measure in MEASURES}
    for measure, pair in counts.items():
        if not _is_share(pair, most=n):
            rule = f"[how many, of how many] for {measure}, of at most {n} images"
            raise _refusal(rule, repr(pair))
    return {"name": strip_unsafe_characters(name), "n": n, **counts}


def _is_share(pair: Any, *, most: int) -> bool:
    if not (isinstance(pair, list) and len(pair) == 2 and all(map(_is_integer, pair))):
        return False
    return bool(0 <= pair[0] <= pair[1] <= most)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _refusal(rule: str, received: str) -> Invalid:
    return Invalid(rule=f"Shared counts must be {rule}.", received=received[:120], remedy=REMEDY)


def group_rates(evidence: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each group with its rates and intervals, in the form of the public audits.

    The browser counts exact copies once. It does not recognise other images that resemble each
    other, so that each counts as one of its own.
    """
    from modeltrain.audit.fairness import rate

    groups = evidence.get("groups", [])
    counted = [measure for measure in MEASURES if any(group[measure][1] for group in groups)]
    return [
        {
            "name": group["name"],
            "n": group["n"],
            "measures": [
                {"measure": measure, "enough": group[measure][1] >= MINIMUM_IMAGES}
                | rate(count=group[measure][0], n=group[measure][1])
                for measure in counted
            ],
        }
        for group in groups
    ]
