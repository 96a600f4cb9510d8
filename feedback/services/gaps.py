"""Gaps that candidates open between groups: who confirmed in public to have read them."""

from collections.abc import Mapping, Sequence
from typing import Any

from feedback.errors import GapsNotAcknowledged, Invalid
from feedback.text import strip_unsafe_characters

Gap = Mapping[str, Any]


def by_group(gate: Mapping[str, Any]) -> dict[str, list[Gap]]:
    """The gaps of a gate's result by their group's name, such as "skin_tone=dark".

    A group can fall behind in several kinds of mistake, and at several decision rules.
    """
    groups: dict[str, list[Gap]] = {}
    for gap in gate.get("gaps", []):
        groups.setdefault(f"{gap['axis']}={gap['value']}", []).append(gap)
    return groups


def acknowledge(gate: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Return the names of all groups for which a gap opens, each of which `names` must name.

    Raises
    ------
    GapsNotAcknowledged
        If one is missing.
    Invalid
        If a name is none of them.
    """
    groups = list(by_group(gate))
    acknowledged = [strip_unsafe_characters(name) for name in names]
    if unknown := [name for name in acknowledged if name not in groups]:
        raise Invalid(
            rule="A gap is named as axis=value, as the verdict lists it under gaps.",
            received=f"{_quoted(unknown)}, where the verdict lists {_quoted(groups)}",
            remedy="Name the groups that the verdict lists, or reload the page if it is new.",
        )
    if missing := [name for name in groups if name not in acknowledged]:
        raise GapsNotAcknowledged(
            rule="Whoever promotes a model that opens gaps between groups confirms in public to "
            "have read each of them.",
            received=f"{_quoted(acknowledged)}; missing: {_quoted(missing)}",
            remedy="Read the sentence of each gap, and name all of them in acknowledged_gaps.",
        )
    return groups


def _quoted(names: Sequence[str], *, most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name[:100]) for name in names[:most]) + more if names else "none"
