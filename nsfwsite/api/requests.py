"""Read a request to the API."""

from typing import Any, cast

from django.contrib.auth.models import User
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.serializers import Serializer


def validated_data(serializer_class: type[Serializer], request: Request) -> dict[str, Any]:
    """The fields of the body, or an error that names the wrong ones."""
    try:
        data = request.data
    except RecursionError:
        raise ParseError("JSON must not be nested this deeply.") from None
    serializer = serializer_class(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def user_of(request: Request) -> User:
    """The person who is signed in: the view's permission classes let nobody else through."""
    return cast(User, request.user)
