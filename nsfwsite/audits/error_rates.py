"""Error rates by group and by version as charts, each with its finding in a sentence."""

from collections.abc import Mapping, Sequence
from typing import Any

from feedback.models import Audit
from modeltrain.formatting import interval, percent, points
from nsfwsite.audits.charts.chart import Chart
from nsfwsite.audits.charts.forest import forest
from nsfwsite.audits.charts.heatmap import heatmap
from nsfwsite.audits.charts.trend import trend
from nsfwsite.tables import audit_tables, gate_table
from nsfwsite.tables.titles import Titles

Figures = Mapping[str, Any]
Cell = dict[str, Any]

MAX_LINES = 6  # that can be told apart
PHRASES = {
    "error": "wrong",
    "false_alarm": "a false alarm",
    "miss": "a miss",
    "confusion": "a confusion",
}


def worst_group(dots: Sequence[Cell]) -> Cell | None:
    """The class or group with the highest rate, of those with enough images."""
    groups = [dot for dot in dots if dot["axis"] != audit_tables.ALL_IMAGES]
    return max(groups, key=lambda dot: dot["rate"], default=None)


def groups_short_of_images(figures: Figures, titles: Titles) -> list[str]:
    """Classes and groups with too few images to say anything."""
    return [
        f"{row['name']} ({row['n']})"
        for section in audit_tables.sections(figures, titles)
        for row in section["rows"]
        if not row["enough"]
    ]


def rates_chart(figures: Figures, measure: str, titles: Titles) -> Chart | None:
    """How often each group sees one kind of mistake."""
    dots = audit_tables.dots(figures, measure, titles)
    worst = worst_group(dots)
    if worst is None:
        return None
    title = (
        f"{worst['value']}: {percent(worst['rate'])} {PHRASES[measure]}, the highest share"
        if worst["rate"]
        else f"No group has {PHRASES[measure]}"
    )
    return Chart(
        name="groups",
        title=title,
        summary=f"{title}, {interval(worst['low'], worst['high'])}. "
        f"{len(dots)} groups have at least {figures['minimum']} images and are drawn.",
        columns=["axis", "group", "rate", "low", "high", "count", "images"],
        rows=[
            [
                dot["axis"],
                dot["value"],
                dot["rate"],
                dot["low"],
                dot["high"],
                dot["count"],
                dot["n"],
            ]
            for dot in dots
        ],
        draw=forest(dots, x=f"share of images that are {PHRASES[measure]}"),
    )


def confusion_chart(figures: Figures) -> Chart | None:
    """Which labels are taken for which others."""
    matrix, labels = figures.get("confusion"), figures["labels"]
    if not matrix:
        return None
    cells = [
        {
            "expected": expected,
            "predicted": predicted,
            "count": count,
            "share": count / sum(row) if sum(row) else 0.0,
        }
        for expected, row in zip(labels, matrix, strict=True)
        for predicted, count in zip(labels, row, strict=True)
    ]
    mistakes = [cell for cell in cells if cell["expected"] != cell["predicted"]]
    most_frequent = max(mistakes, key=lambda cell: cell["count"])
    title = (
        f"{most_frequent['count']:,} {most_frequent['expected']} were called "
        f"{most_frequent['predicted']}, the most frequent mistake"
        if most_frequent["count"]
        else "Nothing was taken for anything else"
    )
    return Chart(
        name="confusion",
        title=title,
        summary=f"{title}. A table of what images are and what the model said.",
        columns=["is", "said", "count", "share"],
        rows=[list(cell.values()) for cell in cells],
        draw=heatmap(cells, labels),
    )


def trend_chart(audits: Sequence[Audit], axis: str, titles: Titles) -> Chart | None:
    """How an axis's groups did under each version, the oldest first."""
    cells = [
        {"version": audit.model.version, "group": group}
        | {name: cell["error"][name] for name in ("rate", "low", "high", "n")}
        for audit in sorted(audits, key=lambda audit: audit.model.number)
        if audit.figures
        for group, cell in audit_tables.cells_on_axis(audit.figures, axis, titles).items()
        if cell["enough"]
    ]
    groups = list(dict.fromkeys(cell["group"] for cell in cells))[:MAX_LINES]
    cells = [cell for cell in cells if cell["group"] in groups]
    if not cells:
        return None
    first, last = _ends_of_largest_change(cells, groups)
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
        rows=[list(cell.values()) for cell in cells],
        draw=trend(cells),
    )


def _ends_of_largest_change(cells: Sequence[Cell], groups: Sequence[str]) -> tuple[Cell, Cell]:
    """First and last cell of the group whose error rate changed most."""
    by_group = [[cell for cell in cells if cell["group"] == group] for group in groups]
    history = max(by_group, key=lambda cells: abs(cells[-1]["rate"] - cells[0]["rate"]))
    return history[0], history[-1]


def differences_chart(gate: Figures, before: str, after: str) -> Chart | None:
    """How often each group is harmed by the second model, less how often by the first.

    One dot a group: false alarms by the highest score; if no group has safe images, confusions.
    """
    highest_score = [cell for cell in gate["cells"] if cell["rule"] == gate_table.HIGHEST_SCORE]
    cells_by_measure = {
        measure: [
            cell
            for cell in highest_score
            if cell["measure"] == measure and cell["n"] >= gate["policy"]["minimum"]
        ]
        for measure in ("false_alarm", "confusion", gate_table.ANY_MISTAKE)
    }
    measure = next((name for name, cells in cells_by_measure.items() if cells), None)
    if measure is None:
        return None
    kind = gate_table.MEASURES[measure].lower()
    cells = [
        {
            "axis": cell["axis_title"],
            "value": cell["value"] if cell["axis"] != "overall" else audit_tables.ALL_IMAGES,
            "rate": cell["difference"],
            **{name: cell[name] for name in ("low", "high", "n", "finding")},
        }
        for cell in cells_by_measure[measure]
    ]
    highest = max(cells, key=lambda cell: cell["rate"])
    lowest = min(cells, key=lambda cell: cell["rate"])
    headline = highest if highest["rate"] > 0 else lowest
    title = (
        f"{headline['value']}: {points(headline['rate'])} points of {kind} under {after}"
        if headline["rate"]
        else f"No group has more or fewer {kind} under {after} than under {before}"
    )
    # The margin of false alarms differs between groups.
    margin = None if measure == "false_alarm" else gate["policy"]["margin"]
    right_of_zero = "Right of 0 is worse" + (f"; the margin is {margin:.0%}" if margin else "")
    return Chart(
        name="differences",
        title=title,
        summary=f"{title}, {points(headline['low'])} points to {points(headline['high'])} points. "
        f"{right_of_zero}.",
        columns=["axis", "group", "difference", "low", "high", "images", "finding"],
        rows=[list(cell.values()) for cell in cells],
        draw=forest(
            cells, x=f"share of {kind} under {after} minus {before}", signed=True, margin=margin
        ),
    )
