"""What a browser needs to answer by itself: which model, and where its files are."""

from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback import queries
from feedback.models import ModelVersion
from feedback.services import exports
from modeltrain import labels
from modeltrain.images.decoder import Limits
from nsfwsite.demo import samples

RUNTIME = {
    "worker": "classifier-worker.js",
    "loader": "ort-wasm-simd-threaded.mjs",
    "wasm": "ort-wasm-simd-threaded.wasm",
}
SHELL = ("style.css", "site.js", "mark.svg", "demo.js", *RUNTIME.values())


@never_cache
@require_safe
def described(request: HttpRequest) -> JsonResponse:
    """The model in service as a browser runs it; no model where there is none to hand out."""
    champion = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first()
    limits = Limits()
    answer: dict[str, Any] = {
        "model": champion and {"version": champion.version, "sha256": champion.sha256},
        "graphs": [
            {
                "kind": graph.kind,
                "url": reverse("graph", args=[graph.artifact]),
                "sha256": graph.sha256,
                "bytes": graph.bytes,
            }
            for graph in (exports.graphs(champion) if champion else [])
        ],
        "labels": [
            {
                "name": label,
                "meaning": queries.definitions.definition_of(label).meaning,
                "nsfw": label in labels.NSFW,
            }
            for label in labels.LABELS
        ],
        "limits": {
            "bytes": limits.max_bytes,
            "pixels": limits.max_pixels,
            "side": limits.max_side,
        },
        "runtime": {name: static(file) for name, file in RUNTIME.items()}
        | {"bytes": sum(_sent(file) for file in RUNTIME.values())},
    }
    return JsonResponse(answer)


def _sent(file: str) -> int:
    """How many bytes of a static file travel: packed, where it was collected."""
    collected = Path(staticfiles_storage.path(file))
    for path in (collected.with_name(f"{collected.name}.gz"), collected):
        if path.is_file():
            return path.stat().st_size
    found = finders.find(file)
    return Path(found).stat().st_size if found else 0


@never_cache
@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """What keeps the demo working offline. Its text changes when any file it keeps does."""
    context = {
        "page": reverse("home"),
        "description": reverse("in-browser"),
        "files": [
            *(static(file) for file in SHELL),
            *(reverse("sample", args=[sample.name]) for sample in samples.all_samples()),
        ],
    }
    return render(request, "demo/service-worker.js", context, content_type="text/javascript")
