"""Bursts of reports: release them into the queue, or reject them together."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from feedback.errors import Refusal
from feedback.models import Burst
from feedback.services import quarantine
from nsfwsite.access import (
    maintainer_required,
    refusal_page,
    reviewer_required,
    signed_in_user,
    typed_text,
)


@never_cache
@reviewer_required
@require_POST
def release(request: HttpRequest, pk: int) -> HttpResponse:
    count = quarantine.release(burst=get_object_or_404(Burst, pk=pk), by=signed_in_user(request))
    messages.success(request, f"{count} reports are in the queue now, each at its own time.")
    return redirect("triage")


@never_cache
@maintainer_required
@require_POST
def reject(request: HttpRequest, pk: int) -> HttpResponse:
    burst = get_object_or_404(Burst, pk=pk)
    try:
        rejected, remaining = quarantine.reject(
            burst=burst, by=signed_in_user(request), reason=typed_text(request, "reason")
        )
    except Refusal as refusal:
        return refusal_page(request, refusal)
    more = f" {remaining} are left; press again." if remaining else ""
    messages.success(request, f"{rejected} reports are rejected.{more}")
    return redirect("triage")
