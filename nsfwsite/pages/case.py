"""Decide one report, and see no more of it than that takes."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from feedback import queries
from feedback.errors import Refusal
from feedback.models import Decision, Report
from feedback.models.decision import REASONS
from feedback.services import golden, triage
from modeltrain import labels
from nsfwsite.access import (
    form_page,
    maintainer_required,
    reviewer_required,
    signed_in_user,
    typed_text,
    with_invalid_form,
    with_refusal,
)
from nsfwsite.intake import classifying
from nsfwsite.pages.triage import next_case

NEAR_SHOWN = 9  # each has a digit as its key
# Nobody sees an image before it has been compared with the blocklist.
UNSCREENED = (Report.Status.RECEIVED, Report.Status.SCREENING)


@never_cache
@reviewer_required
@form_page
def show(request: HttpRequest, pk: int) -> HttpResponse:
    report = report_with_history(pk)
    if request.method != "POST":
        classifying.judge_by_champion(report=report)
        return case_page(request, report)
    outcome = request.POST.get("outcome", "")
    if outcome not in Decision.Outcome.values:
        return with_invalid_form(case_page(request, report))
    reviewer = signed_in_user(request)
    try:
        results = triage.decide_together(
            report=report,
            near_duplicates=_ticked(request).exclude(pk=pk),
            outcome=outcome,
            by=reviewer,
            **_decision_fields(request, outcome),
        )
    except Refusal as refusal:
        return _refused(request, pk, refusal)
    result = results.pop(report)
    if isinstance(result, Decision):
        waits = f"Your decision on report {pk} is kept. It waits for another reviewer."
        messages.success(request, f"Report {pk} is {outcome}." if result.settled_at else waits)
    _tell_about_others(request, results)
    if isinstance(result, Refusal):
        return _refused(request, pk, result)
    triage.release_claim(report=report, by=reviewer)
    return next_case(request)


def _tell_about_others(request: HttpRequest, results: dict[Report, Decision | Refusal]) -> None:
    """What became of the near-duplicates that were ticked."""
    if decided := [
        str(report.pk) for report, result in results.items() if isinstance(result, Decision)
    ]:
        messages.success(request, f"Decided alike: {', '.join(decided)}.")
    warn_about_undecided(request, results)


def warn_about_undecided(
    request: HttpRequest, results: Mapping[Report, Decision | Refusal]
) -> None:
    for report, result in results.items():
        if isinstance(result, Refusal):
            messages.warning(request, f"Report {report.pk} is not decided. {result}")


def report_with_history(pk: int) -> Report:
    return get_object_or_404(queries.reports.with_details(Report.objects.all()), pk=pk)


def _ticked(request: HttpRequest) -> QuerySet[Report]:
    """Near-duplicates on which the reviewer wants the same decision."""
    pks = [pk for pk in request.POST.getlist("also") if pk.isdecimal() and len(pk) < 19]
    return Report.objects.filter(pk__in=pks[:NEAR_SHOWN])


def _refused(request: HttpRequest, pk: int, refusal: Refusal) -> HttpResponse:
    return with_refusal(case_page(request, report_with_history(pk), refusal=refusal), refusal)


def _decision_fields(request: HttpRequest, outcome: str) -> dict[str, Any]:
    if outcome != Decision.Outcome.ACCEPTED:
        return {
            "because": request.POST.get("because", ""),
            "reason": typed_text(request, f"reason_{outcome}"),
        }
    groups = {
        axis.name: request.POST.get(f"group_{axis.name}", "")
        for axis in queries.groups.stated_axes()
    }
    return {
        "label": request.POST.get("label", ""),
        "groups": {axis: value for axis, value in groups.items() if value},
    }


def case_page(
    request: HttpRequest,
    report: Report,
    *,
    refusal: Refusal | None = None,
    revealed: int | None = None,
) -> HttpResponse:
    form = request.POST
    reviewer = signed_in_user(request)
    near, more_near = queries.near_duplicates.near_duplicates(report, reviewer, limit=NEAR_SHOWN)
    if "outcome" in form:
        ticked = [duplicate.pk for duplicate in _ticked(request)]
    else:
        ticked = [duplicate.report.pk for duplicate in near if duplicate.agrees_with(report)]
    is_open = report.status in Report.OPEN
    context = {
        "report": report,
        "refusal": refusal,
        "revealed": revealed,
        "open": is_open,
        "decisions": queries.decisions.visible_decisions(report, to=reviewer),
        "claimed_by_other": triage.claimed_by_other(report, reviewer),
        "refusal_to_decide": is_open and triage.refusal_to_decide(report, reviewer),
        "agreed": report.status in Report.AGREED,
        "may_see": may_see(report),
        "labels": labels.LABELS,
        "collects_misses": settings.COLLECT_MISSES,
        "chosen_label": form.get("label", report.expected_label),
        "axes": [
            (axis, form.get(f"group_{axis.name}", report.groups.get(axis.name, "")))
            for axis in queries.groups.stated_axes()
        ],
        "outcome": form.get("outcome", ""),
        "reasons": REASONS,
        "because": form.get("because", ""),
        "reason_rejected": form.get("reason_rejected", ""),
        "reason_escalated": form.get("reason_escalated", ""),
        "near": near,
        "ticked": ticked,
        "more_near": more_near,
        "may_be_golden": golden.usable(report),
        "waiting": queries.triage.open_cases(reviewer).exclude(pk=report.pk).count(),
    }
    return render(request, "pages/case.html", context)


def may_see(report: Report) -> bool:
    """Whether reviewers see a report's images: an escalated one is on safety's page instead."""
    return report.status not in (*UNSCREENED, Report.Status.ESCALATED)


@never_cache
@reviewer_required
@require_POST
def second_opinion(request: HttpRequest, pk: int) -> HttpResponse:
    """Require that another reviewer agrees before this case is settled."""
    report = get_object_or_404(Report, pk=pk)
    try:
        triage.ask_second_opinion(report=report, by=signed_in_user(request))
    except Refusal as refusal:
        return _refused(request, pk, refusal)
    return redirect("case", pk=pk)


@never_cache
@reviewer_required
@require_POST
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    report = get_object_or_404(Report, pk=pk)
    try:
        triage.reopen(report=report, by=signed_in_user(request))
    except Refusal as refusal:
        return _refused(request, pk, refusal)
    messages.success(request, f"Report {pk} is queued again.")
    return redirect("case", pk=pk)


@never_cache
@maintainer_required
@require_POST
def golden_case(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a decided report a golden case, or stop using it as one."""
    report = get_object_or_404(Report, pk=pk)
    try:
        if request.POST.get("golden") == "yes":
            golden.mark(report=report, by=signed_in_user(request))
        else:
            golden.unmark(report)
    except Refusal as refusal:
        return _refused(request, pk, refusal)
    return redirect("case", pk=pk)
