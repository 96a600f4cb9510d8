"""What the gate found, as plain sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from modeltrain.formatting import percent

Cell = Mapping[str, Any]

MISTAKES = {
    "false_alarm": "false alarms",
    "miss": "misses",
    "confusion": "harmless confusions",
    "error": "mistakes",
}


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
    """Return a share as percentage points, such as "+12", "−3" or "0.4"; 0 has no sign.

    Under 10 points there is one decimal where it is not 0.
    """
    rounded = round(share * 100, 1)
    text = f"{abs(rounded):.1f}" if abs(rounded) < 10 else f"{abs(rounded):.0f}"
    text = text.removesuffix(".0")
    if rounded < 0:
        return f"−{text}"
    return f"+{text}" if signed and rounded else text


def _what(cell: Cell) -> str:
    """Return what is counted, such as "false alarms in neutral images"."""
    rule = "" if cell["rule"] == "highest score" else f" ({cell['rule']})"
    return f"{MISTAKES[cell['measure']]} in {cell_name(cell)}{rule}"


def _counts(cell: Cell) -> str:
    interval = f"{points(cell['low'])} to {points(cell['high'])}"
    return (
        f"{cell['champion_wrong']} of {cell['n']} before, "
        f"{cell['candidate_wrong']} of {cell['n']} now "
        f"({points(cell['difference'], signed=True)} points, {interval})"
    )


def _chance(p_value: float) -> str:
    """Say how rarely chance alone would do this anywhere, corrected for all that was tested."""
    odds = "fewer than 1 in 1,000" if p_value < 1e-3 else f"about 1 in {round(1 / p_value):,}"
    return f"by chance alone in {odds} such audits"


def cell_sentence(cell: Cell) -> str:
    """Say what was found for one cell."""
    name, what = cell_name(cell), _what(cell)
    if cell["exception"] is not None:
        finding = cell_sentence({**cell, "exception": None})
        return f"Does not decide ({cell['exception'].rstrip('.')}). {finding}"
    if cell["n"] == 0:
        reason = f" Not covered: {cell['not_covered']}" if cell["not_covered"] else ""
        return f"Not enough images: no {name} in the audit set.{reason}"
    if cell["finding"] == "worse":
        return f"Blocked: more {what}: {_counts(cell)}; {_chance(cell['p_value'])}."
    if cell["finding"] == "insufficient data":
        return (
            f"Not enough images: a rise of {what} by {points(cell['margin'])} points cannot be "
            f"ruled out: {_counts(cell)}. If there is none, about {cell['needed']:,} such images "
            "would show it."
        )
    if cell["unchanged"]:
        return f"Pass: all answers are the same: {_counts(cell)}."
    return f"Pass: {what} do not rise by {points(cell['margin'])} points or more: {_counts(cell)}."


def gap_sentence(gap: Cell) -> str:
    """Say which group falls behind, by how much, how surely, and compared with what before."""
    now, before = gap["now"], gap["before"]
    own = (
        f"The group itself is better off ({points(gap['own_change'], signed=True)} points, "
        f"{points(gap['own_low'])} to {points(gap['own_high'])})."
        if not gap["blocks"]
        else f"The group itself is not surely better off ({points(gap['own_change'], signed=True)} "
        f"points, {points(gap['own_low'])} to {points(gap['own_high'])})."
    )
    return (
        f"A gap opens: {_what(gap)} happen to {percent(now['rate'])} of {gap['n']}, to "
        f"{percent(now['rest_rate'])} of comparable others; before, to "
        f"{percent(before['rate'])} and {percent(before['rest_rate'])} "
        f"({points(gap['difference'], signed=True)} points, {points(gap['low'])} to "
        f"{points(gap['high'])}); {_chance(gap['p_value'])}. {own}"
    )


def verdict_sentence(verdict: str, cells: Sequence[Cell], gaps: Sequence[Cell]) -> str:
    """Say what the gate found overall, the worst first."""
    cells = [cell for cell in cells if cell["exception"] is None]
    limits = _not_covered(cells)
    if verdict == "pass":
        first = (
            "Pass: all answers are the same."
            if cells and all(cell["unchanged"] for cell in cells)
            else "Pass: neither false alarms nor misses nor confusions rise beyond their margin in "
            "any class or group with enough images."
        )
        behind = [f"{cell_name(gap)}" for gap in gaps]
        gained = (
            f" A gap opens for {_listed(_unique(behind))}, who gain less than others."
            if gaps
            else ""
        )
        return first + gained + limits
    worse = [cell for cell in cells if cell["finding"] == "worse"]
    blocking = [gap for gap in gaps if gap["blocks"]]
    if worse:
        # The overall cell says least about who is harmed, and confusion harms nobody.
        worst = min(
            worse,
            key=lambda cell: (
                cell["measure"] == "confusion",
                cell["axis"] == "overall",
                -cell["difference"],
            ),
        )
        rest = len(_unique([_what(cell) for cell in worse])) - 1
        more = f"; {rest} more {'cell is' if rest == 1 else 'cells are'} worse" if rest else ""
        return str(worst["sentence"]).removesuffix(".") + more + "." + limits
    if blocking:
        return f"Blocked: {blocking[0]['sentence'][0].lower()}{blocking[0]['sentence'][1:]}{limits}"
    short = [
        cell
        for cell in cells
        if cell["finding"] == "insufficient data"
        and (cell["required"] or cell["independent"] >= cell["minimum"])
    ]
    return "Not enough images: " + "; ".join(_shortages(short)) + "." + limits


def _not_covered(cells: Sequence[Cell]) -> str:
    """Say which cells without images the policy leaves out, and why."""
    empty = [cell for cell in cells if cell["n"] == 0 and cell["not_covered"]]
    if not empty:
        return ""
    reasons = _unique([str(cell["not_covered"]) for cell in empty])
    names = _listed(_unique([str(cell["value"]) for cell in empty]))
    return f" Nothing is known about {names}: {' '.join(reasons)}"


def _shortages(cells: Sequence[Cell]) -> list[str]:
    """Return which cells have no images, and which have too few."""
    empty = [cell["value"] for cell in cells if cell["n"] == 0]
    few = [cell for cell in cells if cell["n"]]
    parts = []
    if empty:
        parts.append("no images of " + _listed(_unique(empty)))
    if few:
        names = _unique([cell_name(cell) for cell in few])
        most = max(few, key=lambda cell: cell["needed"] / cell["n"])
        parts.append(
            f"too few {_listed(names)} to rule out a rise; of {cell_name(most)}, "
            f"about {most['needed']:,} are needed and {most['n']} are there"
        )
    return parts


def _unique(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _listed(names: Sequence[str], *, most: int = 4) -> str:
    """Return the names as a list in words, or the first few and how many more there are."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
