"""The model in 8-bit integers, which browsers load instead: is it as good for everybody?"""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from feedback.models import Finding
from feedback.services import exports
from nsfwsite.audits import error_rates, filters
from nsfwsite.audits.charts.chart import requested_file
from nsfwsite.audits.findings import finding_context
from nsfwsite.downloads import download
from nsfwsite.tables.gate_table import gate_table
from nsfwsite.tables.titles import load_titles

INSUFFICIENT = "insufficient data"


@require_safe
def int8(request: HttpRequest) -> HttpResponse:
    context = finding_context(request, Finding.Kind.INT8)
    export = context["figures"]
    if export is not None:
        gate = gate_table(
            export["gate"],
            load_titles(),
            before=context["version"],
            audit_set=context["audit_set"].name,
        )
        differences = error_rates.differences_chart(gate, context["version"], "8-bit integers")
        charts = filters.by_name(request, [differences], context["source"])
        if file := requested_file(request, list(charts.values())):
            return file
        context |= {
            "charts": charts,
            "gate": gate,
            "graphs": export["graphs"],
            "agreement": exports.AGREEMENT,
            "objections": exports.objections(export),
            "unknown": list(
                dict.fromkeys(
                    cell["value"] for cell in gate["cells"] if cell["finding"] == INSUFFICIENT
                )
            ),
        }
    return render(request, "audits/int8.html", context)


@require_safe
def graph(request: HttpRequest, sha256: str) -> HttpResponseBase:
    """A model as browsers load it. Its address names its content, so it never changes."""
    path = exports.graph(sha256)
    if path is None:
        raise Http404
    response = download(request, path, sha256=sha256)
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
