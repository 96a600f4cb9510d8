"""The published models side by side, on the images on which the model in service was audited."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from feedback.models import Finding
from nsfwsite.audits import error_rates, filters
from nsfwsite.audits.charts.chart import Chart, requested_file
from nsfwsite.audits.charts.forest import forest, rate_label
from nsfwsite.audits.findings import finding_context
from nsfwsite.tables import audit_tables
from nsfwsite.tables.gate_table import gate_table
from nsfwsite.tables.titles import Titles, load_titles

Model = dict[str, Any]


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    context = finding_context(request, Finding.Kind.PUBLISHED)
    figures = context["figures"]
    if figures is not None:
        version, titles = context["version"], load_titles()
        models = [_named(model, version) for model in figures["models"]]
        challengers = models[1:]
        for model in challengers:
            model["gate"] = gate_table(
                model["gate"], titles, before=version, audit_set=context["audit_set"].name
            )
        differences = [_differences_chart(model, version) for model in challengers]
        charts = filters.by_name(
            request, [_false_alarms_chart(models, titles), *differences], context["source"]
        )
        if file := requested_file(request, list(charts.values())):
            return file
        for model in challengers:
            model["chart"] = charts.get(_chart_name(model))
        context |= {"models": models, "challengers": challengers, "charts": charts}
    return render(request, "audits/published.html", context)


def _named(model: Mapping[str, Any], version: str) -> Model:
    """The model with the name under which pages show it, and its rates of all images."""
    title = model["title"]
    if model["name"] == "champion":
        title = f"Inception v3 ({version})"
    return {**model, "title": title, "overall": model["figures"]["overall"]}


def _chart_name(model: Mapping[str, Any]) -> str:
    return f"differences-{model['name']}"


def _differences_chart(model: Mapping[str, Any], version: str) -> Chart | None:
    chart = error_rates.differences_chart(model["gate"], version, model["title"])
    return chart and replace(chart, name=_chart_name(model))


def _false_alarms_chart(models: Sequence[Model], titles: Titles) -> Chart | None:
    """How often each model calls safe images explicit, for each label and group."""
    dots_by_group: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for model in models:
        for dot in audit_tables.dots(model["figures"], "false_alarm", titles):
            group = (dot["axis"], dot["value"])
            dots_by_group.setdefault(group, []).append(dot | {"model": model["title"]})
    dots = [
        {
            "axis": value
            if axis == audit_tables.ALL_IMAGES
            else f"{axis.removeprefix('By ').capitalize()}: {value}",
            "value": dot["model"],
            **{name: dot[name] for name in ("rate", "low", "high", "count", "n")},
        }
        for (axis, value), group_dots in dots_by_group.items()
        for dot in group_dots
    ]
    if not dots:
        return None
    counts = ", ".join(
        f"{model['title']} {share['count']:,} of {share['n']:,}"
        for model in models
        if (share := model["overall"]["false_alarm"])["n"]
    )
    title = f"Safe images called hentai, porn or sexy: {counts}"
    return Chart(
        name="false-alarms",
        title=title,
        summary=f"{title}. For each label and group with enough images, one dot a model.",
        columns=["group", "model", "rate", "low", "high", "count", "images"],
        rows=[list(dot.values()) for dot in dots],
        draw=forest(dots, x="share of safe images that are a false alarm"),
        detail=f"{dots[0]['axis']}, {dots[0]['value']}: {rate_label(dots[0])}",
    )
