"""The queue of reports to decide, and the way from one case to the next."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from feedback import queries, roles
from feedback.models import Report
from feedback.services import triage
from nsfwsite.access import reviewer_required, signed_in_user

QUEUE_SHOWN = 100


@never_cache
@reviewer_required
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    cases = queries.triage.open_cases(signed_in_user(request))
    context = {
        "cases": cases[:QUEUE_SHOWN],
        "count": cases.count(),
        "shown": QUEUE_SHOWN,
        "bursts": queries.triage.bursts(),
        "burst_reports": settings.BURST_REPORTS,
        "burst_minutes": settings.BURST_MINUTES,
    }
    if roles.is_maintainer(request.user):
        context["drift"] = queries.reports.browser_drift()
    return render(request, "pages/triage.html", context)


@reviewer_required
@require_POST
def claim(request: HttpRequest) -> HttpResponse:
    """Take the oldest case that nobody else has in hand."""
    return next_case(request)


@reviewer_required
@require_POST
def skip(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave a case to others and take the next one."""
    report = get_object_or_404(Report, pk=pk)
    triage.release_claim(report=report, by=signed_in_user(request))
    return next_case(request, after=report)


def next_case(request: HttpRequest, after: Report | None = None) -> HttpResponse:
    """Claim the next case and go there, or back to the queue when none is left."""
    report = triage.claim_next(by=signed_in_user(request), after=after)
    return redirect("case", pk=report.pk) if report else redirect("triage")
