"""Sign in, and go to where a role's work starts."""

import datetime

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from feedback import roles
from nsfwsite import throttle

KNOWN_BROWSER = "known_browser"
YEAR = datetime.timedelta(days=365)


class SignIn(LoginView):
    template_name = "pages/sign_in.html"
    redirect_authenticated_user = True
    http_method_names = ["get", "head", "post"]

    def post(self, request: HttpRequest, *args: str, **kwargs: object) -> HttpResponse:
        throttle.hit(request, scope="sign-in", rate=settings.RATE_SIGN_IN)
        name = request.POST.get("username", "")
        if not constant_time_compare(request.COOKIES.get(KNOWN_BROWSER, ""), _proof(name)):
            throttle.hit_account(name, rate=settings.RATE_ACCOUNT)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Remember that this browser knows the account, so that nobody can lock its owner out.

        https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies
        """
        response = super().form_valid(form)
        response.set_cookie(
            KNOWN_BROWSER,
            _proof(form.get_user().get_username()),
            max_age=YEAR,
            path=reverse("sign-in"),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        return response

    def get_default_redirect_url(self) -> str:
        """The page where a person with a role starts to work; the home page for anybody else."""
        if roles.is_reviewer(self.request.user):
            return reverse("triage")
        if roles.is_safety(self.request.user):
            return reverse("safety")
        return reverse("agreement" if roles.is_auditor(self.request.user) else "home")


def _proof(name: str) -> str:
    return salted_hmac("signed in here", name.strip().lower(), algorithm="sha256").hexdigest()


def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """Send everybody to one sign-in page: the admin's own does not limit guesses."""
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next", ""))
