"""Which rises the gate can see with an audit's images, and how many images more would do."""

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from feedback.services import shortages
from modeltrain.formatting import short_points
from modeltrain.gate.sentences import not_judged
from nsfwsite.access import refusals_as_pages
from nsfwsite.audits import filters
from nsfwsite.audits.charts.chart import Chart, requested_file
from nsfwsite.audits.charts.forest import forest
from nsfwsite.audits.charts.power import power_curves
from nsfwsite.tables import shortage_table
from nsfwsite.tables.titles import load_titles

Cell = dict[str, Any]

POINTS = re.compile(r"\d{1,2}(\.\d)?|100")  # what the field takes


@require_safe
@refusals_as_pages
def show(request: HttpRequest) -> HttpResponse:
    chosen = filters.chosen_audits(request)
    context: dict[str, object] = {
        "versions": list(chosen.by_version),
        "used_sets": chosen.used_sets,
        "audit_set": chosen.audit_set,
    }
    if not chosen.by_version:
        return render(request, "audits/shortage.html", context)
    version = chosen.version(request)
    text = request.GET.get("rise", "")
    rise = float(text) / 100 if POINTS.fullmatch(text) and float(text) else None
    result = shortages.shortage_figures(chosen.by_version[version], rise=rise)
    measures = shortage_table.measures(result)
    measure = filters.choice(request, "measure", list(measures), next(iter(measures), ""))
    rows = shortage_table.rows(result, measure, load_titles())
    row = next((row for row in rows if row["name"] == request.GET.get("group")), None)
    row = row or shortage_table.shortest(rows)
    charts = filters.by_name(
        request,
        [noticed_chart(rows, measures[measure]), curve_chart(row, result, measures[measure])]
        if row
        else [],
        filters.source_of(
            chosen.by_version[version],
            model=version,
            measure=measure,
            group=row["name"] if row else "",
            rise=f"{(rise or result['policy']['harm_ceiling']) * 100:g}",
        ),
    )
    if file := requested_file(request, list(charts.values())):
        return file
    context |= {
        "version": version,
        "result": result,
        "short": shortage_table.short_groups(result),
        "not_judged": not_judged(result["policy"]),
        "measures": measures,
        "measure": measure,
        "rows": rows,
        "gap_rows": [row for row in rows if row["gap_tested"]],
        "row": row,
        "rise": (rise or result["policy"]["harm_ceiling"]) * 100,
        "charts": charts,
    }
    return render(request, "audits/shortage.html", context)


def noticed_chart(rows: list[Cell], kind: str) -> Chart | None:
    """The smallest rise that is noticed in each class and group."""
    seen = [row for row in rows if row["smallest_change"] is not None]
    if not seen:
        return None
    worst = max(seen, key=lambda row: row["smallest_change"])
    title = (
        f"{worst['title']}: a rise of {kind.lower()} by less than "
        f"{short_points(worst['smallest_change'])} points goes unnoticed"
    )
    if len(seen) > 1:
        title += f", the largest of {len(seen)} groups"
    dots = [
        {
            "axis": row["axis_title"],
            "value": row["title"],
            "rate": row["smallest_change"],
            "low": row["smallest_change_50"],
            "high": row["smallest_change"],
        }
        for row in seen
    ]
    columns = ["axis", "group", "80% chance", "50% chance", "images", "independent"]
    return Chart(
        name="noticed",
        title=title,
        summary=f"{title}. Dots are noticed with 80% chance, the other ends of the lines with 50%.",
        columns=columns,
        rows=[
            [
                row["axis_title"],
                row["title"],
                row["smallest_change"],
                row["smallest_change_50"],
                row["n"],
                round(row["independent"]),
            ]
            for row in seen
        ],
        draw=forest(
            dots,
            x="smallest rise noticed (dot: 80% chance)",
            label=lambda dot: f"{short_points(dot['rate'])} points",
        ),
    )


def curve_chart(row: Cell, result: dict[str, Any], kind: str) -> Chart:
    """How the smallest rise that is noticed in one group falls with the number of images."""
    from modeltrain.gate.power import power_curve

    most = 4 * max(row["independent"], row["needed_to_notice"])
    curve = power_curve(rate=row["rate"], p_value=result["critical_p_value"], most=most)
    names = {"likely": "80% chance", "even": "50% chance"}
    steps = [
        {"images": step["images"], "chance": title, "rise": step[name]}
        for name, title in names.items()
        for step in curve
        if step[name] is not None
    ]
    title = (
        f"{row['title']}: a rise of {kind.lower()} by {short_points(row['rise'])} points is "
        f"noticed with about {row['needed_to_notice']:,} independent images; "
        f"there are {row['independent']:,.0f}"
    )
    return Chart(
        name="power",
        title=title,
        summary=f"{title}. The smallest rise that is noticed, for 10 to {curve[-1]['images']:,} "
        "independent images, with 50% and with 80% chance.",
        columns=["independent images", "50% chance", "80% chance"],
        rows=[[step["images"], step["even"], step["likely"]] for step in curve],
        draw=power_curves(steps, at=max(row["independent"], 1), wanted=row["rise"]),
    )
