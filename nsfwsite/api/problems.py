"""Errors as application/problem+json (RFC 9457)."""

import json
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from feedback.errors import ImagesRefused, Refusal
from nsfwsite.http import headers_of, status_of

CONTENT_TYPE = "application/problem+json"
WORDS = {
    400: "The request cannot be read: it is damaged, has too many parts, or names another host.",
    404: "There is nothing at this address. Each one ends with a slash.",
    500: "Something broke on our side. It was written down for whoever runs this site.",
}


def body_of(refusal: Refusal) -> dict[str, Any]:
    body = {
        "type": "about:blank",
        "title": refusal.title,
        "status": status_of(refusal),
        "detail": str(refusal),
        **_said(refusal),
    }
    if isinstance(refusal, ImagesRefused):
        body["images"] = [{"image": place, **_said(one)} for place, one in refusal.broken.items()]
    return body


def _said(refusal: Refusal) -> dict[str, str]:
    return {"rule": refusal.rule, "received": refusal.received, "way_out": refusal.remedy}


def response(refusal: Refusal) -> HttpResponse:
    """The same answer outside of the API's views."""
    return JsonResponse(
        body_of(refusal),
        status=status_of(refusal),
        content_type=CONTENT_TYPE,
        headers=headers_of(refusal),
    )


def word(response: HttpResponse) -> None:
    """Say in JSON what was answered before any view of the API could say it."""
    status = HTTPStatus(response.status_code)
    response.content = json.dumps(_plain(status, WORDS.get(status, status.description)))
    response.headers["Content-Type"] = CONTENT_TYPE


def _plain(status: HTTPStatus, detail: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),  # YAML, which the schema is asked for in, knows no HTTPStatus
        "detail": detail,
    }


def handler(problem: Exception, context: dict[str, Any]) -> Response | None:
    if isinstance(problem, Refusal):
        return Response(
            body_of(problem),
            status=status_of(problem),
            content_type=CONTENT_TYPE,
            headers=headers_of(problem),
        )
    if isinstance(problem, Http404):
        problem = exceptions.NotFound()
    elif isinstance(problem, PermissionDenied):
        problem = exceptions.PermissionDenied()
    answer = exception_handler(problem, context)
    if answer is None or not isinstance(problem, exceptions.APIException):
        return answer
    answer.data = _plain(HTTPStatus(answer.status_code), _detail(problem))
    if isinstance(problem, exceptions.ValidationError):
        answer.data["errors"] = problem.detail
    answer.content_type = CONTENT_TYPE
    return answer


def _detail(problem: exceptions.APIException) -> str:
    detail = problem.detail
    if isinstance(detail, dict):
        return " ".join(f"{field}: {_first(errors)}" for field, errors in detail.items())
    return _first(detail)


def _first(detail: Any) -> str:
    if isinstance(detail, dict):
        return _first(list(detail.values()))
    return _first(detail[0]) if isinstance(detail, list) and detail else str(detail)
