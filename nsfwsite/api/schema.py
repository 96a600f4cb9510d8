"""The API's OpenAPI schema. It names every status that an operation answers, with its body."""

from collections.abc import Callable, Iterator
from http.client import responses
from typing import Any, Literal, TypeVar

from django.http import Http404
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.permissions import AllowAny

from feedback import errors
from feedback.errors import Refusal, ScopeTooSmall, TokenRefused
from nsfwsite.api.permissions import scopes_of
from nsfwsite.api.problems import CONTENT_TYPE
from nsfwsite.api.serializers.problems import ProblemOutput
from nsfwsite.refusal_status import (
    ANSWERED_ANYWHERE,
    ANSWERED_BY_SERVER,
    NOT_FOUND,
    NOT_SIGNED_IN,
    UNKNOWN_MEDIA_TYPE,
    WITHOUT_THE_ROLE,
    status_of,
)

Method = TypeVar("Method", bound=Callable[..., Any])
Cause = type[Refusal] | type[Http404]
Direction = Literal["request", "response"]

LOCATION = {
    status: OpenApiParameter("Location", str, OpenApiParameter.HEADER, response=[status])
    for status in (201, 202)
}
SOLUTION = OpenApiParameter(
    "Altcha",
    str,
    OpenApiParameter.HEADER,
    description="The solution of a challenge, as JSON in Base64, where a 429 asked for one.",
)
RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "required": True}}


def refuses(*causes: Cause) -> Callable[[Method], Method]:
    """Declare what a view's method may raise. The schema documents the statuses."""

    def decorator(method: Method) -> Method:
        method.causes = causes  # type: ignore[attr-defined]
        return method

    return decorator


class Schema(AutoSchema):
    """What drf-spectacular reads from a view, and the errors that the view may answer with."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Besides, the scopes of which a token needs one: OpenAPI knows those of OAuth alone."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            operation["x-scopes"] = [str(scope) for scope in scopes_of(self.view, self.method)]
        return operation

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status, titles in sorted(self._errors().items()):
            response = OpenApiResponse(ProblemOutput, description="; ".join(titles))
            body = self._get_response_for_code(response, str(status), [CONTENT_TYPE], direction)
            if status in ANSWERED_BY_SERVER:
                body["content"]["text/plain"] = {"schema": {"type": "string"}}
            if any(
                retries(refusal) for refusal in self._refusals() if status == status_of(refusal)
            ):
                body["headers"] = RETRY_AFTER
            bodies[str(status)] = body
        return bodies

    def _errors(self) -> dict[int, list[str]]:
        """Every status that is an error here, with titles that say why."""
        titles = {status: [responses[status]] for status in self._statuses()}
        for refusal in self._refusals():
            titles.setdefault(status_of(refusal), []).append(refusal.title)
        return titles

    def _statuses(self) -> Iterator[int]:
        """What Django, REST framework and the server answer before or without the view."""
        yield from (*ANSWERED_ANYWHERE, *ANSWERED_BY_SERVER)
        if self.view.authentication_classes:
            yield NOT_SIGNED_IN
        if any(permission is not AllowAny for permission in self.view.permission_classes):
            yield WITHOUT_THE_ROLE
        if "{" in self.path or self._is_list_view() or Http404 in self._causes():
            yield NOT_FOUND
        if self._get_request_body():
            yield UNKNOWN_MEDIA_TYPE

    def _refusals(self) -> list[type[Refusal]]:
        causes = [cause for cause in self._causes() if issubclass(cause, Refusal)]
        return [TokenRefused, *[ScopeTooSmall] * bool(scopes_of(self.view, self.method)), *causes]

    def _causes(self) -> tuple[Cause, ...]:
        return getattr(getattr(self.view, self.method.lower()), "causes", ())


def retries(refusal: type[Refusal]) -> bool:
    """Whether the refusal says when to try again."""
    return issubclass(refusal, errors.TooManyRequests) or hasattr(refusal, "retry_after")
