"""Every page and every script is isolated, and no page but one may ask for a camera."""

from django.http import HttpResponse
from django.test import RequestFactory

from nsfwsite import cross_origin_isolation as isolation


def headers_of(response: HttpResponse) -> dict[str, str]:
    pages = isolation.IsolationHeaders(lambda request: response)
    return dict(pages(RequestFactory().get("/")).headers)


def test_a_page_is_isolated_and_reaches_no_device() -> None:
    headers = headers_of(HttpResponse())
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Permissions-Policy"] == isolation.NO_DEVICES


def test_a_page_that_needs_a_camera_keeps_what_it_says() -> None:
    allowed = HttpResponse(headers={"Permissions-Policy": isolation.CAMERA})
    assert headers_of(allowed)["Permissions-Policy"] == isolation.CAMERA


def test_a_script_may_connect_to_this_site_alone_wherever_it_runs() -> None:
    for name, restricted in (("worker.js", True), ("runtime.mjs", True), ("style.css", False)):
        headers: dict[str, str] = {}
        isolation.static_headers(headers, name, "")
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert ("Content-Security-Policy" in headers) == restricted
    policy = isolation.WORKER_POLICY
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
