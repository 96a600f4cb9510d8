"""What happens around every view."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from feedback.errors import BodyTooLarge
from nsfwsite.access import refusal_page
from nsfwsite.api import problems
from nsfwsite.refusal_status import FIRST_ERROR, METHOD_NOT_ALLOWED

CHUNK = 64 * 1024
# A client that is still sending sees the answer only after we have read this much of its body.
DRAIN_BYTES = 64 * 1024 * 1024


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


class BodyLimit:
    """Refuse a body that is too large before any of it is parsed or stored."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        size = int(request.META.get("CONTENT_LENGTH") or 0)
        kind = "report" if "report" in request.path else "classification"
        limit = settings.BODY_MAX_BYTES[kind]
        if size <= limit:
            return self.get_response(request)
        unread = min(size, DRAIN_BYTES)
        while unread > 0 and (chunk := request.read(min(CHUNK, unread))):
            unread -= len(chunk)
        refusal = BodyTooLarge(
            rule=f"A {kind} request must be at most {limit // 2**20} MiB.",
            received=f"{size / 2**20:.1f} MiB",
            remedy="Make the images smaller, or send fewer at once.",
        )
        if request.path.startswith("/api/"):
            return problems.refusal_response(refusal)
        return refusal_page(request, refusal)
