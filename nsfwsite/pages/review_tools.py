"""What helps a reviewer on one picture: what each model says of it, and what moves its score."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from feedback.errors import Refusal
from feedback.models import StoredImage
from nsfwsite.access import refusal_page, reviewer_required
from nsfwsite.intake import classifying
from nsfwsite.pages.images import example_with


@never_cache
@reviewer_required
@require_http_methods(["GET", "HEAD", "POST"])
def occlusion(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask what moves the score, and see how far that is."""
    example = example_with(request, pk)
    case = reverse("case", args=[example.report_id])
    in_place = bool(getattr(request, "htmx", False))
    refused = None
    if request.method == "POST":
        try:
            classifying.occlude(image=StoredImage.objects.get(pk=pk))
        except Refusal as refusal:
            if not in_place:
                return refusal_page(request, refusal, back=case)
            refused = refusal
    if not in_place:
        return redirect(case)
    context = {"example": example, "refusal": refused, "afresh": True}
    return render(request, "parts/occlusion.html", context)


@never_cache
@reviewer_required
@require_safe
def models_said(request: HttpRequest, pk: int) -> HttpResponse:
    example = example_with(request, pk)
    return render(request, "parts/models_said.html", {"example": example})
