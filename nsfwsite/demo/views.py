"""Try the model: send an image, see what it says, say that it is wrong."""

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from feedback import queries
from feedback.errors import ImageRefused, Refusal
from feedback.models import Classification
from feedback.services import classifications
from modeltrain.images.codec import Limits
from nsfwsite import cross_origin_isolation, throttle
from nsfwsite.access import form_page, wants_fragment, with_refusal
from nsfwsite.demo import samples
from nsfwsite.intake import classifying
from nsfwsite.shared_pages import shared_page
from worker import heartbeat

Status = Classification.Status
# Most answers arrive within this time, so most visitors never see the waiting page.
FIRST_WAIT_SECONDS = 2.0


@throttle.uploads_count("classifications", "RATE_CLASSIFICATIONS")
@form_page
@shared_page
def home(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _home(request)
    try:
        classification = classifying.classify(upload=_submitted_image(request))
        classifying.wait_for_answer(classification=classification, seconds=FIRST_WAIT_SECONDS)
        classifying.raise_if_refused(classification)
    except Refusal as refusal:
        return with_refusal(_home(request, refusal), refusal)
    return redirect("classification", pk=classification.pk)


def _submitted_image(request: HttpRequest) -> UploadedFile:
    """The file that was sent, or the sample that was pressed."""
    if name := request.POST.get("sample"):
        sample = samples.find(name)
        if sample is None:
            raise Http404
        return sample.upload()
    upload = request.FILES.get("image")
    if upload is None:
        raise ImageRefused(
            rule="One image is needed.",
            received="no file",
            remedy="Choose an image from your device, or try one of ours.",
        )
    return upload


def _home(request: HttpRequest, refusal: Refusal | None = None) -> HttpResponse:
    context = {
        "refusal": refusal,
        "champion": queries.models.champion(),
        "answering": queries.models.in_serving_order().first(),
        "samples": samples.all_samples(),
        "minutes": settings.DEMO_IMAGE_MINUTES,
        "mebibytes": Limits.max_bytes // 2**20,
        "worker_is_away": not heartbeat.alive("inference"),
    }
    response = render(request, "demo/home.html", context)
    response.headers["Permissions-Policy"] = cross_origin_isolation.CAMERA
    return response


@never_cache
@require_safe
def classification(request: HttpRequest, pk: str) -> HttpResponse:
    classification = get_object_or_404(Classification.objects.select_related("model"), pk=pk)
    waiting = classification.status == Status.WAITING
    context = {
        "classification": classification,
        "minutes": settings.DEMO_IMAGE_MINUTES,
        "waiting": waiting,
        "poll_seconds": classifying.poll_seconds(classification),
        "queue_length": heartbeat.queue_length("inference") if waiting else 0,
        "worker_is_away": waiting and not heartbeat.alive("inference"),
    }
    if wants_fragment(request):
        return _answer(request, context)
    try:
        classifying.raise_if_refused(classification)
    except Refusal as refusal:
        return with_refusal(_home(request, refusal), refusal)
    response = render(request, "demo/classification.html", context)
    response.headers["Vary"] = "HX-Request, Cookie"
    return response


def _answer(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The fragment with the answer. A refusal reloads the page, which then has the form again."""
    if context["classification"].status in (Status.REFUSED, Status.FAILED):
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "demo/answer.html", context)


@require_POST
def right(request: HttpRequest, pk: str) -> HttpResponse:
    """Store whether the answer was right. A visitor who calls it wrong may go on to report it."""
    throttle.hit(request, scope="classifications", rate=settings.RATE_CLASSIFICATIONS)
    classification = get_object_or_404(Classification.objects.select_related("model"), pk=pk)
    is_right = request.POST.get("said") == "right"
    classifications.record_feedback(classification=classification, right=is_right)
    if is_right:
        return redirect("classification", pk=pk)
    return redirect(f"{reverse('report')}?classification={pk}")


@require_safe
def sample(request: HttpRequest, name: str) -> HttpResponseBase:
    sample = samples.find(name)
    if sample is None:
        raise Http404
    response = FileResponse(sample.path.open("rb"), content_type="image/png")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response
