"""What was escalated: for people with the safety role alone, who are written down at every look."""

from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback import queries
from feedback.errors import Refusal
from feedback.models import Look, Report
from feedback.services import safety
from nsfwsite.access import page, person, safety_required, with_refusal

LINES = 50


@never_cache
@safety_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    looks = Look.objects.select_related("by").filter(escalated=True)
    context = {
        "reports": queries.triage.escalated(),
        "looks": Paginator(looks, LINES).get_page(request.GET.get("page")),
    }
    return render(request, "pages/safety.html", context)


@never_cache
@safety_required
@page
def case(request: HttpRequest, pk: int) -> HttpResponse:
    report = _escalated(pk)
    if request.method != "POST":
        safety.record_opening(report=report, by=person(request))
        return case_page(request, report)
    act = ACTIONS.get(request.POST.get("action", ""))
    if act is None:
        return case_page(request, report, status=422)
    try:
        told = act(request, report)
    except Refusal as refusal:
        return with_refusal(case_page(request, report, refusal=refusal), refusal)
    messages.success(request, told)
    return redirect("safety")


def case_page(
    request: HttpRequest,
    report: Report,
    *,
    refusal: Refusal | None = None,
    revealed: int | None = None,
    status: int = 200,
) -> HttpResponse:
    typed = request.POST if refusal else {}
    context = {
        "report": report,
        "refusal": refusal,
        "revealed": revealed,
        "has_pictures": any(one.image for one in report.examples.all()),
        "looks": Look.objects.select_related("by").filter(report=report.pk)[:LINES],
        "typed": {typed.get("action", ""): typed.get("note", "")},
    }
    return render(request, "pages/safety_case.html", context, status=status)


def _escalated(pk: int) -> Report:
    report = queries.triage.escalated().filter(pk=pk).first()
    if report is None:
        raise Http404
    return report


def _block(request: HttpRequest, report: Report) -> str:
    blocked, plain = safety.block(
        report=report, by=person(request), source=request.POST.get("note", "")
    )
    told = f"{blocked} of report {report.pk}'s pictures are on the blocklist."
    return f"{told} {plain} too plain to be recognised again." if plain else told


def _hand_back(request: HttpRequest, report: Report) -> str:
    safety.hand_back(report=report, by=person(request), note=request.POST.get("note", ""))
    return f"Report {report.pk} is queued again."


def _delete(request: HttpRequest, report: Report) -> str:
    safety.delete_images(report=report, by=person(request), note=request.POST.get("note", ""))
    return f"The pictures of report {report.pk} are deleted."


ACTIONS: dict[str, Callable[[HttpRequest, Report], str]] = {
    "block": _block,
    "hand-back": _hand_back,
    "delete": _delete,
}
