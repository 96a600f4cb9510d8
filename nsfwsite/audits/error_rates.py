"""Error rates by group and by version as charts, each with its finding in a sentence."""

from collections.abc import Mapping, Sequence
from typing import Any

from feedback.models import Audit
from modeltrain.audit import claims
from modeltrain.formatting import percent, points, whole_percent
from nsfwsite.audits.charts.chart import Chart
from nsfwsite.audits.charts.forest import difference_label, forest, rate_label
from nsfwsite.audits.charts.heatmap import heatmap
from nsfwsite.audits.charts.theme import Draw
from nsfwsite.audits.charts.trend import trend
from nsfwsite.tables import audit_tables, gate_table
from nsfwsite.tables.titles import Titles

Figures = Mapping[str, Any]
Cell = dict[str, Any]

MAX_LINES = 6  # that can be told apart
CARDS = {
    "false_alarm": (
        "safe images are called hentai, porn or sexy",
        "the audit set has no safe images",
    ),
    "miss": (
        "explicit images are called drawings or neutral",
        "the audit set has no explicit images",
    ),
    "confusion": (
        "images get a wrong label that hides and shows nothing",
        "the audit set has no images",
    ),
}
PHRASES = {
    "error": "wrong",
    "false_alarm": "a false alarm",
    "miss": "a miss",
    "confusion": "a confusion",
}


def headline_cards(figures: Figures, titles: Titles) -> list[Cell]:
    """False alarms, misses and confusions, in this order: how often, of what, and for whom."""
    cards = []
    for measure, (happened, nothing) in CARDS.items():
        headline = claims.headline_of(figures, measure)
        cards.append(
            {
                "title": claims.COUNTED[measure][0],
                "happened": happened,
                "nothing": nothing,
                "mix": claims.mix(headline) if headline else "",
                "claim": claims.claim(headline, titles) if headline else "",
                **figures["overall"][measure],
            }
        )
    return cards


def groups_short_of_images(figures: Figures, titles: Titles) -> list[str]:
    """Classes and groups with too few different images to say anything, and how many they have."""
    return [
        f"{row['name']} ({row['different']})"
        for section in audit_tables.sections(figures, titles)
        for row in section["rows"]
        if not row["enough"]
    ]


def rates_chart(figures: Figures, measure: str, titles: Titles) -> Chart | None:
    """How often each group sees one kind of mistake."""
    dots = audit_tables.dots(figures, measure, titles)
    if all(dot["axis"] == audit_tables.ALL_IMAGES for dot in dots):
        return None
    headline = claims.headline_of(figures, measure)
    title = (
        claims.title(headline, titles)
        if headline
        else f"{audit_tables.MEASURES[measure]}: share of each label and group"
    )
    return Chart(
        name="groups",
        title=title,
        summary=f"{title}. "
        f"{len(dots)} groups have at least {figures['minimum']} different images and are drawn.",
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
        draw=forest(
            dots,
            x=f"share of images that are {PHRASES[measure]} (dashed: of all images)",
            reference=figures["overall"][measure]["rate"],
        ),
        detail=f"{audit_tables.ALL_IMAGES}: {rate_label(figures['overall'][measure])}",
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
        detail=f"n = {sum(cell['count'] for cell in cells):,}",
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
    versions = {cell["version"] for cell in cells}
    if not cells or (len(versions) == 1 and axis == "overall"):
        return None
    title = _trend_title(audits, axis, cells, titles)
    drawn = " under each version" if len(versions) > 1 else ""
    return Chart(
        name="trend",
        title=title,
        summary=f"{title}. Error rates of {len(groups)} groups{drawn}, with ranges.",
        columns=["version", "group", "rate", "low", "high", "images"],
        rows=[list(cell.values()) for cell in cells],
        draw=trend(cells) if len(versions) > 1 else _rates(cells, titles.axis(axis)),
        detail=_all_images_under(audits, cells[-1]["version"]),
    )


def _all_images_under(audits: Sequence[Audit], version: str) -> str:
    audit = next(audit for audit in audits if audit.model.version == version)
    rate = rate_label((audit.figures or {})["overall"]["error"])
    return f"{audit_tables.ALL_IMAGES} under {version}: {rate}"


def _rates(cells: Sequence[Cell], axis_title: str) -> Draw:
    """Of one version there is no trend: its groups stand below each other."""
    dots = [{**cell, "axis": axis_title, "value": cell["group"]} for cell in cells]
    return forest(dots, x="share of images that are wrong")


def _trend_title(audits: Sequence[Audit], axis: str, cells: Sequence[Cell], titles: Titles) -> str:
    """What the newest version's audit says of an axis; of all images, the first and last rate."""
    first, last = cells[0], cells[-1]
    if axis == "overall":
        title = f"{percent(last['rate'])} wrong under {last['version']}"
        if first["version"] != last["version"]:
            title = f"{percent(first['rate'])} wrong under {first['version']}, {title}"
        return f"{audit_tables.ALL_IMAGES}: {title}"
    audit = next(audit for audit in audits if audit.model.version == last["version"])
    name, claim = titles.axis(axis), claim_on_axis(audit.figures or {}, axis, claims.ERROR, titles)
    if claim:
        return f"{name}, wrong under {last['version']}: {claim}"
    return f"{name}: share of images that are wrong"


def claim_on_axis(figures: Figures, axis: str, measure: str, titles: Titles) -> str:
    """What may be claimed about the groups of an axis; nothing where nothing was compared."""
    headline = claims.headline_of(figures, measure)
    if headline is None:
        return ""
    for composition in headline["composition"]:
        if composition["axis"] == axis:
            return claims.composition_rates(composition, titles)
    told_apart = [group for group in headline["groups"] if group["axis"] == axis]
    if told_apart:
        return ", ".join(
            f"{titles.group(axis, group['value'])} {percent(group['rate'])} "
            f"(comparable others {percent(group['rest_rate'])})"
            for group in told_apart[:MAX_LINES]
        )
    is_compared = axis in (*headline["compared"], *claims.STANDARDISED)
    return "no group is told apart from the others" if is_compared else ""


def differences_chart(gate: Figures, before: str, after: str) -> Chart | None:
    """How often each group is harmed by the second model, less how often by the first.

    One dot a group: false alarms by the highest score; if no group has safe images, confusions.
    """
    highest_score = [cell for cell in gate["cells"] if cell["rule"] == gate_table.HIGHEST_SCORE]
    cells_by_measure = {
        measure: [
            cell
            for cell in highest_score
            if cell["measure"] == measure and cell["clusters"] >= gate["policy"]["minimum"]
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
    worse = [cell for cell in cells if cell["finding"] == "worse"]
    title = f"No group is shown to have more {kind} under {after} than under {before}"
    if worse:
        most = max(worse, key=lambda cell: cell["rate"])
        title = (
            f"{most['value']}: {points(most['rate'])} points of {kind} under {after} "
            f"({points(most['low'])} to {points(most['high'])})"
        )
        title += f", and {len(worse) - 1} more are worse" if len(worse) > 1 else ""
    # The margin of false alarms differs between groups.
    margin = None if measure == "false_alarm" else gate["policy"]["margin"]
    right_of_zero = "Right of 0 is worse" + (
        f"; the margin is {whole_percent(margin)}" if margin else ""
    )
    return Chart(
        name="differences",
        title=title,
        summary=f"{title}. {right_of_zero}.",
        columns=["axis", "group", "difference", "low", "high", "images", "finding"],
        rows=[list(cell.values()) for cell in cells],
        draw=forest(
            cells,
            x=f"share of {kind} under {after} minus {before}",
            signed=True,
            margin=margin,
        ),
        detail=f"{cells[0]['value']}: {difference_label(cells[0])}",
    )
