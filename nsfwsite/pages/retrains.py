"""Propose, watch and decide retrains."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from feedback import queries
from feedback.errors import Refusal
from feedback.models import ModelVersion, Retrain
from feedback.services import retrains
from nsfwsite.access import maintainer_required, page, person, refusing, with_refusal, words
from nsfwsite.intake import maintaining
from nsfwsite.tables import gate_table

Status = Retrain.Status
DONE = {
    "approve": "Approved. It starts as soon as a training worker is free.",
    "cancel": "Cancelled.",
    "promote": "Promoted. The new model is in service, and reporters are being answered.",
    "decline": "Declined. The model in service stays.",
}


@never_cache
@maintainer_required
@page
def overview(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        retrain = retrains.propose(by=person(request))
        return redirect("retrain", pk=retrain.pk)
    found = Retrain.objects.select_related("base", "candidate", "proposed_by", "decided_by")
    context = {
        "retrains": found,
        "champion": ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first(),
        "before": queries.models.previous_champion(),
        "waiting": queries.reports.accepted_waiting(),
        "opened": found.filter(
            status__in=Retrain.OPEN, base__status=ModelVersion.Status.CHAMPION
        ).first(),
    }
    return render(request, "pages/retrains.html", context)


@never_cache
@maintainer_required
@page
def one(request: HttpRequest, pk: int) -> HttpResponse:
    retrain = get_object_or_404(
        Retrain.objects.select_related(
            "base", "candidate", "dataset", "proposed_by", "approved_by", "decided_by"
        ),
        pk=pk,
    )
    if getattr(request, "htmx", False):
        return _news(request, retrain)
    if request.method != "POST":
        return _page(request, retrain)
    action = request.POST.get("action", "")
    if action not in DONE:
        return _page(request, retrain, status=422)
    reason = words(request, "override_reason")
    try:
        _act(action, retrain=retrain, by=person(request), reason=reason)
    except Refusal as refusal:
        retrain.refresh_from_db()
        return with_refusal(_page(request, retrain, refusal=refusal, reason=reason), refusal)
    messages.success(request, DONE[action])
    return redirect("retrain", pk=pk)


def _act(action: str, *, retrain: Retrain, by: User, reason: str) -> None:
    if action == "approve":
        maintaining.approve(retrain=retrain, by=by)
    elif action == "cancel":
        retrains.cancel(retrain=retrain, by=by)
    elif action == "promote":
        maintaining.promote(retrain=retrain, by=by, override_reason=reason)
    else:
        retrains.decline(retrain=retrain, by=by, reason=reason)


@maintainer_required
@refusing
@require_POST
def roll_back(request: HttpRequest, version: str) -> HttpResponse:
    model = queries.models.model_of(version)
    if model is None:
        raise Http404
    maintaining.roll_back(model=model, by=person(request), reason=words(request, "reason"))
    messages.success(request, f"{model} is in service again.")
    return redirect("model", version=version)


def _news(request: HttpRequest, retrain: Retrain) -> HttpResponse:
    """A fragment while it runs; the whole page again once it does not."""
    if retrain.status not in (Status.APPROVED, Status.RUNNING):
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "parts/running.html", {"retrain": retrain})


def _page(
    request: HttpRequest,
    retrain: Retrain,
    *,
    refusal: Refusal | None = None,
    reason: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "retrain": retrain,
        "refusal": refusal,
        "reason": reason,
        "gate": gate_table.gate_table(retrain.gate),
        "doubts": (retrain.folder / "doubts.jsonl").is_file(),
        "passed": (retrain.gate or {}).get("verdict") == "pass",
        "working": retrain.status in (Status.APPROVED, Status.RUNNING),
    }
    response = render(request, "pages/retrain.html", context, status=status)
    response.headers["Vary"] = "HX-Request, Cookie"
    return response
