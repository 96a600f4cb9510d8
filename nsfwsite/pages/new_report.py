"""The page on which people report that the model is wrong."""

import uuid

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from feedback.errors import ImagesRefused, Refusal
from feedback.models import Classification
from feedback.services import browser_scores
from modeltrain.audit.minimum import MINIMUM_IMAGES
from nsfwsite import throttle
from nsfwsite.access import form_page, with_invalid_form, with_refusal
from nsfwsite.intake import reporting
from nsfwsite.pages.report_form import ReportForm


@throttle.uploads_count("reports", "RATE_REPORTS")
@form_page
def show(request: HttpRequest) -> HttpResponse:
    classification = _classification(request.GET.get("classification", ""))
    if request.method != "POST":
        return _page(request, ReportForm(classification=classification))
    form = ReportForm(request.POST, request.FILES, classification=classification)
    if not form.is_valid():
        return with_invalid_form(_page(request, form))
    try:
        report, _ = reporting.file_report(
            uploads=form.cleaned_data["images"],
            pairs=form.pairs(),
            classification=classification,
            source=throttle.source_of(request),
            scores_by_sha256=browser_scores.parse(form.cleaned_data["browser"]),
            **form.idempotency(),
            **form.report_fields(),
        )
    except Refusal as refusal:
        _add_refusal(form, refusal)
        return with_refusal(_page(request, form), refusal)
    return redirect("receipt", receipt=report.receipt)


def _classification(pk: str) -> Classification | None:
    """The answered classification that the report is about, if the address names one."""
    if not pk:
        return None
    try:
        pk_value = uuid.UUID(pk)
    except ValueError:
        raise Http404 from None
    classification = Classification.objects.select_related("model").filter(pk=pk_value).first()
    if classification is None or classification.status != Classification.Status.DONE:
        raise Http404
    return classification


def _add_refusal(form: ReportForm, refusal: Refusal) -> None:
    if isinstance(refusal, ImagesRefused):
        broken = [f"{place}: {image}" for place, image in refusal.broken.items()]
        form.add_error("images", [refusal.rule, *broken, refusal.remedy])
    else:
        form.add_error(None, str(refusal))


def _page(request: HttpRequest, form: ReportForm) -> HttpResponse:
    context = {
        "form": form,
        "classification": form.classification,
        "minimum": MINIMUM_IMAGES,
        "minutes": settings.DEMO_IMAGE_MINUTES,
        "source_days": settings.SOURCE_DAYS,
        "collects_misses": settings.COLLECT_MISSES,
    }
    return render(request, "pages/new_report.html", context)
