"""The gate in plain words."""

from collections.abc import Mapping, Sequence
from typing import Any

Cell = Mapping[str, Any]


def cell_name(cell: Cell) -> str:
    """Return what a cell is about, such as "neutral images"."""
    if cell["axis"] == "overall":
        return "all images"
    if cell["axis"] == "class":
        return f"{cell['value']} images"
    return f"images with {cell['axis'].replace('_', ' ')} {cell['value']}"


def points(share: float, *, signed: bool = False) -> str:
    """Return a share as points, such as "+12" or "−3"; 0 has no sign."""
    rounded = round(share * 100)
    if rounded < 0:
        return f"−{-rounded}"
    return f"+{rounded}" if signed and rounded else f"{rounded}"


def _how_much(cell: Cell) -> str:
    interval = f"{points(cell['low'])} to {points(cell['high'])}"
    return (
        f"{cell['champion_wrong']} of {cell['n']} before, "
        f"{cell['candidate_wrong']} of {cell['n']} now "
        f"({points(cell['difference'], signed=True)} points, {interval})"
    )


def cell_sentence(cell: Cell, *, margin: float, minimum: int) -> str:
    """Say what was found for one cell."""
    name = cell_name(cell)
    if cell["n"] == 0:
        return f"Insufficient data: no {name} in the audit set."
    if cell["finding"] == "insufficient data":
        are = "is" if cell["n"] == 1 else "are"
        return f"Insufficient data: there {are} {cell['n']} {name}, and {minimum} are needed."
    if cell["finding"] == "worse":
        return f"Blocked: {name} are wrong more often: {_how_much(cell)}."
    if cell["finding"] == "cannot tell":
        return (
            f"Insufficient data: it cannot be told whether {name} are wrong more often by "
            f"{points(margin)} points or more: {_how_much(cell)}."
        )
    if not cell["newly_wrong"]:
        return f"Pass: none of the {name} is newly wrong: {_how_much(cell)}."
    return f"Pass: {name} are not wrong more often by {points(margin)} points: {_how_much(cell)}."


def whole_sentence(verdict: str, cells: Sequence[Cell], *, margin: float) -> str:
    """Say what was found for the whole: the worst cell first, then how many more there are."""
    if verdict == "pass":
        return (
            f"Pass: no class or group with enough images is wrong more often by "
            f"{points(margin)} points or more."
        )
    if verdict == "blocked":
        blocked = [cell for cell in cells if cell["verdict"] == "blocked"]
        # The overall cell says least about who is hurt: named only where it is alone.
        blocked.sort(key=lambda cell: (cell["axis"] == "overall", -cell["difference"]))
        return str(blocked[0]["sentence"])[:-1] + _more(len(blocked) - 1, "worse")
    parts = []
    empty = [cell for cell in cells if cell["axis"] == "class" and cell["n"] == 0]
    if empty:
        parts.append("no images of " + _listed([cell["value"] for cell in empty]))
    few = [
        cell
        for cell in cells
        if cell["axis"] in ("overall", "class")
        and cell["n"]
        and cell["finding"] == "insufficient data"
    ]
    if few:
        parts.append("too few " + _listed([cell_name(cell) for cell in few]))
    unsure = [cell_name(cell) for cell in cells if cell["finding"] == "cannot tell"]
    if unsure:
        parts.append("it cannot be told for " + _listed(unsure))
    return "Insufficient data: " + "; ".join(parts) + "."


def _more(count: int, what: str) -> str:
    if not count:
        return "."
    return f"; {count} more {'cell is' if count == 1 else 'cells are'} {what}."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
