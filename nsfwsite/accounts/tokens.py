"""The tokens of whoever is signed in: list them, make one, revoke one."""

import datetime

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from feedback.errors import Invalid, Refusal
from feedback.services import api_tokens
from nsfwsite.access import refusals_as_pages, signed_in_user, typed_text, with_refusal


@reauthentication_required(allow_get=True)
def overview(request: HttpRequest) -> HttpResponse:
    """List one's tokens, and make another once one has shown again who one is."""
    if request.method != "POST":
        return _overview(request)
    try:
        token, secret = api_tokens.add(
            owner=signed_in_user(request),
            name=typed_text(request, "name").strip(),
            scopes=request.POST.getlist("scopes"),
            expires_on=_day(request),
        )
    except Refusal as refusal:
        return with_refusal(_overview(request, refusal=refusal), refusal)
    return render(request, "account/token_added.html", {"token": token, "secret": secret})


def _day(request: HttpRequest) -> datetime.date:
    text = typed_text(request, "expires_on")
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise Invalid(
            rule="The last day of a token is a date such as 2026-12-31.",
            received=repr(text),
            remedy="Choose it in the calendar, or type it like that.",
        )
    return day


def _overview(request: HttpRequest, *, refusal: Refusal | None = None) -> HttpResponse:
    user = signed_in_user(request)
    context = {
        "refusal": refusal,
        "tokens": user.api_tokens.all(),
        "scopes": api_tokens.scopes_of_role(user),
        "first_day": timezone.localdate(),
        "last_day": api_tokens.last_possible_day(),
        "kept_days": api_tokens.KEPT.days,
        "typed": {
            "name": request.POST.get("name", ""),
            "scopes": request.POST.getlist("scopes"),
            "expires_on": request.POST.get("expires_on", ""),
        },
    }
    return render(request, "account/tokens.html", context)


@never_cache
@login_required
@refusals_as_pages
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    user = signed_in_user(request)
    token = get_object_or_404(user.api_tokens, pk=pk)
    api_tokens.revoke(token=token, by=user)
    messages.success(request, f"“{token.name}” is revoked. It opens nothing any more.")
    return redirect("tokens")
