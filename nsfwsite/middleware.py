"""What happens around every view."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

from csp.constants import SELF
from csp.decorators import csp_replace
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.template.loader import render_to_string
from django.views import defaults

from feedback.disk import storage_full
from feedback.errors import BodyTooLarge, Refusal, TooManyRequests, Unencrypted, Unreadable
from nsfwsite import throttle
from nsfwsite.access import refusal_page
from nsfwsite.api import problems
from nsfwsite.body_limits import BODY_ERROR, body_limit
from nsfwsite.detector import contract
from nsfwsite.refusal_status import FIRST_ERROR, METHOD_NOT_ALLOWED


class ErrorBodies:
    """Give every error a body that explains it: problem+json under /api/, a page elsewhere."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code < FIRST_ERROR:
            return response
        if not request.path.startswith("/api/"):
            if response.status_code == METHOD_NOT_ALLOWED and not response.content:
                response.content = render_to_string("405.html")
        elif response.headers.get("Content-Type") != problems.CONTENT_TYPE:
            problems.as_problem(response)
        response.headers["Content-Length"] = str(len(response.content))
        return response


class AdminPolicy:
    """Allow what the admin's scripts need: they have no nonce, and their jQuery makes markup from
    text, which `admin-trusted-types.js` sanitises."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        allowed = {"script-src": [SELF], "trusted-types": ["default", "dompurify"]}
        self.get_admin_response = csp_replace(allowed)(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith("/admin/"):
            return self.get_admin_response(request)
        return self.get_response(request)


class ApiFinalSlash:
    """Answer at the API without a final slash as with it. A redirect would lose a body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("/api/v1") and not request.path_info.endswith("/"):
            request.path_info += "/"
            request.path += "/"
        return self.get_response(request)


class ApiOverHttps:
    """Refuse a call of the API without HTTPS where the site has it. A redirect would hide that the
    token was sent for everybody to read."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not settings.HTTPS or request.is_secure() or not _is_for_programs(request):
            return self.get_response(request)
        return _refuse(
            request,
            Unencrypted(
                rule="The API is called over HTTPS.",
                received="a call without it",
                remedy="Use https://. If you sent a token, have it replaced: it could be read.",
            ),
        )


class CountedUploads:
    """Charge a visitor for an upload before its body is parsed. It comes before everything that
    reads forms: the check for null characters, and that against forgery."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *_: Any) -> HttpResponse | None:
        limit = getattr(view, "counted", None)
        if limit is None or request.method != "POST":
            return None
        try:
            throttle.hit_upload(request, scope=limit.scope, rate=getattr(settings, limit.setting))
        except TooManyRequests as refusal:
            return refusal_page(request, refusal, back=request.get_full_path())
        return None


class NullCharacters:
    """Refuse a null character in an address, a cookie or a form: no text has one, and PostgreSQL
    stores none. It comes before sessions, whose keys are read from the database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        texts = [request.path_info, *_texts(request.GET), *request.COOKIES.values()]
        if any("\0" in text for text in texts):
            return _refuse_null(request)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        # Serializers read the fields of the API, and refuse it there.
        if _is_for_programs(request) or not any("\0" in t for t in _texts(request.POST)):
            return None
        return _refuse_null(request)


def _is_for_programs(request: HttpRequest) -> bool:
    """Whether a view reads the body of this request itself."""
    return request.path.startswith("/api/") or contract.is_for_detector(request)


def _texts(fields: QueryDict) -> Iterator[str]:
    for name, values in fields.lists():
        yield name
        yield from values


def _refuse_null(request: HttpRequest) -> HttpResponse:
    return _refuse(
        request,
        Unreadable(
            rule="Addresses, cookies and forms are text without null characters.",
            received="a null character (%00)",
            remedy="Leave it out.",
        ),
    )


def _refuse(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    if contract.is_for_detector(request):
        return contract.refuse(request, refusal)
    if request.path.startswith("/api/"):
        return problems.refusal_response(refusal)
    return refusal_page(request, refusal)


def server_error(request: HttpRequest) -> HttpResponse:
    """The answer to an exception that nothing expected, while it is handled."""
    full = storage_full(sys.exc_info()[1])
    if full is None:
        return defaults.server_error(request)
    request.user = AnonymousUser()  # the database may not even be readable
    return _refuse(request, full)


class BodyLimit:
    """Refuse a body that is too large, or that did not fit the disk. The server does not pass it
    on, and sets `BODY_ERROR` to what went wrong."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if full := storage_full(request.META.get(BODY_ERROR)):
            return _refuse(request, full)
        size = int(request.META.get("CONTENT_LENGTH") or 0)
        kind, limit = body_limit(request.path)
        if size <= limit:
            return self.get_response(request)
        return _refuse(
            request,
            BodyTooLarge(
                rule=f"A {kind} request must be at most {limit // 2**20} MiB ({limit:,} bytes).",
                received=f"{size:,} bytes",
                remedy="Make the images smaller, or send fewer at once.",
            ),
        )
