"""Sessions end by themselves: some hours after the last request, some days after signing in."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

BEGAN, SEEN = "began", "seen"
# A request is noted at most this many times in the hours after which a session ends.
NOTES = 12


class SessionLimits:
    """Renew the session of somebody who is at work, until it is too old.

    Django ends a session `SESSION_COOKIE_AGE` seconds after it was last stored, so it is stored
    again from time to time.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            _renew(request)
        return self.get_response(request)


def _renew(request: HttpRequest) -> None:
    now, session = int(time.time()), request.session
    if now - session.setdefault(BEGAN, now) > settings.SESSION_DAYS * 24 * 3600:
        logout(request)
    elif now - session.get(SEEN, 0) > settings.SESSION_COOKIE_AGE / NOTES:
        session[SEEN] = now
