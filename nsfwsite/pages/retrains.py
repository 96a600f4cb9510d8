"""Propose, watch and decide retrains."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from feedback import queries
from feedback.errors import Refusal
from feedback.models import ModelVersion, Retrain
from feedback.services import retrains, verdicts
from nsfwsite.access import (
    form_page,
    maintainer_required,
    refusals_as_pages,
    signed_in_user,
    typed_text,
    wants_fragment,
    with_invalid_form,
    with_refusal,
)
from nsfwsite.intake import maintaining
from nsfwsite.tables.gate_table import gate_table
from nsfwsite.tables.titles import load_titles

Status = Retrain.Status
ACTED = {
    "approve": "Approved. It starts as soon as a training worker is free.",
    "cancel": "Cancelled.",
    "promote": "Promoted. The new model is in service, and reporters are being answered.",
    "decline": "Declined. The model in service stays.",
    "judge": "The candidate is judged again.",
}


@never_cache
@maintainer_required
@form_page
def overview(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        retrain = retrains.propose(by=signed_in_user(request))
        return redirect("retrain", pk=retrain.pk)
    all_retrains = Retrain.objects.select_related("base", "candidate", "proposed_by", "decided_by")
    context = {
        "retrains": all_retrains,
        "champion": ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first(),
        "before": queries.models.previous_champion(),
        "waiting": queries.reports.learnable_count(),
        "opened": all_retrains.filter(
            status__in=Retrain.OPEN, base__status=ModelVersion.Status.CHAMPION
        ).first(),
    }
    return render(request, "pages/retrains.html", context)


@never_cache
@maintainer_required
@form_page
def show(request: HttpRequest, pk: int) -> HttpResponse:
    retrain = get_object_or_404(
        Retrain.objects.select_related(
            "base",
            "candidate",
            "dataset",
            "judged_against",
            "audit_set",
            "proposed_by",
            "approved_by",
            "decided_by",
        ),
        pk=pk,
    )
    if wants_fragment(request):
        return _progress(request, retrain)
    if request.method != "POST":
        return _page(request, retrain)
    action = request.POST.get("action", "")
    if action not in ACTED:
        return with_invalid_form(_page(request, retrain))
    reason = typed_text(request, "override_reason")
    try:
        _act(action, retrain=retrain, by=signed_in_user(request), reason=reason)
    except Refusal as refusal:
        retrain.refresh_from_db()
        return with_refusal(_page(request, retrain, refusal=refusal, reason=reason), refusal)
    messages.success(request, ACTED[action])
    return redirect("retrain", pk=pk)


def _act(action: str, *, retrain: Retrain, by: User, reason: str) -> None:
    if action == "approve":
        maintaining.approve(retrain=retrain, by=by)
    elif action == "cancel":
        retrains.cancel(retrain=retrain, by=by)
    elif action == "promote":
        maintaining.promote(retrain=retrain, by=by, override_reason=reason)
    elif action == "judge":
        maintaining.judge_again(retrain=retrain)
    else:
        retrains.decline(retrain=retrain, by=by, reason=reason)


@maintainer_required
@refusals_as_pages
@require_POST
def roll_back(request: HttpRequest, version: str) -> HttpResponse:
    model = queries.models.model_of(version)
    if model is None:
        raise Http404
    maintaining.roll_back(
        model=model, by=signed_in_user(request), reason=typed_text(request, "reason")
    )
    messages.success(request, f"{model} is in service again.")
    return redirect("model", version=version)


def _progress(request: HttpRequest, retrain: Retrain) -> HttpResponse:
    """The progress while a retrain runs or is judged again; then htmx loads the whole page."""
    if retrain.status in (Status.APPROVED, Status.RUNNING):
        return render(request, "parts/running.html", {"retrain": retrain})
    if replaced := verdicts.changes(retrain):
        return render(request, "parts/outdated_verdict.html", _outdated(retrain, replaced))
    return HttpResponse(headers={"HX-Refresh": "true"})


def _outdated(retrain: Retrain, replaced: list[str]) -> dict[str, Any]:
    return {
        "retrain": retrain,
        "replaced": replaced,
        "failed_audits": verdicts.failed_audits(retrain) if replaced else [],
    }


def _page(
    request: HttpRequest,
    retrain: Retrain,
    *,
    refusal: Refusal | None = None,
    reason: str = "",
) -> HttpResponse:
    context = {
        **_outdated(retrain, verdicts.changes(retrain)),
        "refusal": refusal,
        "reason": reason,
        "gate": gate_table(retrain.gate, load_titles()) if retrain.gate else None,
        "doubts": (retrain.folder / "doubts.jsonl").is_file(),
        "passed": (retrain.gate or {}).get("verdict") == "pass",
        "working": retrain.status in (Status.APPROVED, Status.RUNNING),
    }
    response = render(request, "pages/retrain.html", context)
    response.headers["Vary"] = "HX-Request, Cookie"
    return response
