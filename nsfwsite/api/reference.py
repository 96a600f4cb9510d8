"""The API's schema as a page for people."""

import functools
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from nsfwsite.api import index


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    return render(request, "site/api.html", {"subjects": _subjects()})


@functools.cache
def _subjects() -> dict[str, list[dict[str, Any]]]:
    """Every operation by its subject, the first part of its address behind the version."""
    schema = index.schema()
    subjects: dict[str, list[dict[str, Any]]] = {}
    for address, item in schema["paths"].items():
        subject = address.split("/")[3] or "index"
        for method in index.METHODS:
            if method in item:
                operation = _operation(address, method, item[method], schema)
                subjects.setdefault(subject, []).append(operation)
    return subjects


def _operation(
    address: str, method: str, operation: dict[str, Any], schema: dict[str, Any]
) -> dict[str, Any]:
    content: dict[str, Any] = operation.get("requestBody", {}).get("content", {})
    media: dict[str, Any] = next(iter(content.values()), {})
    body = _resolve(media.get("schema", {}), schema)
    required = body.get("required", [])
    return {
        "address": address,
        "method": method.upper(),
        "description": operation.get("description", ""),
        "scopes": operation["x-scopes"],
        "parameters": operation.get("parameters", []),
        "content_types": list(content),
        "fields": [
            {"name": name, "required": name in required, **_resolve(field, schema)}
            for name, field in body.get("properties", {}).items()
        ],
        "responses": {
            status: response.get("description", "")
            for status, response in sorted(operation["responses"].items())
        },
    }


def _resolve(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A part of the schema, in place of a reference to it."""
    if reference := part.get("$ref"):
        resolved: dict[str, Any] = schema["components"]["schemas"][reference.rsplit("/", 1)[1]]
        return resolved
    return part
