"""What the gate found, as plain sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

Cell = Mapping[str, Any]


def cell_name(cell: Cell) -> str:
    """Return the name of a cell's images, such as "neutral images"."""
    if cell["axis"] == "overall":
        return "all images"
    if cell["axis"] == "class":
        return f"{cell['value']} images"
    pairs = zip(cell["axis"].split(" and "), cell["value"].split(" and "), strict=True)
    groups = [f"{axis.replace('_', ' ')} {value}" for axis, value in pairs]
    return "images with " + " and ".join(groups)


def points(share: float, *, signed: bool = False) -> str:
    """Return a share as percentage points, such as "+12" or "−3"; 0 has no sign."""
    rounded = round(share * 100)
    if rounded < 0:
        return f"−{-rounded}"
    return f"+{rounded}" if signed and rounded else f"{rounded}"


def _counts(cell: Cell) -> str:
    interval = f"{points(cell['low'])} to {points(cell['high'])}"
    return (
        f"{cell['champion_wrong']} of {cell['n']} before, "
        f"{cell['candidate_wrong']} of {cell['n']} now "
        f"({points(cell['difference'], signed=True)} points, {interval})"
    )


def _chance(cell: Cell) -> str:
    """Say how rarely chance alone would do this in any cell, after Holm's correction."""
    p_value = cell["p_value"]
    odds = "fewer than 1 in 10,000" if p_value < 1e-4 else f"about 1 in {round(1 / p_value):,}"
    return f"by chance alone in {odds} such audits"


def cell_sentence(cell: Cell, *, margin: float, minimum: int) -> str:
    """Say what was found for one cell."""
    name = cell_name(cell)
    if cell["exception"] is not None:
        finding = cell_sentence({**cell, "exception": None}, margin=margin, minimum=minimum)
        return f"Does not decide ({cell['exception'].rstrip('.')}). {finding}"
    if cell["n"] == 0:
        return f"Insufficient data: no {name} in the audit set."
    if cell["finding"] == "insufficient data":
        verb = "is" if cell["n"] == 1 else "are"
        return f"Insufficient data: there {verb} {cell['n']} {name}, and {minimum} are needed."
    if cell["finding"] == "worse":
        return f"Blocked: {name} are wrong more often: {_counts(cell)}; {_chance(cell)}."
    if cell["finding"] == "cannot tell":
        return (
            f"Blocked: it cannot be told whether {name} are wrong more often by "
            f"{points(margin)} points or more: {_counts(cell)}. If they are not, about "
            f"{cell['needed']:,} such images would show it."
        )
    if not cell["newly_wrong"]:
        subject = "no image" if cell["axis"] == "overall" else f"none of the {name}"
        return f"Pass: {subject} is newly wrong: {_counts(cell)}."
    return f"Pass: {name} are not wrong more often by {points(margin)} points: {_counts(cell)}."


def verdict_sentence(verdict: str, cells: Sequence[Cell], *, margin: float) -> str:
    """Say what the gate found overall: the worst cell first, then how many more there are."""
    cells = [cell for cell in cells if cell["exception"] is None]
    if verdict == "pass":
        return (
            f"Pass: no class or group with enough images is wrong more often by "
            f"{points(margin)} points or more."
        )
    worse = [cell for cell in cells if cell["finding"] == "worse"]
    undecided = [cell_name(cell) for cell in cells if cell["finding"] == "cannot tell"]
    if worse:
        # The overall cell says least about who is harmed: it is named only if it is alone.
        worst = min(worse, key=lambda cell: (cell["axis"] == "overall", -cell["difference"]))
        rest = len(worse) - 1
        more = f"; {rest} more {'cell is' if rest == 1 else 'cells are'} worse" if rest else ""
        also = f"; it cannot be told for {_listed(undecided)}" if undecided else ""
        return str(worst["sentence"]).removesuffix(".") + more + also + "."
    if undecided:
        return (
            f"Blocked: it cannot be told whether {_listed(undecided)} are wrong more often by "
            f"{points(margin)} points or more."
        )
    return "Insufficient data: " + "; ".join(_shortages(cells)) + "."


def _shortages(cells: Sequence[Cell]) -> list[str]:
    """Return which of the required cells have no images, and which have too few."""
    short = [c for c in cells if c["required"] and c["finding"] == "insufficient data"]
    empty = [c["value"] for c in short if c["n"] == 0 and c["axis"] == "class"]
    few = [cell_name(c) for c in short if c["n"] or c["axis"] != "class"]
    parts = []
    if empty:
        parts.append("no images of " + _listed(empty))
    if few:
        parts.append("too few " + _listed(few))
    return parts


def _listed(names: Sequence[str], *, most: int = 4) -> str:
    """Return the names as a list in words, or the first few and how many more there are."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
