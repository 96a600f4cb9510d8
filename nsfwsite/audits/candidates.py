"""The candidates that learnt from one dataset version, beside each other at the gate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback import queries
from feedback.models import Audit, DatasetVersion, ModelVersion, Retrain
from nsfwsite.access import maintainer_required
from nsfwsite.audits import filters
from nsfwsite.audits.charts.chart import Chart, requested_file
from nsfwsite.audits.charts.forest import forest, rate_label
from nsfwsite.tables.gate_table import MEASURES

Cell = dict[str, Any]
HARM = ("false_alarm", "miss")


@dataclass(frozen=True)
class Column:
    """A model in the comparison: the one in service, or a candidate with its retrain."""

    title: str
    model: ModelVersion
    audit: Audit
    retrain: Retrain | None


@never_cache
@maintainer_required
@require_safe
def show(request: HttpRequest, dataset: int) -> HttpResponse:
    version = get_object_or_404(DatasetVersion, number=dataset)
    retrains = list(queries.retrains.candidates(version.pk))
    if not retrains:
        raise Http404
    newest = retrains[-1]
    columns = _columns(retrains, newest)
    chart = recall_chart(columns) if len(columns) > 1 else None
    if chart:
        source = filters.source_of(columns[-1].audit, models=f"Models of {version}")
        chart = chart.linked(request, source)
        if file := requested_file(request, [chart]):
            return file
    context = {
        "dataset": version,
        "audit_set": newest.audit_set,
        "columns": columns,
        "left_out": len(retrains) + 1 - len(columns),
        "recalls": _recall_rows(columns),
        "harms": _harm_rows(columns),
        "chart": chart,
    }
    return render(request, "audits/candidates.html", context)


def _columns(retrains: Sequence[Retrain], newest: Retrain) -> list[Column]:
    """The models that were audited on the set, and against the model, of the newest verdict."""
    champion, audit_set = newest.judged_against or newest.base, newest.audit_set
    models: list[tuple[str, ModelVersion, Retrain | None]] = [
        (f"{champion.version}, before", champion, None)
    ]
    models += [
        (f"{retrain.candidate.version}, {retrain.recipe[:12]}", retrain.candidate, retrain)
        for retrain in retrains
        if retrain.candidate and retrain.judged_against == champion
    ]
    columns = []
    for title, model, retrain in models:
        audit = queries.audits.finished_audit(model, audit_set)
        if audit and audit.figures:
            columns.append(Column(title, model, audit, retrain))
    return columns


def _recall(cell: Cell) -> Cell:
    error = cell["error"]
    return {
        "n": cell["n"],
        "enough": cell["enough"],
        "rate": None if error["rate"] is None else 1 - error["rate"],
        "low": None if error["low"] is None else 1 - error["high"],
        "high": None if error["high"] is None else 1 - error["low"],
    }


def _labels(columns: Sequence[Column]) -> list[str]:
    figures = columns[0].audit.figures if columns else None
    return [label for label, cell in (figures or {"classes": {}})["classes"].items() if cell["n"]]


def _recall_rows(columns: Sequence[Column]) -> list[Cell]:
    return [
        {
            "title": label,
            "cells": [
                _recall((column.audit.figures or {})["classes"][label]) for column in columns
            ],
        }
        for label in _labels(columns)
    ]


def _harm_rows(columns: Sequence[Column]) -> list[Cell]:
    return [
        {
            "title": MEASURES[measure],
            "cells": [(column.audit.figures or {})["overall"][measure] for column in columns],
        }
        for measure in HARM
    ]


def recall_chart(columns: Sequence[Column]) -> Chart | None:
    """The share of each label's images that each model gets right."""
    dots = [
        {"axis": row["title"], "value": column.title, **cell}
        for row in _recall_rows(columns)
        for column, cell in zip(columns, row["cells"], strict=True)
        if cell["enough"] and cell["rate"] is not None
    ]
    if not dots:
        return None
    title = "The share of each label that is right, model by model"
    return Chart(
        name="recall",
        title=title,
        summary=f"{title}. Each label has a row for each model.",
        columns=["label", "model", "right", "low", "high", "images"],
        rows=[
            [dot["axis"], dot["value"], dot["rate"], dot["low"], dot["high"], dot["n"]]
            for dot in dots
        ],
        draw=forest(dots, x="share of images that are right"),
        detail=f"{dots[0]['axis']}, {dots[0]['value']}: {rate_label(dots[0])}",
    )
