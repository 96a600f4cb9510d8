"""Propose, watch and decide retrains."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from feedback import queries
from feedback.errors import ArtifactMissing, GapsNotAcknowledged, OverrideNeeded, Refusal
from feedback.models import ModelVersion, Retrain
from feedback.services import (
    confirmations,
    gaps,
    recipes,
    retrains,
    shortages,
    verdicts,
    wear,
)
from feedback.text import strip_unsafe_characters
from modeltrain.gate.sentences import not_judged
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
from nsfwsite.tables import shortage_table
from nsfwsite.tables.gate_table import gap_id, gate_table, retrain_gate
from nsfwsite.tables.titles import Titles, load_titles

Status = Retrain.Status
ACTED = {
    "approve": "Approved. It starts as soon as a training worker is free.",
    "cancel": "Cancelled.",
    "promote": "Promoted. The new model is in service, and reporters are being answered.",
    "decline": "Declined. The model in service stays.",
    "judge": "The candidate is judged again.",
    "confirm": "The candidate is judged on the confirmation set.",
}


@dataclass(frozen=True)
class Typed:
    """What a maintainer typed and ticked beside a decision."""

    reason: str
    gaps: list[str]


@never_cache
@maintainer_required
@form_page
def overview(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        recipe = typed_text(request, "recipe") or recipes.HEAD
        retrain = retrains.propose(by=signed_in_user(request), recipe=recipe)
        return redirect("retrain", pk=retrain.pk)
    all_retrains = Retrain.objects.select_related(
        "base", "candidate", "dataset", "proposed_by", "decided_by"
    )
    opened = all_retrains.filter(status__in=Retrain.OPEN, base__status=ModelVersion.Status.CHAMPION)
    context = {
        "retrains": all_retrains,
        "champion": ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first(),
        "before": queries.models.previous_champion(),
        "waiting": queries.reports.learnable_counts(),
        "left_out": queries.reports.left_out_counts(),
        "opened": opened,
        "offers": _offers({retrain.recipe for retrain in opened}),
    }
    return render(request, "pages/retrains.html", context)


def _offers(open_recipes: set[str]) -> list[dict[str, Any]]:
    """The recipes to choose from; the first that can be chosen is chosen beforehand."""
    offers = [
        {
            "offer": offer,
            "is_open": offer.recipe.name in open_recipes,
            "can_choose": offer.refusal is None and offer.recipe.name not in open_recipes,
        }
        for offer in recipes.offers()
    ]
    first = next((choice for choice in offers if choice["can_choose"]), None)
    return [{**choice, "chosen": choice is first} for choice in offers]


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
    typed = Typed(
        reason=typed_text(request, "override_reason"),
        gaps=[strip_unsafe_characters(name) for name in request.POST.getlist("acknowledged_gaps")],
    )
    try:
        _act(action, retrain=retrain, by=signed_in_user(request), typed=typed)
    except Refusal as refusal:
        retrain.refresh_from_db()
        return with_refusal(_page(request, retrain, refusal=refusal, typed=typed), refusal)
    messages.success(request, ACTED[action])
    return redirect("retrain", pk=pk)


def _act(action: str, *, retrain: Retrain, by: User, typed: Typed) -> None:
    if action == "approve":
        maintaining.approve(retrain=retrain, by=by)
    elif action == "cancel":
        retrains.cancel(retrain=retrain, by=by)
    elif action == "promote":
        maintaining.promote(
            retrain=retrain, by=by, override_reason=typed.reason, acknowledged_gaps=typed.gaps
        )
    elif action == "confirm":
        maintaining.confirm(retrain=retrain, by=by)
    elif action == "judge":
        maintaining.judge_again(retrain=retrain)
    else:
        retrains.decline(retrain=retrain, by=by, reason=typed.reason)


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
    if (context := _confirmation(retrain, replaced=[]))["is_waiting"]:
        return render(request, "parts/confirmation_pending.html", context)
    return HttpResponse(headers={"HX-Refresh": "true"})


def _outdated(retrain: Retrain, replaced: list[str]) -> dict[str, Any]:
    return {
        "retrain": retrain,
        "replaced": replaced,
        "unusable_audits": verdicts.unusable_audits(retrain, queries.audits.deciding_set())
        if replaced
        else {},
    }


def _confirmation(retrain: Retrain, *, replaced: list[str]) -> dict[str, Any]:
    """What the confirmation set says of the candidate, and what a maintainer may do next."""
    audit_set, confirmation = (
        queries.audits.confirmation_set(),
        confirmations.current_confirmation(retrain),
    )
    unconfirmed = confirmations.objection(retrain) is not None
    usable = retrain.status == Status.EVALUATED and not replaced
    context: dict[str, Any] = {
        "retrain": retrain,
        "confirmation": confirmation,
        "confirmation_set": audit_set,
        "can_confirm": usable and unconfirmed and confirmation is None,
        "can_promote": usable and not (unconfirmed and confirmation is None),
        "needs_reason": unconfirmed or (retrain.gate or {}).get("verdict") != "pass",
        "is_waiting": usable and confirmation is not None and confirmation.gate is None,
    }
    if audit_set and context["can_confirm"]:
        context["openings"] = wear.decisions_by_set()[audit_set]
    if context["is_waiting"]:
        context["unusable_audits"] = verdicts.unusable_audits(retrain, audit_set)
    if confirmation and confirmation.gate:
        context["confirmation_table"] = gate_table(confirmation.gate, load_titles())
    return context


def _page(
    request: HttpRequest,
    retrain: Retrain,
    *,
    refusal: Refusal | None = None,
    typed: Typed | None = None,
) -> HttpResponse:
    typed = typed or Typed(reason="", gaps=[])
    titles, replaced = load_titles(), verdicts.changes(retrain)
    boxes = _gap_boxes(retrain, titles, ticked=typed.gaps)
    confirmation = _confirmation(retrain, replaced=replaced)
    problems = {}
    if isinstance(refusal, (GapsNotAcknowledged, OverrideNeeded)) and confirmation["can_promote"]:
        if confirmation["needs_reason"] and not typed.reason:
            problems["id_reason"] = "Write a reason"
        for box in boxes:
            if not box["ticked"]:
                problems[box["id"]] = f"Confirm that you have read about the gap: {box['title']}"
    context = {
        **_outdated(retrain, replaced),
        **confirmation,
        "refusal": refusal,
        "reason": typed.reason,
        "problems": problems,
        "gap_boxes": boxes,
        "gate": retrain_gate(retrain, titles),
        "doubts": (retrain.folder / "doubts.jsonl").is_file(),
        "passed": (retrain.gate or {}).get("verdict") == "pass",
        **(_shortage(retrain) if retrain.status == Status.PROPOSED else {}),
        "working": retrain.status in (Status.APPROVED, Status.RUNNING),
        "recipe": recipes.named(retrain.recipe),
        "seconds": recipes.measured_seconds(retrain),
        "siblings": queries.retrains.siblings(retrain),
    }
    response = render(request, "pages/retrain.html", context)
    response.headers["Vary"] = "HX-Request, Cookie"
    return response


def _shortage(retrain: Retrain) -> dict[str, Any]:
    """What the gate could see of the candidate with the images that there are."""
    audit_set = queries.audits.deciding_set()
    audit = queries.audits.finished_audit(retrain.base, audit_set)
    context: dict[str, Any] = {"audit_set": audit_set, "shortage": None}
    if audit is None:
        return context
    try:
        result = shortages.shortage_figures(audit)
    except ArtifactMissing:
        return context
    return context | {
        "shortage": result,
        "short": shortage_table.short_groups(result),
        "not_judged": not_judged(result["policy"]),
    }


def _gap_boxes(retrain: Retrain, titles: Titles, *, ticked: Sequence[str]) -> list[dict[str, Any]]:
    """A box for each group for which a gap opens: whoever promotes confirms to have read it."""
    gate = retrain.gate or {}
    return [
        {
            "id": f"id_gap_{number}",
            "name": name,
            "title": f"{titles.axis(group[0]['axis'])}, "
            f"{titles.group(group[0]['axis'], group[0]['value'])}",
            "gap_ids": [gap_id(gate["gaps"].index(gap)) for gap in group],
            "ticked": name in ticked,
        }
        for number, (name, group) in enumerate(gaps.by_group(gate).items(), start=1)
    ]
