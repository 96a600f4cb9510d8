"""What is done for every request before a view sees it."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from feedback.errors import BodyTooLarge
from nsfwsite.api import problems
from nsfwsite.http import status_of

CHUNK = 64 * 1024
# A client that is still sending hears the answer only after we have read this much of it.
DRAIN_BYTES = 64 * 1024 * 1024


class Worded:
    """No error without words: problem+json under /api/, a page elsewhere."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code < 400:
            return response
        if not request.path.startswith("/api/"):
            if response.status_code == 405 and not response.content:
                response.content = render_to_string("405.html")
        elif response.headers.get("Content-Type") != problems.CONTENT_TYPE:
            problems.word(response)
        response.headers["Content-Length"] = str(len(response.content))
        return response


class BodyLimit:
    """Refuse a body that is too large before any of it is parsed or kept."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        size = int(request.META.get("CONTENT_LENGTH") or 0)
        kind = "report" if "report" in request.path else "classification"
        limit = settings.BODY_MAX_BYTES[kind]
        if size <= limit:
            return self.get_response(request)
        left = min(size, DRAIN_BYTES)
        while left > 0 and (chunk := request.read(min(CHUNK, left))):
            left -= len(chunk)
        refusal = BodyTooLarge(
            rule=f"A {kind} request must be at most {limit // 2**20} MiB.",
            received=f"{size / 2**20:.1f} MiB",
            remedy="Make the images smaller, or send fewer at once.",
        )
        if request.path.startswith("/api/"):
            return problems.response(refusal)
        status = status_of(refusal)
        return render(request, "refusal.html", {"refusal": refusal}, status=status)
