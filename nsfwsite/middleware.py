"""What happens around every view."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from feedback.errors import BodyTooLarge
from nsfwsite.access import refusal_page
from nsfwsite.api import problems
from nsfwsite.body_limits import body_limit
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


class BodyLimit:
    """Refuse a body that is too large. The server does not even pass it on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        size = int(request.META.get("CONTENT_LENGTH") or 0)
        kind, limit = body_limit(request.path)
        if size <= limit:
            return self.get_response(request)
        refusal = BodyTooLarge(
            rule=f"A {kind} request must be at most {limit // 2**20} MiB ({limit:,} bytes).",
            received=f"{size:,} bytes",
            remedy="Make the images smaller, or send fewer at once.",
        )
        if request.path.startswith("/api/"):
            return problems.refusal_response(refusal)
        return refusal_page(request, refusal)
