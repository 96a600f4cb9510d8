"""The transparency report: what was reported in a month, what was decided, and how well."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback import queries
from feedback.models import Report
from feedback.models.decision import REASONS
from feedback.queries.transparency import Month
from nsfwsite.shared_pages import shared_page
from nsfwsite.tables.audit_tables import MEASURES
from nsfwsite.tables.titles import load_titles

COLUMNS = ("section", "figure", "of", "value", "low", "high", "n")
ESTIMATE = ("low", "high", "n")


@shared_page
@never_cache
@require_safe
def show(request: HttpRequest, month: str = "") -> HttpResponse:
    months = queries.transparency.months()
    chosen = _month(month) if month else months[0]
    figures = queries.transparency.figures(chosen)
    titles = load_titles()
    model = figures["model"]
    context = {
        "months": months,
        "chosen": chosen,
        "figures": figures,
        "kinds": [
            (Report.Kind(kind).label, count)
            for kind, count in figures["notices"]["by_kind"].items()
        ],
        "outcomes": [
            (outcome, count, count / (figures["decisions"]["reached"] or 1))
            for outcome, count in figures["decisions"]["by_outcome"].items()
        ],
        "rejected_because": [
            (REASONS[name]["title"] if name in REASONS else name, count)
            for name, count in figures["decisions"]["rejected_because"].items()
        ],
        "measures": {name: MEASURES[name] for name in queries.transparency.RATES},
        "axes": model
        and [
            (
                titles.axis(axis),
                cells,
                [(titles.group(axis, group), cell) for group, cell in cells["groups"].items()],
                cells["reference"] and titles.group(axis, cells["reference"]),
            )
            for axis, cells in model["axes"].items()
        ],
    }
    return render(request, "pages/transparency.html", context)


@never_cache
@require_safe
def download(request: HttpRequest, month: str, kind: str) -> HttpResponse:
    figures = queries.transparency.figures(_month(month))
    name = f"transparency-{month}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if kind == "json":
        return JsonResponse(figures, headers=headers, json_dumps_params={"indent": 2})
    if kind == "csv":
        file = io.StringIO()
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(_rows(figures))
        return HttpResponse(
            file.getvalue(), content_type="text/csv; charset=utf-8", headers=headers
        )
    raise Http404


def _month(text: str) -> Month:
    try:
        month = Month.parse(text)
    except ValueError:
        raise Http404 from None
    if str(month) != text or month not in queries.transparency.months():
        raise Http404
    return month


def _rows(figures: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The same figures as a table: a row for each, with its interval where it has one."""
    for section, contents in figures.items():
        if not isinstance(contents, Mapping):
            yield {"section": "report", "figure": section, "value": contents}
        elif section != "model":
            yield from _section(section, contents)
    if model := figures["model"]:
        yield {"section": "model", "figure": "version", "value": model["version"]}
        yield {"section": "model", "figure": "audit_set", "value": model["audit_set"]}
        yield from _rates("model", "all images", model["overall"])
        for label, rates in model["classes"].items():
            yield from _rates("model", f"class={label}", rates)
        for axis, cells in model["axes"].items():
            without = cells["images_without_group"]
            row = {"section": "model", "figure": "images_without_group", "of": axis}
            yield row | {"value": without}
            for group, rates in cells["groups"].items():
                yield from _rates("model", f"{axis}={group}", rates)
                if ratio := rates["impact_ratio"]:
                    reference = f"{axis}={group} / {axis}={cells['reference']}"
                    row = {"section": "model", "figure": "impact_ratio", "of": reference}
                    yield row | {
                        "value": ratio["ratio"],
                        "low": ratio["low"],
                        "high": ratio["high"],
                    }


def _section(section: str, contents: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if "rate" in contents:
        yield from _rates(section, "golden cases", {"right": contents})
        return
    for figure, value in contents.items():
        if isinstance(value, Mapping):
            for of, part in value.items():
                yield {"section": section, "figure": figure, "of": of, "value": part}
        else:
            yield {"section": section, "figure": figure, "value": value}


def _rates(section: str, of: str, rates: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for figure, estimate in rates.items():
        if isinstance(estimate, Mapping) and "rate" in estimate:
            row = {"section": section, "figure": figure, "of": of, "value": estimate["rate"]}
            yield row | {name: estimate[name] for name in ESTIMATE}
