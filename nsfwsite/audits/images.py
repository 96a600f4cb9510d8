"""Images of an audit set, shown to anybody where the set allows it."""

import functools
from pathlib import Path

import numpy as np
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe
from PIL import Image

from feedback.models import AuditSet
from feedback.services import manifests
from feedback.text import whole_number
from modeltrain.data import manifest
from modeltrain.images import codec
from modeltrain.images.perturbations import PERTURBATIONS
from modeltrain.labels import NSFW

HOUR = 3600


def address(audit_set: AuditSet, sha256: str, change: str = "") -> str:
    """Where an image is shown, with a change if one is named; empty where it may not be shown."""
    if not _is_public(audit_set, sha256):
        return ""
    page = reverse("audit-picture", args=[audit_set.name, sha256])
    return f"{page}?change={list(PERTURBATIONS).index(change)}" if change else page


def _is_public(audit_set: AuditSet, sha256: str) -> bool:
    return audit_set.public_images and sha256 in _harmless(audit_set.manifest)


@functools.lru_cache(maxsize=4)
def _harmless(path: Path) -> frozenset[str]:
    """Images whose label is not explicit. A manifest is named by its hash and never changes."""
    if not path.is_file():
        return frozenset()
    return frozenset(row.sha256 for row in manifest.read(path) if row.label not in NSFW)


@require_safe
def show(request: HttpRequest, name: str, sha256: str) -> HttpResponse:
    audit_set = get_object_or_404(AuditSet, name=name)
    path = manifests.local_image_path(sha256) if _is_public(audit_set, sha256) else None
    if path is None:
        raise Http404
    data = path.read_bytes()
    if index := request.GET.get("change"):
        data = _changed(data, index)
    response = HttpResponse(data, content_type="image/png")
    response.headers["Content-Disposition"] = 'inline; filename="image.png"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = f"public, max-age={HOUR}"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _changed(data: bytes, index: str) -> bytes:
    number = whole_number(index)
    if number is None or number >= len(PERTURBATIONS):
        raise Http404
    change = list(PERTURBATIONS.values())[number]
    return codec.to_png(np.asarray(change(Image.fromarray(codec.decode(data)))))
