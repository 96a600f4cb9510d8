"""Try the model: send an image, see what it says, say that it is wrong."""

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from feedback.errors import ImageRefused, Refusal
from feedback.models import Classification, ModelVersion
from feedback.services import classifications
from nsfwsite import isolation, throttle
from nsfwsite.access import form_page, with_refusal
from nsfwsite.demo import samples
from nsfwsite.intake import classifying
from worker import heartbeat

Status = Classification.Status
# Most answers are there by then, so most visitors never see a page that waits.
FIRST_WAIT_SECONDS = 2.0


@form_page
def home(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _home(request)
    throttle.hit(request, scope="classifications", rate=settings.RATE_CLASSIFICATIONS)
    try:
        classification = classifying.classify(upload=_chosen(request))
        classifying.wait_for_answer(classification=classification, seconds=FIRST_WAIT_SECONDS)
        classifying.raise_if_refused(classification)
    except Refusal as refusal:
        return with_refusal(_home(request, refusal), refusal)
    return redirect("classification", pk=classification.pk)


def _chosen(request: HttpRequest) -> UploadedFile:
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


def _context(refusal: Refusal | None = None) -> dict[str, Any]:
    champion = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first()
    return {
        "refusal": refusal,
        "champion": champion,
        "samples": samples.all_samples(),
        "minutes": settings.DEMO_IMAGE_MINUTES,
        "mebibytes": settings.IMAGE_MAX_BYTES // 2**20,
        "away": not heartbeat.alive("inference"),
    }


def _home(request: HttpRequest, refusal: Refusal | None = None) -> HttpResponse:
    response = render(request, "demo/home.html", _context(refusal))
    response.headers["Permissions-Policy"] = isolation.CAMERA
    return response


@never_cache
@require_safe
def classification(request: HttpRequest, pk: str) -> HttpResponse:
    found = get_object_or_404(Classification.objects.select_related("model"), pk=pk)
    waits = found.status == Status.WAITING
    context = {
        "classification": found,
        "minutes": settings.DEMO_IMAGE_MINUTES,
        "waits": waits,
        "queue": heartbeat.queue_length("inference") if waits else 0,
        "away": waits and not heartbeat.alive("inference"),
    }
    if getattr(request, "htmx", False):
        return _news(request, context)
    try:
        classifying.raise_if_refused(found)
    except Refusal as refusal:
        return with_refusal(_home(request, refusal), refusal)
    response = render(request, "demo/classification.html", context)
    response.headers["Vary"] = "HX-Request, Cookie"
    return response


def _news(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The part that changes; a refusal reloads the page, which then has the form again."""
    if context["classification"].status in (Status.REFUSED, Status.FAILED):
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "demo/answer.html", context)


@require_POST
def right(request: HttpRequest, pk: str) -> HttpResponse:
    """Keep whether the answer was right; whoever says it was not may go on to report it."""
    throttle.hit(request, scope="classifications", rate=settings.RATE_CLASSIFICATIONS)
    found = get_object_or_404(Classification.objects.select_related("model"), pk=pk)
    said = request.POST.get("said") == "right"
    classifications.record_feedback(classification=found, right=said)
    if said:
        return redirect("classification", pk=pk)
    return redirect(f"{reverse('report')}?classification={pk}")


@require_safe
def sample(request: HttpRequest, name: str) -> HttpResponseBase:
    found = samples.find(name)
    if found is None:
        raise Http404
    response = FileResponse(found.path.open("rb"), content_type="image/png")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response
