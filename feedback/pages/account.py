from django.conf import settings
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse

from feedback import throttle


class SignIn(LoginView):
    template_name = "feedback/sign_in.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: str, **kwargs: object) -> HttpResponse:
        throttle.hit(request, scope="sign-in", rate=settings.RATE_SIGN_IN)
        return super().post(request, *args, **kwargs)
