"""Reported pictures: veiled first, and who looks is written down."""

from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from feedback import people
from feedback.models import Example, Report
from feedback.services import images, safety
from nsfwsite.access import image_viewer_required, person
from nsfwsite.pages import safety as safety_pages
from nsfwsite.pages import triage as triage_pages


def may_look(user: Any, report: Report) -> bool:
    """Reviewers see what was screened and not escalated; safety sees what was escalated."""
    if report.status == Report.Status.ESCALATED:
        return people.is_safety(user)
    return people.is_reviewer(user) and report.status not in triage_pages.UNSCREENED


def example_with(request: HttpRequest, image: int) -> Example:
    """The reported example that holds this image, if this person may see it."""
    found = Example.objects.select_related("image", "report").prefetch_related("scores__model")
    # A golden case has its pictures from a report that is decided.
    holding = found.filter(image=image)
    example = max(holding, key=lambda one: one.report.status in Report.OPEN, default=None)
    if example is None or not may_look(request.user, example.report):
        raise Http404
    return example


@image_viewer_required
@require_safe
def image(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A veil over the picture, or with `?clear` the picture; that somebody saw it is logged."""
    example = example_with(request, pk)
    if example.image is None:
        raise Http404
    response: HttpResponseBase
    if "clear" in request.GET:
        safety.record_view(example=example, by=person(request))
        response = FileResponse(example.image.file.open("rb"), content_type="image/png")
    else:
        response = HttpResponse(images.blurred(example.image), content_type="image/png")
    response.headers["Content-Disposition"] = 'inline; filename="image.png"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store, private"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@never_cache
@image_viewer_required
@require_POST
def reveal(request: HttpRequest, pk: int) -> HttpResponse:
    """Show it, once whoever asks has confirmed that where the model takes it for explicit."""
    example = example_with(request, pk)
    revealed = pk if not example.looks_explicit or request.POST.get("confirmed") else None
    if getattr(request, "htmx", False):
        context = {"example": example, "revealed": revealed}
        return render(request, "parts/veiled.html", context)
    report = triage_pages.with_story(example.report_id)
    escalated = report.status == Report.Status.ESCALATED
    page = safety_pages.case_page if escalated else triage_pages.case_page
    return page(request, report, revealed=revealed)
