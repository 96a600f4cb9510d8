"""Sign in, and manage how one signs in. django-allauth does the work; this limits the guesses."""

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import structlog
from allauth.account.adapter import get_adapter
from allauth.account.internal.stagekit import get_pending_stage
from allauth.account.views import LoginView
from allauth.mfa.base.views import IndexView
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.views import ConnectionsView
from allauth.usersessions.models import UserSession
from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from feedback.errors import WrongState
from nsfwsite import throttle
from nsfwsite.access import View, refusals_as_pages, signed_in_user
from nsfwsite.accounts.adapters import browser_is_known

log = structlog.get_logger()
FORM_AGAIN = 200
Names = Callable[[HttpRequest], str]


def posted_name(request: HttpRequest) -> str:
    return request.POST.get("login", "")


def pending_name(request: HttpRequest) -> str:
    """Whose password was right and whose second step is awaited."""
    stage = get_pending_stage(request)
    return stage.login.user.get_username() if stage and stage.login.user else ""


def own_name(request: HttpRequest) -> str:
    return request.user.get_username()


def limit_guesses(name_of: Names | None, view: View) -> View:
    """Count every password and code that is sent: by address, and by account unless the browser
    is known to it."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST":
            throttle.hit(request, scope="sign-in", rate=settings.RATE_SIGN_IN)
            name = name_of(request) if name_of else ""
            if name and not browser_is_known(request, name):
                throttle.hit_account(name, rate=settings.RATE_ACCOUNT)
        response = view(request, *args, **kwargs)
        if request.method == "POST" and response.status_code == FORM_AGAIN:
            _log_failure(request, name_of(request) if name_of else "")
        return response

    return refusals_as_pages(wrapped)


def _log_failure(request: HttpRequest, name: str) -> None:
    """Log whose password, code or passkey was wrong. A name that no account has is left out: it
    may be a password that was typed into the wrong field."""
    account = User.objects.filter(username__iexact=name).values_list("pk", flat=True).first()
    match = request.resolver_match
    log.warning(
        "password or code refused",
        account=account,
        step=match.url_name if match else "",
        network=get_adapter().get_client_ip(request),
    )


def limit_emails(view: View) -> View:
    """Count each request for an e-mail, by network address and by mailbox, whether or not the
    mailbox has an account. Without a mail server, refuse it."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.SENDS_MAIL:
            raise WrongState(
                rule="A new password is sent where the operator has set up mail.",
                received="a request for one",
                remedy="Ask whoever runs this site to set one for you.",
            )
        if request.method == "POST":
            throttle.hit(request, scope="mail", rate=settings.RATE_MAIL)
            throttle.hit_mailbox(request.POST.get("email", ""), rate=settings.RATE_MAILBOX)
        return view(request, *args, **kwargs)

    return refusals_as_pages(wrapped)


def sends_to_provider(view: View) -> View:
    """A page with a form that leads to the provider: browsers follow it there only if allowed."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.OIDC_SERVER_URL:
            return view(request, *args, **kwargs)
        provider = urlsplit(settings.OIDC_SERVER_URL)
        origin = f"{provider.scheme}://{provider.netloc}"
        return csp_update({"form-action": [origin]})(view)(request, *args, **kwargs)

    return wrapped


class SignIn(LoginView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {
            "provider": settings.OIDC_NAME if settings.OIDC_SERVER_URL else "",
            "sends_mail": settings.SENDS_MAIL,
        }


class Account(IndexView):
    template_name = "account/account.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = signed_in_user(self.request)
        return super().get_context_data(**kwargs) | {
            "sessions": UserSession.objects.purge_and_list(user),
            "provider": settings.OIDC_NAME if settings.OIDC_SERVER_URL else "",
            "connections": SocialAccount.objects.filter(user=user),
        }


class Disconnect(ConnectionsView):
    def form_invalid(self, form: Form) -> HttpResponse:
        for problems in form.errors.values():
            for problem in problems:
                messages.warning(self.request, str(problem))
        return redirect("account")


def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """Send everybody to one sign-in page: the admin's own does not limit guesses."""
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next", ""))
