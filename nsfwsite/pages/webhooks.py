"""Webhooks: add one, see what was delivered, send it again."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from feedback import queries
from feedback.errors import Refusal
from feedback.models import WebhookDelivery
from feedback.services import webhooks
from nsfwsite.access import (
    form_page,
    maintainer_required,
    refusals_as_pages,
    signed_in_user,
    typed_text,
    with_refusal,
)
from nsfwsite.intake import maintaining

PAGE_SIZE = 50


@never_cache
@maintainer_required
@form_page
def overview(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _overview(request)
    try:
        webhook = maintaining.add_webhook(
            url=typed_text(request, "url"),
            events=request.POST.getlist("events"),
            account=typed_text(request, "account"),
            by=signed_in_user(request),
        )
    except Refusal as refusal:
        return with_refusal(_overview(request, refusal=refusal), refusal)
    context = {"webhook": webhook, "secret": webhooks.secret_of(webhook)}
    return render(request, "pages/webhook_added.html", context)


def _overview(request: HttpRequest, *, refusal: Refusal | None = None) -> HttpResponse:
    context = {
        "refusal": refusal,
        "webhooks": queries.webhooks.with_counts(),
        "events": webhooks.CHOICES,
        "typed": {
            "url": request.POST.get("url", ""),
            "account": request.POST.get("account", ""),
            "events": request.POST.getlist("events"),
        },
        "accounts": User.objects.filter(is_active=True).order_by("username"),
    }
    return render(request, "pages/webhooks.html", context)


@never_cache
@maintainer_required
@refusals_as_pages
@form_page
def show(request: HttpRequest, pk: int) -> HttpResponse:
    webhook = get_object_or_404(queries.webhooks.with_counts(), pk=pk)
    if request.method == "POST":
        if request.POST.get("action") == "delete":
            webhooks.delete(webhook=webhook, by=signed_in_user(request))
            messages.success(request, "Deleted. Nothing is sent there any more.")
            return redirect("webhooks")
        maintaining.turn_on_webhook(webhook=webhook)
        messages.success(request, "It is on. What waited is sent now.")
        return redirect("webhook", pk=pk)
    page = Paginator(webhook.deliveries.all(), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "pages/webhook.html", {"webhook": webhook, "page": page})


@maintainer_required
@refusals_as_pages
@require_POST
def send_again(request: HttpRequest, pk: int, delivery: UUID) -> HttpResponse:
    row = get_object_or_404(WebhookDelivery, pk=delivery, webhook=pk)
    maintaining.send_again(delivery=row)
    messages.success(request, "It is sent again.")
    return redirect("webhook", pk=pk)
