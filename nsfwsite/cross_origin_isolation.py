"""Headers that let a page's worker use several threads, and restrict what it may do.

Browsers share memory between threads only on pages that load nothing from other sites.
"""

from collections.abc import Callable, MutableMapping

from django.http import HttpRequest, HttpResponse

ISOLATED = {
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# A worker obeys the policy sent with its own script. This one handles visitors' images.
WORKER_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
    "connect-src 'self'"
)
CAMERA = "camera=(self), microphone=(), geolocation=()"
NO_DEVICES = "camera=(), microphone=(), geolocation=()"


class IsolationHeaders:
    """Pages embed nothing from other sites, are embedded nowhere, and reach no device."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in {**ISOLATED, "Permissions-Policy": NO_DEVICES}.items():
            response.headers.setdefault(name, value)
        return response


def static_headers(headers: MutableMapping[str, str], path: str, _url: str) -> None:
    """Add the headers that WhiteNoise sends with a static file."""
    for name, value in ISOLATED.items():
        headers[name] = value
    if path.endswith((".js", ".mjs")):
        headers["Content-Security-Policy"] = WORKER_POLICY
