"""Try the model: send an image, see what it says, say that it is wrong."""

from dataclasses import dataclass
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
from feedback.models import Audit, Classification, ModelVersion, SampleAnswer
from feedback.services import classifications, samples
from modeltrain import labels
from modeltrain.audit import claims
from modeltrain.images.codec import Limits
from nsfwsite import cross_origin_isolation, throttle
from nsfwsite.access import form_page, wants_fragment, with_refusal
from nsfwsite.intake import classifying
from nsfwsite.shared_pages import shared_page
from nsfwsite.tables.titles import load_titles
from worker import heartbeat

Status = Classification.Status
# Most answers arrive within this time, so most visitors never see the waiting page.
FIRST_WAIT_SECONDS = 2.0
# The README opens with it, too.
FIRST_SENTENCE = (
    "SpeakUp tests a filter for nudity (“NSFW”) in public: try it, report where it is wrong and "
    "for whom, and see what your report changed."
)


@dataclass(frozen=True)
class AnsweredSample:
    """A sample as the home page shows it, with what the model says about it, if it has."""

    sample: samples.Sample
    answer: SampleAnswer | None

    @property
    def name(self) -> str:
        return self.sample.name

    @property
    def title(self) -> str:
        return self.sample.title

    @property
    def kind(self) -> str:
        return self.sample.kind

    @property
    def is_right(self) -> bool:
        return self.answer is not None and self.answer.label == self.sample.label


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
    model = queries.models.in_serving_order().first()
    answered_samples = _answered_samples(model)
    examples = _examples(answered_samples)
    context = {
        "refusal": refusal,
        "first_sentence": FIRST_SENTENCE,
        "safe_labels": [label for label in labels.LABELS if label not in labels.NSFW],
        "nsfw_labels": [label for label in labels.LABELS if label in labels.NSFW],
        "champion": queries.models.champion(),
        "answering": model,
        "samples": answered_samples,
        "examples": examples,
        "figure": _figure(model, examples) if model else None,
        "minutes": settings.DEMO_IMAGE_MINUTES,
        "mebibytes": Limits.max_bytes // 2**20,
        "worker_is_away": not heartbeat.alive("inference"),
    }
    response = render(request, "demo/home.html", context)
    response.headers["Permissions-Policy"] = cross_origin_isolation.CAMERA
    return response


def _answered_samples(model: ModelVersion | None) -> list[AnsweredSample]:
    answers = samples.answers_of(model) if model else {}
    return [AnsweredSample(sample, answers.get(sample.sha256)) for sample in samples.all_samples()]


def _examples(answered_samples: list[AnsweredSample]) -> list[AnsweredSample]:
    """A sample that the model gets wrong, and one that it gets right, as far as there are such."""
    answered = [sample for sample in answered_samples if sample.answer]
    wrong = [sample for sample in answered if not sample.is_right]
    right = [sample for sample in answered if sample.is_right]
    return wrong[:1] + right[:1]


def _figure(model: ModelVersion, examples: list[AnsweredSample]) -> dict[str, Any] | None:
    """How often harmless images are hidden, by the latest audit, and what may be claimed about it.

    The mistake that the first example shows has a sentence too.
    """
    audit = queries.audits.audit_of(model)
    if audit is None or audit.status != Audit.Status.DONE or not audit.figures:
        return None
    measures: list[str] = [labels.ErrorKind.FALSE_ALARM]
    if examples and examples[0].answer and not examples[0].is_right:
        measures.append(
            labels.error_kind(expected=examples[0].sample.label, predicted=examples[0].answer.label)
        )
    figures, titles = audit.figures, load_titles()
    headlines = [claims.headline_of(figures, measure) for measure in dict.fromkeys(measures)]
    false_alarms = headlines[0]
    if false_alarms is None or false_alarms["kind"] == claims.NO_IMAGES:
        return None
    low, high = false_alarms["low"], false_alarms["high"]
    return {
        "rate": false_alarms["rate"],
        "sentences": [claims.sentence(headline, titles) for headline in headlines if headline],
        "bar": f"{false_alarms['rate'] * 100:.2f}",
        "bar_low": f"{low * 100:.2f}",
        "bar_range": f"{(high - low) * 100:.2f}",
    }


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
