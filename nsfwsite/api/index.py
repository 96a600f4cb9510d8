"""What there is at the API: as a list of calls, and as an OpenAPI schema."""

import functools
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from nsfwsite.api.serializers.index import IndexOutput

METHODS = ("get", "post", "put", "patch", "delete")


@functools.cache
def schema() -> dict[str, Any]:
    """The OpenAPI schema, which is the same until the site starts again."""
    generated: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return generated


class Index(APIView):
    """Every call, with what it does and the scopes of which a token needs one."""

    scope = None

    @extend_schema(responses=IndexOutput)
    def get(self, request: Request) -> Response:
        calls = [
            {
                "name": operation["operationId"],
                "method": method.upper(),
                "address": address,
                "description": operation.get("description", ""),
                "scopes": operation["x-scopes"],
            }
            for address, item in schema()["paths"].items()
            for method, operation in item.items()
            if method in METHODS
        ]
        return Response(IndexOutput({"calls": calls}).data)


class SchemaFile(SpectacularAPIView):
    """The OpenAPI schema, as YAML or JSON."""

    scope = None
    permission_classes = Index.permission_classes
