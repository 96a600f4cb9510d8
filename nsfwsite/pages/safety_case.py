"""An escalated report, for people with the safety role alone; every look is logged."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from feedback import queries
from feedback.errors import Refusal
from feedback.models import Look, Report
from feedback.services import safety
from nsfwsite.access import (
    form_page,
    safety_required,
    signed_in_user,
    with_invalid_form,
    with_refusal,
)

LOOKS_SHOWN = 50


@never_cache
@safety_required
@form_page
def show(request: HttpRequest, pk: int) -> HttpResponse:
    report = _escalated(pk)
    if request.method != "POST":
        safety.record_opening(report=report, by=signed_in_user(request))
        return case_page(request, report)
    act = ACTIONS.get(request.POST.get("action", ""))
    if act is None:
        return with_invalid_form(case_page(request, report))
    try:
        message = act(request, report)
    except Refusal as refusal:
        return with_refusal(case_page(request, report, refusal=refusal), refusal)
    messages.success(request, message)
    return redirect("safety")


def case_page(
    request: HttpRequest,
    report: Report,
    *,
    refusal: Refusal | None = None,
    revealed: int | None = None,
) -> HttpResponse:
    form = request.POST if refusal else {}
    context = {
        "report": report,
        "refusal": refusal,
        "revealed": revealed,
        "has_images": any(example.image for example in report.examples.all()),
        "looks": Look.objects.select_related("by").filter(report=report.pk)[:LOOKS_SHOWN],
        "typed": {form.get("action", ""): form.get("note", "")},
    }
    return render(request, "pages/safety_case.html", context)


def _escalated(pk: int) -> Report:
    report = queries.triage.escalated().filter(pk=pk).first()
    if report is None:
        raise Http404
    return report


def _block(request: HttpRequest, report: Report) -> str:
    blocked, plain = safety.block(
        report=report, by=signed_in_user(request), source=request.POST.get("note", "")
    )
    message = f"{blocked} of report {report.pk}'s images are on the blocklist."
    return f"{message} {plain} too plain to be recognised again." if plain else message


def _hand_back(request: HttpRequest, report: Report) -> str:
    safety.hand_back(report=report, by=signed_in_user(request), note=request.POST.get("note", ""))
    return f"Report {report.pk} is queued again."


def _delete(request: HttpRequest, report: Report) -> str:
    safety.delete_images(
        report=report, by=signed_in_user(request), note=request.POST.get("note", "")
    )
    return f"The images of report {report.pk} are deleted."


ACTIONS: dict[str, Callable[[HttpRequest, Report], str]] = {
    "block": _block,
    "hand-back": _hand_back,
    "delete": _delete,
}
