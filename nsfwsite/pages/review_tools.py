"""What helps a reviewer with one image: what each model says of it, and what moves its score."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback.errors import Refusal
from feedback.models import StoredImage
from nsfwsite.access import form_page, refusal_page, reviewer_required, wants_fragment
from nsfwsite.intake import classifying
from nsfwsite.pages.images import example_with


@never_cache
@reviewer_required
@form_page
def occlusion(request: HttpRequest, pk: int) -> HttpResponse:
    """Request the map of what moves the score, and show how far it has come."""
    example = example_with(request, pk)
    case_url = reverse("case", args=[example.report_id])
    is_fragment = wants_fragment(request)
    shown_refusal = None
    if request.method == "POST":
        try:
            classifying.request_occlusion(image=StoredImage.objects.get(pk=pk))
        except Refusal as refusal:
            if not is_fragment:
                return refusal_page(request, refusal, back=case_url)
            shown_refusal = refusal
    if not is_fragment:
        return redirect(case_url)
    context = {"example": example, "refusal": shown_refusal, "afresh": True}
    return render(request, "parts/occlusion.html", context)


@never_cache
@reviewer_required
@require_safe
def model_answers(request: HttpRequest, pk: int) -> HttpResponse:
    example = example_with(request, pk)
    return render(request, "parts/model_answers.html", {"example": example})
