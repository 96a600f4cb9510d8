"""Reported images: blurred at first, and every look is logged."""

from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from feedback import roles
from feedback.models import Example, Report
from feedback.services import images, safety
from nsfwsite.access import image_viewer_required, signed_in_user, wants_fragment
from nsfwsite.pages import case, safety_case


def may_see(user: Any, report: Report) -> bool:
    """Reviewers see reports that were screened and not escalated; safety sees escalated ones."""
    if report.status == Report.Status.ESCALATED:
        return roles.is_safety(user)
    return roles.is_reviewer(user) and case.may_see(report)


def example_with(request: HttpRequest, image: int) -> Example:
    """The reported example that holds this image, if this person may see it."""
    examples = (
        Example.objects.filter(image=image)
        .select_related("image", "report")
        .prefetch_related("scores__model")
    )
    # A golden case shares its images with a decided report; the open one counts.
    example = max(examples, key=lambda example: example.report.status in Report.OPEN, default=None)
    if example is None or not may_see(request.user, example.report):
        raise Http404
    return example


@image_viewer_required
@require_safe
def image(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The blurred image, or with `?clear` the image itself, which logs who saw it."""
    example = example_with(request, pk)
    if example.image is None:
        raise Http404
    response: HttpResponseBase
    if "clear" in request.GET:
        safety.record_view(example=example, by=signed_in_user(request))
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
    """Show an image; one that the model takes for explicit needs a confirmation first."""
    example = example_with(request, pk)
    revealed = pk if not example.looks_explicit or request.POST.get("confirmed") else None
    if wants_fragment(request):
        context = {"example": example, "revealed": revealed}
        return render(request, "parts/blurred_image.html", context)
    report = case.report_with_history(example.report_id)
    escalated = report.status == Report.Status.ESCALATED
    page = safety_case.case_page if escalated else case.case_page
    return page(request, report, revealed=revealed)
