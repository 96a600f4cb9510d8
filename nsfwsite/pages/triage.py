"""Decide reports, one at a time, and see no more than that takes."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from feedback import people, queries
from feedback.errors import Refusal
from feedback.models import Decision, Report
from feedback.models.decision import REASONS
from feedback.services import golden, triage
from modeltrain import labels
from nsfwsite.access import (
    maintainer_required,
    page,
    person,
    reviewer_required,
    with_refusal,
    words,
)
from nsfwsite.intake import classifying
from nsfwsite.tables import doubtful_label_tables

QUEUE_SHOWN = 100
NEAR_SHOWN = 9  # each has a digit as its key
# Before the blocklist has seen a picture, no person does.
UNSCREENED = (Report.Status.RECEIVED, Report.Status.SCREENING)


@never_cache
@reviewer_required
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    cases = queries.triage.open_cases(person(request))
    context = {
        "cases": cases[:QUEUE_SHOWN],
        "count": cases.count(),
        "shown": QUEUE_SHOWN,
        "bursts": queries.triage.bursts(),
        "burst_reports": settings.BURST_REPORTS,
        "burst_minutes": settings.BURST_MINUTES,
    }
    if people.is_maintainer(request.user):
        context["drift"] = queries.reports.browser_drift()
    return render(request, "pages/triage.html", context)


@never_cache
@reviewer_required
@page
def case(request: HttpRequest, pk: int) -> HttpResponse:
    report = with_story(pk)
    if request.method != "POST":
        classifying.judge_by_champion(report=report)
        return case_page(request, report)
    outcome = request.POST.get("outcome", "")
    if outcome not in Decision.Outcome.values:
        return case_page(request, report, status=422)
    by = person(request)
    others = _ticked(request).exclude(pk=pk)
    try:
        told = triage.decide_together(
            report=report,
            near_duplicates=others,
            outcome=outcome,
            by=by,
            **_answer(request, outcome),
        )
    except Refusal as refusal:
        return _refused(request, pk, refusal)
    answer = told.pop(report)
    if isinstance(answer, Decision):
        waits = f"Your decision on report {pk} is kept. It waits for another reviewer."
        messages.success(request, f"Report {pk} is {outcome}." if answer.settled_at else waits)
    if alike := [str(one.pk) for one, each in told.items() if isinstance(each, Decision)]:
        messages.success(request, f"Decided alike: {', '.join(alike)}.")
    for one, each in told.items():
        if isinstance(each, Refusal):
            messages.warning(request, f"Report {one.pk} is not decided. {each}")
    if isinstance(answer, Refusal):
        return _refused(request, pk, answer)
    triage.release_claim(report=report, by=by)
    return _next(request)


def with_story(pk: int) -> Report:
    return get_object_or_404(queries.reports.with_details(Report.objects.all()), pk=pk)


def _ticked(request: HttpRequest) -> QuerySet[Report]:
    """Near-duplicates that the reviewer wants decided alike."""
    pks = [pk for pk in request.POST.getlist("also") if pk.isdecimal() and len(pk) < 19]
    return Report.objects.filter(pk__in=pks[:NEAR_SHOWN])


def _refused(request: HttpRequest, pk: int, refusal: Refusal) -> HttpResponse:
    return with_refusal(case_page(request, with_story(pk), refusal=refusal), refusal)


def _next(request: HttpRequest, after: Report | None = None) -> HttpResponse:
    following = triage.claim_next(by=person(request), after=after)
    return redirect("case", pk=following.pk) if following else redirect("triage")


@reviewer_required
@require_POST
def claim(request: HttpRequest) -> HttpResponse:
    """The oldest case that nobody else has in hand."""
    return _next(request)


@reviewer_required
@require_POST
def skip(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave a case to others and take the next one."""
    report = get_object_or_404(Report, pk=pk)
    triage.release_claim(report=report, by=person(request))
    return _next(request, after=report)


@never_cache
@reviewer_required
@require_POST
def second_opinion(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask that another reviewer says the same before this case is settled."""
    report = get_object_or_404(Report, pk=pk)
    try:
        triage.ask_second_opinion(report=report, by=person(request))
    except Refusal as refusal:
        return _refused(request, pk, refusal)
    return redirect("case", pk=pk)


def _answer(request: HttpRequest, outcome: str) -> dict[str, Any]:
    if outcome != Decision.Outcome.ACCEPTED:
        line = words(request, f"reason_{outcome}")
        return {"because": request.POST.get("because", ""), "reason": line}
    chosen = {
        axis.name: request.POST.get(f"group_{axis.name}", "")
        for axis in queries.groups.stated_axes()
    }
    return {
        "label": request.POST.get("label", ""),
        "groups": {axis: value for axis, value in chosen.items() if value},
    }


def case_page(
    request: HttpRequest,
    report: Report,
    *,
    refusal: Refusal | None = None,
    revealed: int | None = None,
    status: int = 200,
) -> HttpResponse:
    typed = request.POST
    near, more = queries.near_duplicates.near_duplicates(report, person(request), limit=NEAR_SHOWN)
    also = [one.report.pk for one in near if one.agrees_with(report)]
    if "outcome" in typed:
        also = [one.pk for one in _ticked(request)]
    opened = report.status in Report.OPEN
    context = {
        "report": report,
        "refusal": refusal,
        "revealed": revealed,
        "open": opened,
        "said": queries.decisions.visible_decisions(report, to=person(request)),
        "in_other_hands": triage.claimed_by_other(report, person(request)),
        "barred": opened and triage.refusal_to_decide(report, person(request)),
        "agreed": report.status in Report.AGREED,
        "may_see": may_see(report),
        "labels": labels.LABELS,
        "collects_misses": settings.COLLECT_MISSES,
        "label": typed.get("label", report.expected_label),
        "axes": [
            (axis, typed.get(f"group_{axis.name}", report.groups.get(axis.name, "")))
            for axis in queries.groups.stated_axes()
        ],
        "outcome": typed.get("outcome", ""),
        "reasons": REASONS,
        "because": typed.get("because", ""),
        "reason_rejected": typed.get("reason_rejected", ""),
        "reason_escalated": typed.get("reason_escalated", ""),
        "near": near,
        "also": also,
        "more_near": more,
        "may_be_golden": golden.usable(report),
        "waiting": queries.triage.open_cases(person(request)).exclude(pk=report.pk).count(),
    }
    return render(request, "pages/case.html", context, status=status)


def may_see(report: Report) -> bool:
    """What was escalated is on safety's page, for whoever has that role."""
    return report.status not in (*UNSCREENED, Report.Status.ESCALATED)


@never_cache
@reviewer_required
@require_POST
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    report = get_object_or_404(Report, pk=pk)
    try:
        triage.reopen(report=report, by=person(request))
    except Refusal as refusal:
        return _refused(request, pk, refusal)
    messages.success(request, f"Report {pk} is queued again.")
    return redirect("case", pk=pk)


@never_cache
@maintainer_required
@require_POST
def golden_case(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask a decided report again now and then, or no longer."""
    report = get_object_or_404(Report, pk=pk)
    try:
        if request.POST.get("golden") == "yes":
            golden.mark(report=report, by=person(request))
        else:
            golden.unmark(report)
    except Refusal as refusal:
        return _refused(request, pk, refusal)
    return redirect("case", pk=pk)


@never_cache
@reviewer_required
@require_safe
def doubtful_labels(request: HttpRequest) -> HttpResponse:
    """Labels of the newest retrain's data that its other images speak against."""
    review = queries.doubtful_labels.newest_review()
    label, axis, value = (request.GET.get(name, "") for name in ("label", "axis", "value"))
    doubts = [
        doubt
        for doubt in (review.doubts if review else [])
        if (not label or doubt.label == label) and (not axis or doubt.groups.get(axis) == value)
    ]
    context = {
        "review": review,
        "doubts": doubts[:QUEUE_SHOWN],
        "count": len(doubts),
        "narrowed": label or value,
        "counts": doubtful_label_tables.doubtful_counts(review.counts) if review else [],
    }
    return render(request, "pages/doubtful_labels.html", context)
