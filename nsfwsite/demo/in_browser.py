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
from feedback.services import exports, samples
from modeltrain import labels
from modeltrain.images.decoder import Limits

RUNTIME = {
    "worker": "classifier-worker.js",
    "loader": "ort-wasm-simd-threaded.mjs",
    "wasm": "ort-wasm-simd-threaded.wasm",
}
SHELL = ("style.css", "site.js", "mark.svg", "demo.js", *RUNTIME.values())


@never_cache
@require_safe
def description(request: HttpRequest) -> JsonResponse:
    """Describe the model that answers for a browser that runs it; `null` where there is none."""
    model = queries.models.in_serving_order().first()
    limits = Limits()
    body: dict[str, Any] = {
        "model": model and {"version": model.version, "sha256": model.sha256},
        "graphs": [
            {
                "kind": graph.kind,
                "url": reverse("graph", args=[graph.artifact]),
                "sha256": graph.sha256,
                "bytes": graph.bytes,
            }
            for graph in (exports.graphs(model) if model else [])
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
            "webpPixels": limits.max_webp_pixels,
            "keptPixels": limits.kept_pixels,
            "side": limits.max_side,
        },
        "runtime": {name: static(file) for name, file in RUNTIME.items()}
        | {"bytes": sum(_transfer_size(file) for file in RUNTIME.values())},
    }
    return JsonResponse(body)


def _transfer_size(file: str) -> int:
    """Bytes of a static file on the wire: compressed, once it was collected."""
    collected = Path(staticfiles_storage.path(file))
    for path in (collected.with_name(f"{collected.name}.gz"), collected):
        if path.is_file():
            return path.stat().st_size
    source = finders.find(file)
    return Path(source).stat().st_size if source else 0


@never_cache
@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """The script that keeps the demo working offline. Its text changes with any file it caches."""
    context = {
        "page": reverse("home"),
        "description": reverse("in-browser"),
        "files": [
            *(static(file) for file in SHELL),
            *(reverse("sample", args=[sample.name]) for sample in samples.all_samples()),
        ],
    }
    return render(request, "demo/service-worker.js", context, content_type="text/javascript")
