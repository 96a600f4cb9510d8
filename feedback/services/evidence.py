"""Counts of a private audit that somebody hands in with a report. There are no images to them."""

import json
from collections.abc import Mapping
from typing import Any

from feedback import queries
from feedback.errors import Invalid
from feedback.text import inert
from modeltrain.audit.minimum import MINIMUM_IMAGES

MEASURES = ("flagged", "error", "false_alarm", "miss", "confusion")
GROUPS = 50
NAME = 80
IMAGES = 1_000_000
LONGEST = 40_000  # of the JSON
WAY_OUT = "Share the counts from the page that made them, or leave them out."


def parse(text: str) -> dict[str, Any]:
    """Counts as the private audit's page writes them; `{}` where there are none.

    `{"model": "v1", "groups": [{"name": "…", "n": 40, "flagged": [3, 40], …}, …]}`: of each measure
    how many of how many images.
    """
    if not text:
        return {}
    if len(text) > LONGEST:
        raise _refusal(f"at most {LONGEST:,} characters", f"{len(text):,} characters")
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise _refusal("a JSON object", repr(text[:80]))
    model, groups = given.get("model"), given.get("groups")
    if not (isinstance(model, str) and queries.models.model_of(model)):
        raise _refusal("of a model that is here", repr(model))
    if not (isinstance(groups, list) and 0 < len(groups) <= GROUPS):
        many = f"{len(groups)} groups" if isinstance(groups, list) else repr(groups)
        raise _refusal(f"of 1 to {GROUPS} groups", many)
    return {"model": model, "groups": [_group(each) for each in groups]}


def _group(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _refusal("an object for each group", repr(given))
    name, n = given.get("name"), given.get("n")
    if not (isinstance(name, str) and 0 < len(inert(name)) <= NAME):
        raise _refusal(f"of groups with names of 1 to {NAME} characters", repr(name))
    if not (isinstance(n, int) and not isinstance(n, bool) and 0 < n <= IMAGES):
        raise _refusal(f"of 1 to {IMAGES:,} images in each group", repr(n))
    counts = {measure: given.get(measure, [0, 0]) for measure in MEASURES}
    for measure, pair in counts.items():
        if not _is_share(pair, most=n):
            rule = f"[how many, of how many] for {measure}, of at most {n} images"
            raise _refusal(rule, repr(pair))
    return {"name": inert(name), "n": n, **counts}


def _is_share(pair: Any, *, most: int) -> bool:
    if not (isinstance(pair, list) and len(pair) == 2 and all(map(_whole, pair))):
        return False
    return bool(0 <= pair[0] <= pair[1] <= most)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _refusal(rule: str, received: str) -> Invalid:
    return Invalid(rule=f"Shared counts must be {rule}.", received=received[:120], remedy=WAY_OUT)


def rows(evidence: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each group with its rates and intervals, as the public audits have them."""
    from modeltrain.audit.fairness import rate

    return [
        {
            "name": group["name"],
            "n": group["n"],
            "measures": [
                {"measure": measure, "enough": group[measure][1] >= MINIMUM_IMAGES}
                | rate(count=group[measure][0], n=group[measure][1])
                for measure in MEASURES
            ],
        }
        for group in evidence.get("groups", [])
    ]
