"""Objections to what a label means: sent in, followed by receipt, rejected by a maintainer."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from feedback import queries
from feedback.errors import Refusal
from feedback.models import Objection
from feedback.services import definitions
from nsfwsite import throttle
from nsfwsite.access import maintainer_required, receipt_action, refusals_as_pages, signed_in_user
from nsfwsite.pages.definitions import definitions_page
from nsfwsite.pages.receipt import act_and_return, private


@require_POST
def send(request: HttpRequest) -> HttpResponse:
    try:
        throttle.hit(request, scope="reports", rate=settings.RATE_REPORTS)
        objection = definitions.object_to(
            label=request.POST.get("label", ""), words=request.POST.get("words", "")
        )
    except Refusal as refusal:
        return definitions_page(request, refusal=refusal)
    return redirect("objection", receipt=objection.receipt)


@never_cache
@require_safe
def show(request: HttpRequest, receipt: str) -> HttpResponse:
    objection = get_object_or_404(Objection, receipt=receipt)
    newest = queries.definitions.definition_of(objection.label)
    context = {
        "objection": objection,
        "url": request.build_absolute_uri(),
        "newest": newest if newest.version > objection.version else None,
    }
    return private(render(request, "pages/objection.html", context))


@receipt_action
def withdraw(request: HttpRequest, receipt: str) -> HttpResponse:
    objection = get_object_or_404(Objection, receipt=receipt)
    return act_and_return(
        request, "objection", receipt, lambda: definitions.withdraw(objection=objection)
    )


@maintainer_required
@refusals_as_pages
@require_POST
def reject(request: HttpRequest, pk: int) -> HttpResponse:
    definitions.reject(
        objection=get_object_or_404(Objection, pk=pk),
        reason=request.POST.get("reason", ""),
        by=signed_in_user(request),
    )
    messages.success(request, "Rejected. Whoever objected reads why.")
    return redirect("definitions")
