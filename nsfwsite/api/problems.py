"""Errors as application/problem+json (RFC 9457)."""

import json
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from feedback.errors import ChallengeNeeded, ImagesRefused, Refusal
from nsfwsite.refusal_status import DETAILS, headers_of, status_of

CONTENT_TYPE = "application/problem+json"


def refusal_response(refusal: Refusal) -> HttpResponse:
    """A refusal that was raised outside the API's views."""
    return JsonResponse(_body(refusal), **_envelope(refusal))


def exception_response(exception: Exception, context: dict[str, Any]) -> Response | None:
    """What the API answers to an exception that one of its views raised."""
    if isinstance(exception, Refusal):
        return Response(_body(exception), **_envelope(exception))
    if isinstance(exception, Http404):
        exception = exceptions.NotFound()
    elif isinstance(exception, PermissionDenied):
        exception = exceptions.PermissionDenied()
    response = exception_handler(exception, context)
    if response is None or not isinstance(exception, exceptions.APIException):
        return response
    response.data = _problem(HTTPStatus(response.status_code), _detail(exception))
    if isinstance(exception, exceptions.ValidationError):
        response.data["errors"] = exception.detail
    response.content_type = CONTENT_TYPE
    return response


def as_problem(response: HttpResponse) -> None:
    """Give an error that Django answered before any view of the API a body in JSON."""
    status = HTTPStatus(response.status_code)
    response.content = json.dumps(_problem(status, DETAILS.get(status, status.description)))
    response.headers["Content-Type"] = CONTENT_TYPE


def _envelope(refusal: Refusal) -> dict[str, Any]:
    return {
        "status": status_of(refusal),
        "content_type": CONTENT_TYPE,
        "headers": headers_of(refusal),
    }


def _body(refusal: Refusal) -> dict[str, Any]:
    body = {
        "type": "about:blank",
        "title": refusal.title,
        "status": status_of(refusal),
        "detail": str(refusal),
        **_sentences(refusal),
    }
    if isinstance(refusal, ChallengeNeeded):
        body["challenge"] = refusal.challenge
    if isinstance(refusal, ImagesRefused):
        body["images"] = [
            {"image": place, **_sentences(image_refusal)}
            for place, image_refusal in refusal.broken.items()
        ]
    return body


def _sentences(refusal: Refusal) -> dict[str, str]:
    return {"rule": refusal.rule, "received": refusal.received, "way_out": refusal.remedy}


def _problem(status: HTTPStatus, detail: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),  # the schema is served as YAML, which cannot write an HTTPStatus
        "detail": detail,
    }


def _detail(exception: exceptions.APIException) -> str:
    detail = exception.detail
    if isinstance(detail, dict):
        return " ".join(f"{field}: {_first(errors)}" for field, errors in detail.items())
    return _first(detail)


def _first(detail: Any) -> str:
    if isinstance(detail, dict):
        return _first(list(detail.values()))
    return _first(detail[0]) if isinstance(detail, list) and detail else str(detail)
