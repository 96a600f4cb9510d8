"""A client of the API."""

import functools
import re
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from tests.cast import token_of


class DocumentedClient(APIClient):
    """A client that accepts no answer whose status the schema does not name."""

    def request(self, **environ: Any) -> HttpResponse:
        response = super().request(**environ)
        operation = f"{environ['REQUEST_METHOD'].lower()} {environ['PATH_INFO']}"
        for pattern, statuses in documented_statuses().items():
            if re.fullmatch(pattern, operation):
                assert str(response.status_code) in statuses, operation
        return response


@functools.cache
def documented_statuses() -> Mapping[str, set[str]]:
    """The statuses of each operation, by a pattern for its method and address."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    return {
        f"{method} {re.sub('{.+?}', '[^/]+', path)}": set(operation["responses"])
        for path, operations in paths.items()
        for method, operation in operations.items()
    }


def api_client(user: User | None = None, *scopes: str) -> APIClient:
    """A client that sends a token of this person, with these scopes or all; or none."""
    client = DocumentedClient()
    if user:
        client.credentials(HTTP_AUTHORIZATION=f"Token {token_of(user, *scopes)}")
    return client
