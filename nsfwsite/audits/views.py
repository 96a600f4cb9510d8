"""What every model gets wrong, and for whom, in public."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from feedback import selectors
from feedback.models import Audit, ModelVersion
from feedback.pages import figures

UNDER_WAY = (Audit.Status.WAITING, Audit.Status.RUNNING)


@require_safe
def models(request: HttpRequest) -> HttpResponse:
    found = ModelVersion.objects.select_related("retrain__decided_by", "parent").prefetch_related(
        "audits"
    )
    return render(request, "audits/models.html", {"models": found})


@require_safe
def model(request: HttpRequest, version: str) -> HttpResponse:
    found = selectors.model_of(version)
    if found is None:
        raise Http404
    audit = selectors.audit_of(found)
    under_way = audit is not None and audit.status in UNDER_WAY
    if getattr(request, "htmx", False):
        return _news(request, audit)
    retrain = selectors.retrain_of(found)
    done = audit.figures if audit and audit.status == Audit.Status.DONE else None
    context = {
        "model": found,
        "audit": audit,
        "under_way": under_way,
        "retrain": retrain,
        "gate": figures.gate(retrain.gate if retrain else None),
        "figures": done,
        "sections": figures.sections(done) if done else [],
        "points": figures.points(done) if done else [],
        "measures": figures.MEASURES,
    }
    response = render(request, "audits/model.html", context)
    response.headers["Vary"] = "HX-Request, Cookie"
    if under_way:
        response.headers["Cache-Control"] = "no-store"
    return response


def _news(request: HttpRequest, audit: Audit | None) -> HttpResponse:
    """A fragment while it runs; the whole page again once it does not."""
    if audit is None or audit.status not in UNDER_WAY:
        return HttpResponse(headers={"HX-Refresh": "true"})
    response = render(request, "audits/running.html", {"audit": audit, "model": audit.model})
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
def how(request: HttpRequest) -> HttpResponse:
    return render(request, "audits/how.html")
