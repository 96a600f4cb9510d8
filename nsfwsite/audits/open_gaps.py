"""The open gaps of the model in service: what overview, model pages and cards begin with."""

from collections.abc import Mapping, Sequence
from typing import Any

from feedback.services.gaps import OpenGaps
from modeltrain.formatting import percent, short_points
from modeltrain.gate.sentences import compared_with, open_gap_sentence
from nsfwsite.audits.charts.chart import Chart
from nsfwsite.audits.charts.forest import difference_label, forest
from nsfwsite.tables.gate_table import HIGHEST_SCORE, MEASURES
from nsfwsite.tables.titles import Titles


def notes(groups: Sequence[OpenGaps], titles: Titles) -> list[dict[str, Any]]:
    """For each group its title, its sentences, and the promotion with which the gap opened."""
    return [
        {
            "title": _title(group, titles),
            "sentence": open_gap_sentence(group.gaps),
            "retrain": group.retrain,
            "margin": short_points(group.gaps[0]["margin"]),
        }
        for group in groups
    ]


def gaps_chart(groups: Sequence[OpenGaps], titles: Titles) -> Chart | None:
    """How far each group is behind the rest, now and before the gap opened."""
    measured = [
        (_kind(group, gap, titles), f"{when}, {gap[version]}", figures)
        for group in groups
        for gap in group.gaps
        for when, version, figures in (
            ("Now", "under", gap["standing"]),
            ("Before", "earlier_model", gap["standing_before"]),
        )
        if figures
    ]
    if not measured:
        return None
    cells = [
        {
            "axis": kind,
            "value": model,
            "rate": figures["difference"],
            **{name: figures[name] for name in ("low", "high", "n")},
        }
        for kind, model, figures in measured
    ]
    kind, _, widest = measured[0]
    others = compared_with(groups[0].gaps[0])
    title = (
        f"{kind}: {percent(widest['rate'])} of {widest['n']:,}, "
        f"{percent(widest['rest_rate'])} of {others}"
    )
    return Chart(
        name="gaps",
        title=title,
        summary=f"{title}. How far groups with an open gap are behind, now and before it opened.",
        columns=["group", "model", "difference", "low", "high", "images"],
        rows=[list(cell.values()) for cell in cells],
        draw=forest(
            cells,
            x="group minus those it is compared with",
            signed=True,
            margin=groups[0].gaps[0]["margin"],
        ),
        detail=f"Behind by {difference_label(cells[0])}",
    )


def _title(group: OpenGaps, titles: Titles) -> str:
    return f"{titles.axis(group.axis)}, {titles.group(group.axis, group.value)}"


def _kind(group: OpenGaps, gap: Mapping[str, Any], titles: Titles) -> str:
    """A gap's name, such as "Skin tone, Dark: misses (NSFW score ≥ 0.3)"."""
    rule = "" if gap["rule"] == HIGHEST_SCORE else f" ({gap['rule']})"
    against = gap.get("against")
    name = f", compared with {titles.group(group.axis, against)}" if against else ""
    return f"{_title(group, titles)}: {MEASURES[gap['measure']].lower()}{rule}{name}"
