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
    pairs = zip(cell["axis"].split(" and "), cell["value"].split(" and "), strict=True)
    return "images with " + " and ".join(f"{axis.replace('_', ' ')} {of}" for axis, of in pairs)


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


def _how_sure(cell: Cell) -> str:
    """Say how rarely chance alone would do this in any cell; after Holm's correction."""
    p_value = cell["p_value"]
    rarely = "fewer than 1 in 10,000" if p_value < 1e-4 else f"about 1 in {round(1 / p_value):,}"
    return f"by chance alone in {rarely} such audits"


def cell_sentence(cell: Cell, *, margin: float, minimum: int) -> str:
    """Say what was found for one cell."""
    name = cell_name(cell)
    if cell["exception"] is not None:
        found = cell_sentence({**cell, "exception": None}, margin=margin, minimum=minimum)
        return f"Does not decide ({cell['exception'].rstrip('.')}). {found}"
    if cell["n"] == 0:
        return f"Insufficient data: no {name} in the audit set."
    if cell["finding"] == "insufficient data":
        are = "is" if cell["n"] == 1 else "are"
        return f"Insufficient data: there {are} {cell['n']} {name}, and {minimum} are needed."
    if cell["finding"] == "worse":
        return f"Blocked: {name} are wrong more often: {_how_much(cell)}; {_how_sure(cell)}."
    if cell["finding"] == "cannot tell":
        return (
            f"Blocked: it cannot be told whether {name} are wrong more often by "
            f"{points(margin)} points or more: {_how_much(cell)}. If they are not, about "
            f"{cell['needed']:,} such images would show it."
        )
    if not cell["newly_wrong"]:
        none = "no image" if cell["axis"] == "overall" else f"none of the {name}"
        return f"Pass: {none} is newly wrong: {_how_much(cell)}."
    return f"Pass: {name} are not wrong more often by {points(margin)} points: {_how_much(cell)}."


def whole_sentence(verdict: str, cells: Sequence[Cell], *, margin: float) -> str:
    """Say what was found for the whole: the worst cell first, then how many more there are."""
    cells = [cell for cell in cells if cell["exception"] is None]
    if verdict == "pass":
        return (
            f"Pass: no class or group with enough images is wrong more often by "
            f"{points(margin)} points or more."
        )
    worse = [cell for cell in cells if cell["finding"] == "worse"]
    unsure = [cell_name(cell) for cell in cells if cell["finding"] == "cannot tell"]
    if worse:
        # The overall cell says least about who is hurt: named only where it is alone.
        worse.sort(key=lambda cell: (cell["axis"] == "overall", -cell["difference"]))
        also = f"; it cannot be told for {_listed(unsure)}" if unsure else ""
        return str(worse[0]["sentence"])[:-1] + _more(len(worse) - 1, "worse") + also + "."
    if unsure:
        return (
            f"Blocked: it cannot be told whether {_listed(unsure)} are wrong more often by "
            f"{points(margin)} points or more."
        )
    required = [cell for cell in cells if cell["required"]]
    parts = []
    empty = [cell["value"] for cell in required if cell["n"] == 0 and cell["axis"] == "class"]
    if empty:
        parts.append("no images of " + _listed(empty))
    few = [
        cell_name(cell)
        for cell in required
        if cell["finding"] == "insufficient data" and (cell["n"] or cell["axis"] != "class")
    ]
    if few:
        parts.append("too few " + _listed(few))
    return "Insufficient data: " + "; ".join(parts) + "."


def _more(count: int, what: str) -> str:
    if not count:
        return ""
    return f"; {count} more {'cell is' if count == 1 else 'cells are'} {what}"


def _listed(names: Sequence[str], *, most: int = 4) -> str:
    """Name them, or the first few and how many more there are."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
