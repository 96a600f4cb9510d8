"""Sign in, and go to where a role's work starts."""

from django.conf import settings
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from feedback import roles
from nsfwsite import throttle


class SignIn(LoginView):
    template_name = "pages/sign_in.html"
    redirect_authenticated_user = True
    http_method_names = ["get", "head", "post"]

    def post(self, request: HttpRequest, *args: str, **kwargs: object) -> HttpResponse:
        throttle.hit(request, scope="sign-in", rate=settings.RATE_SIGN_IN)
        return super().post(request, *args, **kwargs)

    def get_default_redirect_url(self) -> str:
        """The page where a person with a role starts to work; the home page for anybody else."""
        if roles.is_reviewer(self.request.user):
            return reverse("triage")
        if roles.is_safety(self.request.user):
            return reverse("safety")
        return reverse("agreement" if roles.is_auditor(self.request.user) else "home")


def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """Send everybody to one sign-in page: the admin's own does not limit guesses."""
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next", ""))
