"""Counterfactuals and slices as charts: what each found, in a sentence, and its figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from feedback import queries
from nsfwsite.audits import charts
from nsfwsite.audits.charts import Chart
from nsfwsite.audits.dashboards import percent, points
from nsfwsite.tables import titles

Figures = Mapping[str, Any]

MADE = "Made changes"


def things(found: Figures) -> dict[str, str]:
    """What was compared, and what it is called: axes of given sets, then made changes."""
    known = {axis.name: axis.title for axis in queries.groups.axes()}
    given = {name: known.get(name, name) for name, each in found.items() if each["kind"] == "given"}
    made = {
        name: name[0].upper() + name[1:] for name, each in found.items() if each["kind"] == "made"
    }
    return given | made


def too_few(found: Figures, minimum: int) -> list[str]:
    """What was compared on too few images or sets to say anything."""
    names = things(found)
    return [
        f"{names[name]} ({each['flips']['n']})"
        for name, each in found.items()
        if each["flips"]["n"] < minimum
    ]


def flips(found: Figures, minimum: int) -> Chart | None:
    """How frequently the label changes with one thing."""
    names = things(found)
    cells = [
        {
            "axis": MADE if found[name]["kind"] == "made" else "Given sets, differing in",
            "value": title,
            **{key: found[name]["flips"][key] for key in ("rate", "low", "high", "count", "n")},
        }
        for name, title in names.items()
        if found[name]["flips"]["n"] >= minimum
    ]
    if not cells:
        return None
    most = max(cells, key=lambda cell: cell["rate"])
    title = (
        f"{most['value']}: the label changes in {percent(most['rate'])} of {most['n']}, the most"
        if most["rate"]
        else "The label never changes"
    )
    return Chart(
        name="flips",
        title=title,
        summary=f"{title}, {percent(most['low'])} to {percent(most['high'])}. "
        f"{len(cells)} comparisons are drawn.",
        columns=["kind", "what differs", "flip rate", "low", "high", "flips", "compared"],
        rows=[
            [c["axis"], c["value"], c["rate"], c["low"], c["high"], c["count"], c["n"]]
            for c in cells
        ],
        draw=charts.forest(cells, x="share in which the label changes"),
    )


def shifts(found: Figures, minimum: int) -> Chart | None:
    """How far the NSFW score moves with one thing."""
    named, names = titles.group_titles(), things(found)
    said = []
    for name, each in found.items():
        if each["kind"] == "made":
            said.append((MADE, names[name], each["shift"]))
            continue
        said += [
            (names[name], named.get((name, value), ("", value))[1], shift)
            for value, shift in each["values"].items()
        ]
    cells = [
        {
            "axis": axis,
            "value": value,
            "rate": s["shift"],
            **{k: s[k] for k in ("low", "high", "n")},
        }
        for axis, value, s in said
        if s["n"] >= minimum and s["low"] is not None
    ]
    if not cells:
        return None
    most = max(cells, key=lambda cell: abs(cell["rate"]))
    title = f"{most['value']}: the NSFW score moves by {points(most['rate'])}, the most"
    return Chart(
        name="shifts",
        title=title,
        summary=f"{title}, {points(most['low'])} to {points(most['high'])}. Right of 0 the model "
        "sees more NSFW than in the counterparts.",
        columns=["what differs", "value", "shift", "low", "high", "compared"],
        rows=[[c["axis"], c["value"], c["rate"], c["low"], c["high"], c["n"]] for c in cells],
        draw=charts.forest(cells, x="shift of the NSFW score", signed=True),
    )


def regions(found: Sequence[Figures]) -> Chart | None:
    """How much more frequently each region is wrong than everything else."""
    cells = [
        {
            "axis": "Regions",
            "value": region["title"],
            "rate": region["difference"],
            "low": region["low"],
            "high": region["high"],
            "n": region["inside"]["n"],
        }
        for region in found
    ]
    if not cells:
        return None
    most = max(cells, key=lambda cell: cell["rate"])
    more = points(most["rate"]).removeprefix("+")
    title = f"{most['value']}: wrong {more} more than everything else"
    return Chart(
        name="regions",
        title=title,
        summary=f"{title}, {points(most['low'])} to {points(most['high'])}. "
        f"{len(cells)} regions are drawn, the surest first.",
        columns=["region", "difference", "low", "high", "images"],
        rows=[[c["value"], c["rate"], c["low"], c["high"], c["n"]] for c in cells],
        draw=charts.forest(cells, x="error rate inside minus outside", signed=True),
    )
