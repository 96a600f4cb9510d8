"""How far each group of an axis is from the others: differences and ratios."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from feedback.services import disparity
from modeltrain.audit import claims
from modeltrain.formatting import percent, points, points_interval
from nsfwsite.access import refusals_as_pages
from nsfwsite.audits import filters
from nsfwsite.audits.charts.chart import Chart, requested_file
from nsfwsite.audits.charts.forest import forest
from nsfwsite.audits.error_rates import claim_on_axis
from nsfwsite.tables import audit_tables
from nsfwsite.tables.titles import Titles, load_titles

Row = Mapping[str, Any]

MEASURES = {name: audit_tables.MEASURES[name] for name in ("false_alarm", "miss", "error")}


@require_safe
@refusals_as_pages
def show(request: HttpRequest) -> HttpResponse:
    chosen, titles = filters.chosen_audits(request), load_titles()
    versions = list(chosen.by_version)
    context: dict[str, object] = {
        "versions": versions,
        "used_sets": chosen.used_sets,
        "audit_set": chosen.audit_set,
    }
    version = chosen.version(request)
    audit = chosen.by_version.get(version)
    axes = {axis: titles.axis(axis) for axis in disparity.axes_of(audit)} if audit else {}
    if audit is None or not axes:
        return render(request, "audits/disparity.html", context | {"axes": {}})
    axis = filters.choice(request, "axis", list(axes), next(iter(axes)))
    measure = filters.choice(request, "measure", list(MEASURES), next(iter(MEASURES)))
    result = disparity.group_comparison(audit, axis=axis, measure=measure)
    if request.GET.get("figures") == "json":
        return JsonResponse(result, json_dumps_params={"indent": 2})
    charts = filters.by_name(
        request,
        [rest_chart(result, audit.figures or {}, titles), reference_chart(result, titles)],
        filters.source_of(audit, model=version, axis=axis, measure=measure),
    )
    if file := requested_file(request, list(charts.values())):
        return file
    query = request.GET.copy()
    query["figures"] = "json"
    context |= {
        "version": version,
        "axes": axes,
        "axis": axis,
        "measures": MEASURES,
        "measure": measure,
        "result": result,
        "charts": charts,
        "kinds": " and ".join(
            "label" if name == "class" else titles.axis(name).lower()
            for name in reversed(result["standardised"])
        ),
        "not_compared": not_compared(result, titles),
        "reference": result["reference"] and titles.group(axis, result["reference"]),
        "json": f"?{query.urlencode()}",
    }
    return render(request, "audits/disparity.html", context)


def _rows(result: Row, against: str, titles: Titles) -> list[Row]:
    """The groups in the order of their axis."""
    rows = [row for row in result["groups"] if row["against"] == against]
    return sorted(rows, key=lambda row: titles.place(result["axis"], row["group"]))


def not_compared(result: Row, titles: Titles) -> dict[str, list[str]]:
    """Groups that have no figure beside the others, by what is missing."""
    groups: dict[str, list[str]] = {}
    for row in _rows(result, "rest", titles):
        if row["missing"]:
            groups.setdefault(row["missing"], []).append(titles.group(result["axis"], row["group"]))
    return groups


def rest_chart(result: Row, figures: Row, titles: Titles) -> Chart | None:
    """Each group's rate minus that of comparable others."""
    axis, measure = result["axis"], result["measure"]
    headline = claims.headline_of(figures, measure) or {"groups": []}
    told_apart = [group["value"] for group in headline["groups"] if group["axis"] == axis]
    claim = claim_on_axis(figures, axis, measure, titles)
    return _chart(result, "rest", "comparable others", claim, told_apart, titles)


def reference_chart(result: Row, titles: Titles) -> Chart | None:
    """Each group's rate minus that of the reference group."""
    reference = titles.group(result["axis"], result["reference"])
    return _chart(result, "reference", reference, "", [], titles)


def _chart(
    result: Row, against: str, others: str, claim: str, told_apart: Sequence[str], titles: Titles
) -> Chart | None:
    axis, rows = result["axis"], _rows(result, against, titles)
    cells = [
        {
            "axis": titles.axis(axis),
            "value": titles.group(axis, row["group"]),
            "rate": row["difference"],
            **{name: row[name] for name in ("low", "high", "ratio", "group")},
        }
        for row in rows
        if not row["missing"]
    ]
    if not cells:
        return None
    mistakes = claims.COUNTED[result["measure"]][0]
    title = f"{titles.axis(axis)}, {mistakes.lower()}: {claim or f'each group minus {others}'}"
    leads = [cell for cell in cells if cell["group"] in told_apart[:1]]
    return Chart(
        name="disparity" if against == "rest" else against,
        title=title,
        summary=f"{title}. How far {len(cells)} groups are from {others}, with ranges.",
        columns=["axis", "measure", *rows[0]],
        rows=[[axis, result["measure"], *row.values()] for row in rows],
        shown=[_as_text(row, titles.group(axis, row["group"])) for row in rows],
        heads=["Group", "Images", "Rate", others, "Difference in points", "Ratio"],
        draw=forest(cells, x=f"group minus {others}", signed=True, label=_label),
        detail="".join(f"{cell['value']}: {_label(cell)}" for cell in leads),
    )


def _label(cell: Row) -> str:
    ratio = "ratio not known" if cell["ratio"] is None else f"{_times(cell['ratio'])} times"
    return f"{points(cell['rate'])} ({points_interval(cell['low'], cell['high'])}), {ratio}"


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2f}"


def _as_text(row: Row, title: str) -> Sequence[str]:
    images = f"{row['n']:,}" + (f" of {row['images']:,}" if row["n"] < row["images"] else "")
    if row["missing"]:
        return title, images, row["missing"], "", "", ""
    ratio = "not known, because it never happens to the others"
    if row["ratio"] is not None:
        ratio = (
            f"{_times(row['ratio'])} ({_times(row['ratio_low'])} to {_times(row['ratio_high'])})"
        )
    others = f"{percent(row['rest_rate'])} of {row['rest']:,}"
    difference = f"{points(row['difference'])} ({points_interval(row['low'], row['high'])})"
    return title, images, percent(row["rate"]), others, difference, ratio
