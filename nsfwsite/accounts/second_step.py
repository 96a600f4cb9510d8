"""Some accounts may be made to have a second step (`SECOND_STEP_REQUIRED`)."""

from collections.abc import Callable
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from feedback import roles


class SecondStepRequired:
    """Send whoever needs a second step, and has none, to the page where it is set up."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        if not settings.SECOND_STEP_REQUIRED or _is_open(request.path):
            return None
        if not _needs_one(request.user) or is_mfa_enabled(request.user):
            return None
        messages.warning(request, "Your rights need a second step here. Set one up to go on.")
        return redirect("account")


def _is_open(path: str) -> bool:
    return path.startswith(_open_addresses()) and not path.startswith(reverse("tokens"))


def _open_addresses() -> tuple[str, ...]:
    """Where it is set up, and the API: its tokens are made by those who have one."""
    return (reverse("account"), reverse("sign-in"), reverse("sign-out"), "/api/", "/health/")


def _needs_one(user: Any) -> bool:
    return bool(user.is_superuser or roles.is_maintainer(user) or roles.is_safety(user))
