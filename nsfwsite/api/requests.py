"""Read a request to the API."""

from typing import Any, cast

from django.contrib.auth.models import User
from django.utils.datastructures import MultiValueDict
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.serializers import ListField, Serializer


def validated_data(serializer_class: type[Serializer], request: Request) -> dict[str, Any]:
    """The fields of the body, or an error that names the wrong ones."""
    try:
        data = request.data
    except RecursionError:
        raise ParseError("JSON must not be nested this deeply.") from None
    serializer = serializer_class(data=data)
    _refuse_repeated(serializer, data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _refuse_repeated(serializer: Serializer, data: Any) -> None:
    """Refuse two parts of a form where one is expected: all but the last would be dropped."""
    if not isinstance(data, MultiValueDict):
        return
    repeated = {
        name: [f"It is sent once. Received: {len(data.getlist(name))} parts. Send one of them."]
        for name, field in serializer.fields.items()
        if not isinstance(field, ListField) and len(data.getlist(name)) > 1
    }
    if repeated:
        raise ValidationError(repeated)


def user_of(request: Request) -> User:
    """The person who is signed in: the view's permission classes let nobody else through."""
    return cast(User, request.user)
