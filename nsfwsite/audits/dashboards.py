"""Audit figures as charts: what each found, in a sentence, and its figures."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from feedback.models import Audit
from nsfwsite.audits import charts
from nsfwsite.audits.charts import Chart
from nsfwsite.tables import audit_tables, titles

Figures = Mapping[str, Any]
Point = dict[str, Any]

MOST_LINES = 6  # that can be told apart
SIDES = {"false_alarm": ("safe", "False alarms"), "miss": ("nsfw", "Misses")}
WORDS = {
    "error": "wrong",
    "false_alarm": "a false alarm",
    "miss": "a miss",
    "confusion": "a confusion",
}


def percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def points(share: float) -> str:
    return f"{share * 100:+.1f}".replace("-", "−") + " points"


def worst(found: Figures, measure: str = "error") -> Point | None:
    """The class or group with the highest share, of those with enough images."""
    cells = [point for point in audit_tables.points(found) if point["measure"] == measure]
    groups = [point for point in cells if point["axis"] != "All images"]
    return max(groups, key=lambda point: point["rate"], default=None)


def short_of_images(found: Figures) -> list[str]:
    """Classes and groups of which too little is known to say anything."""
    return [
        f"{row['name']} ({row['n']})"
        for section in audit_tables.sections(found)
        for row in section["rows"]
        if not row["enough"]
    ]


def forest(found: Figures, measure: str) -> Chart | None:
    """How often each group sees one kind of mistake."""
    cells = [point for point in audit_tables.points(found) if point["measure"] == measure]
    highest = worst(found, measure)
    if highest is None:
        return None
    title = (
        f"{highest['value']}: {percent(highest['rate'])} {WORDS[measure]}, the highest share"
        if highest["rate"]
        else f"No group has {WORDS[measure]}"
    )
    summary = (
        f"{title}, {percent(highest['low'])} to {percent(highest['high'])}. "
        f"{len(cells)} groups have at least {found['minimum']} images and are drawn."
    )
    return Chart(
        name="groups",
        title=title,
        summary=summary,
        columns=["axis", "group", "rate", "low", "high", "count", "images"],
        rows=[
            [p["axis"], p["value"], p["rate"], p["low"], p["high"], p["count"], p["n"]]
            for p in cells
        ],
        draw=charts.forest(cells, x=f"share of images that are {WORDS[measure]}"),
    )


def confusion(found: Figures) -> Chart | None:
    """What is taken for what."""
    table, labels = found.get("confusion"), found["labels"]
    if not table:
        return None
    cells = [
        {"is": is_, "said": said, "count": n, "share": n / sum(row) if sum(row) else 0.0}
        for is_, row in zip(labels, table, strict=True)
        for said, n in zip(labels, row, strict=True)
    ]
    wrong = max((cell for cell in cells if cell["is"] != cell["said"]), key=lambda c: c["count"])
    title = (
        f"{wrong['count']:,} {wrong['is']} were called {wrong['said']}, the most frequent mistake"
        if wrong["count"]
        else "Nothing was taken for anything else"
    )
    return Chart(
        name="confusion",
        title=title,
        summary=f"{title}. A table of what images are and what the model said.",
        columns=["is", "said", "count", "share"],
        rows=[[cell["is"], cell["said"], cell["count"], cell["share"]] for cell in cells],
        draw=charts.heatmap(cells, labels),
    )


def trend(audits: Sequence[Audit], axis: str) -> Chart | None:
    """How an axis's groups did under each version, the oldest first."""
    found = []
    for audit in sorted(audits, key=lambda audit: audit.model.number):
        for group, cell in _cells_of(audit.figures or {}, axis).items():
            if cell["enough"]:
                error = {name: cell["error"][name] for name in ("rate", "low", "high", "n")}
                found.append({"version": audit.model.version, "group": group, **error})
    groups = list(dict.fromkeys(point["group"] for point in found))[:MOST_LINES]
    found = [point for point in found if point["group"] in groups]
    if not found:
        return None
    first, last = _ends(found, groups)
    title = (
        f"{first['group']}: {percent(first['rate'])} wrong under {first['version']}, "
        f"{percent(last['rate'])} under {last['version']}"
        if first["version"] != last["version"]
        else f"{last['group']}: {percent(last['rate'])} wrong under {last['version']}"
    )
    return Chart(
        name="trend",
        title=title,
        summary=f"{title}. Error rates of {len(groups)} groups under each version, with ranges.",
        columns=["version", "group", "rate", "low", "high", "images"],
        rows=[[p["version"], p["group"], p["rate"], p["low"], p["high"], p["n"]] for p in found],
        draw=charts.trend(found),
    )


def _ends(found: Sequence[Point], groups: Sequence[str]) -> tuple[Point, Point]:
    """First and last of the group that changed most."""
    of_groups = [[point for point in found if point["group"] == group] for group in groups]
    each = max(of_groups, key=lambda some: abs(some[-1]["rate"] - some[0]["rate"]))
    return each[0], each[-1]


def _cells_of(found: Figures, axis: str) -> dict[str, Any]:
    """Cells of an axis under the names that people read."""
    if not found:
        return {}
    if axis == "overall":
        return {"All images": found["overall"]}
    if axis == "class":
        return dict(found["classes"])
    named = titles.group_titles()
    return {
        named.get((axis, value), (axis, value))[1]: cell
        for value, cell in found["groups"].get(axis, {}).items()
    }


def differences(judged: Figures, before: str, after: str) -> Chart | None:
    """How the error rate of each cell differs between two models."""
    cells = [
        {
            "axis": "All images" if cell["axis"] == "overall" else cell["axis_title"],
            "value": cell["value"] if cell["axis"] != "overall" else "All images",
            "rate": cell["difference"],
            "low": cell["low"],
            "high": cell["high"],
            "n": cell["n"],
            "finding": cell["finding"],
        }
        for cell in judged["cells"]
        if cell["finding"] != "insufficient data"
    ]
    if not cells:
        return None
    most = max(cells, key=lambda cell: cell["rate"])
    least = min(cells, key=lambda cell: cell["rate"])
    shown = most if most["rate"] > 0 else least
    title = (
        f"{shown['value']}: {points(shown['rate'])} under {after}"
        if shown["rate"]
        else f"No group differs between {before} and {after}"
    )
    return Chart(
        name="differences",
        title=title,
        summary=f"{title}, {points(shown['low'])} to {points(shown['high'])}. Right of 0 is worse; "
        f"the gate’s margin is {judged['policy']['margin']:.0%}.",
        columns=["axis", "group", "difference", "low", "high", "images", "finding"],
        rows=[
            [c["axis"], c["value"], c["rate"], c["low"], c["high"], c["n"], c["finding"]]
            for c in cells
        ],
        draw=charts.forest(
            cells,
            x=f"error rate of {after} minus {before}",
            signed=True,
            margin=judged["policy"]["margin"],
        ),
    )


def counts_at(found: Figures, axis: str, side: str) -> dict[str, list[int]]:
    """How many of each group's images would be wrong on this side, for thresholds 0 to 100."""
    counted = {}
    for group, cell in _cells_of(found, axis).items():
        scores = cell.get("nsfw_scores", {}).get(SIDES[side][0]) or []
        below = list(accumulate(scores, initial=0))[:-1]
        counted[group] = below if side == "miss" else [sum(scores) - n for n in below]
    return counted


def shares_at(found: Figures, axis: str, side: str, at: int) -> list[Point]:
    """Each group's share of false alarms or misses, were `at` hundredths the threshold."""
    from modeltrain.audit.fairness import wilson_interval

    made = []
    counted = counts_at(found, axis, side)
    for group, n in _images(found, axis, side).items():
        count = counted[group][at] if n else 0
        interval = wilson_interval(count=count, n=n)
        made.append(
            {
                "group": group,
                "n": n,
                "enough": n >= found["minimum"],
                "rate": count / n if n else None,
                "low": interval[0] if interval else None,
                "high": interval[1] if interval else None,
            }
        )
    return made


def _images(found: Figures, axis: str, side: str) -> dict[str, int]:
    name = SIDES[side][0]
    return {
        group: sum(cell.get("nsfw_scores", {}).get(name) or [])
        for group, cell in _cells_of(found, axis).items()
    }


def threshold(found: Figures, axis: str, side: str, at: int) -> Chart | None:
    """How every group's share moves with the threshold."""
    images = _images(found, axis, side)
    groups = [group for group, n in images.items() if n >= max(found["minimum"], 1)]
    counted = counts_at(found, axis, side)
    rates = {group: [count / images[group] for count in counted[group]] for group in groups}
    gaps = {}
    for level in range(1, 100):
        there = [rates[group][level] for group in groups]
        moves = any(0 < rate < 1 for rate in there)  # all or nothing is no answer
        if len(there) > 1 and (moves or level == at):
            gaps[level] = max(there) - min(there)
    groups = groups[:MOST_LINES]
    lines = [
        {"group": group, "threshold": level, "rate": rates[group][level], "n": images[group]}
        for group in groups
        for level in range(1, 100)
    ]
    if not lines:
        return None
    word = SIDES[side][1]
    if gaps:
        smallest = min(gaps.values())
        # Of equals the nearest: moving further buys nothing.
        where = min((level for level in gaps if gaps[level] == smallest), key=lambda x: abs(x - at))
        title = f"{word}: groups are {percent(gaps[at])} apart at {at}"
        title += (
            ", and nowhere nearer" if where == at else f", nearest at {where} ({percent(smallest)})"
        )
    else:
        title = f"{word} of {groups[0]}, by threshold"
    return Chart(
        name=side,
        title=title,
        summary=f"{title}. Shares of {len(groups)} groups for thresholds from 1 to 99.",
        columns=["group", "threshold", "rate", "images"],
        rows=[[line["group"], line["threshold"], line["rate"], line["n"]] for line in lines],
        draw=charts.thresholds(lines, at=at, title=word.lower()),
    )
