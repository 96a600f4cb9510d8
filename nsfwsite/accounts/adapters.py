"""What django-allauth asks this site: where people go, what it keeps, and how secrets are kept."""

import base64
import datetime
import hashlib
import ipaddress
import threading
import time
from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY as METHODS_SESSION_KEY
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.contrib import messages
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from feedback import roles
from feedback.errors import WrongState
from nsfwsite import throttle
from nsfwsite.accounts import sessions

log = structlog.get_logger()
YEAR = datetime.timedelta(days=365)
LOCAL_NETWORK = "127.0.0.0"  # a Unix socket has no address


def browser_is_known(request: HttpRequest, name: str) -> bool:
    """Whether somebody signed in to this account from this browser before."""
    proof = request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, "")
    return constant_time_compare(proof, _proof(name))


def _proof(name: str) -> str:
    return salted_hmac("signed in here", name.strip().lower(), algorithm="sha256").hexdigest()


class AccountAdapter(DefaultAccountAdapter):
    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """The page where a person with a role starts to work; the home page for anybody else."""
        if roles.is_reviewer(request.user):
            return reverse("triage")
        if roles.is_safety(request.user):
            return reverse("safety")
        return reverse("agreement" if roles.is_auditor(request.user) else "home")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")

    def post_login(self, request: HttpRequest, user: Any, **options: Any) -> HttpResponse:
        """Remember that this browser knows the account, so that nobody can lock its owner out.

        https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies
        """
        response = super().post_login(request, user, **options)
        request.session[sessions.BEGAN] = int(time.time())
        log.info(
            "signed in",
            account=user.pk,
            by=[method["method"] for method in request.session.get(METHODS_SESSION_KEY, [])],
            network=self.get_client_ip(request),
        )
        response.set_cookie(
            settings.KNOWN_BROWSER_COOKIE_NAME,
            _proof(user.get_username()),
            max_age=YEAR,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        return response

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        messages.warning(request, "This account is closed. Ask whoever runs this site.")
        return redirect("sign-in")

    def get_client_ip(self, request: HttpRequest) -> str:
        """The network that a person signed in from, as it is shown to them: /24 or /48."""
        address = throttle.address_of(request).partition("/")[0]
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return LOCAL_NETWORK
        size = 24 if parsed.version == 4 else 48
        return str(ipaddress.ip_network((parsed, size), strict=False).network_address)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send an e-mail while the page is answered: how long that takes tells nobody whether an
        account has this address."""
        message = self.render_mail(template_prefix, email, context)
        threading.Thread(target=_deliver, args=(message,), name="email").start()


def _deliver(message: EmailMessage) -> None:
    try:
        message.send()
    except OSError as problem:  # smtplib's errors, too
        log.error("an e-mail about a password was not sent", problem=type(problem).__name__)


class SecondFactorAdapter(DefaultMFAAdapter):
    """Secrets of second factors are encrypted with a key made from SECRET_KEY."""

    def _get_site_name(self) -> str:
        return "SpeakUp"

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            raise WrongState(
                rule="A second factor works as long as SECRET_KEY is the one it was set up with.",
                received="one that was set up with another key",
                remedy="Ask whoever runs this site to remove it at /admin/, and set it up again.",
            ) from None


def _cipher() -> Fernet:
    key = hashlib.sha256(b"second factors" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


class ProviderAdapter(DefaultSocialAccountAdapter):
    """An account elsewhere opens an account here once its owner connected the two."""

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: Any) -> str:
        return reverse("account")
