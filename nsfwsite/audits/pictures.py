"""Pictures of an audit set, for everybody, where the set allows it."""

import functools
from pathlib import Path

import numpy as np
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from feedback.models import AuditSet
from feedback.services import manifests
from modeltrain.data import manifest
from modeltrain.images.perturbations import PERTURBATIONS
from modeltrain.labels import NSFW

HOUR = 3600


def address(audit_set: AuditSet, sha256: str, change: str = "") -> str:
    """Where a picture is shown, changed if that is asked for; empty where it may not be."""
    if not _may_be_seen(audit_set, sha256):
        return ""
    page = reverse("audit-picture", args=[audit_set.name, sha256])
    return f"{page}?change={list(PERTURBATIONS).index(change)}" if change else page


def _may_be_seen(audit_set: AuditSet, sha256: str) -> bool:
    return audit_set.public_images and sha256 in _harmless(audit_set.manifest)


@functools.lru_cache(maxsize=4)
def _harmless(path: Path) -> frozenset[str]:
    """Images whose label is not explicit; a manifest is named by its hash and never changes."""
    if not path.is_file():
        return frozenset()
    return frozenset(row.sha256 for row in manifest.read(path) if row.label not in NSFW)


@require_safe
def picture(request: HttpRequest, name: str, sha256: str) -> HttpResponse:
    audit_set = get_object_or_404(AuditSet, name=name)
    place = manifests.local_image_path(sha256) if _may_be_seen(audit_set, sha256) else None
    if place is None:
        raise Http404
    data = place.read_bytes()
    if asked := request.GET.get("change"):
        data = _changed(data, asked)
    response = HttpResponse(data, content_type="image/png")
    response.headers["Content-Disposition"] = 'inline; filename="image.png"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = f"public, max-age={HOUR}"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _changed(data: bytes, asked: str) -> bytes:
    from PIL import Image

    from modeltrain.images import codec

    if not asked.isdecimal() or int(asked) >= len(PERTURBATIONS):
        raise Http404
    change = list(PERTURBATIONS.values())[int(asked)]
    return codec.to_png(np.asarray(change(Image.fromarray(codec.decode(data)))))
