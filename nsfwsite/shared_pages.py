"""Pages that look the same to all strangers are made once a second, however many ask for them."""

import functools
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.utils.cache import patch_vary_headers

Page = Callable[..., HttpResponse]

OK = 200
MOST_PAGES = 64
_TOKEN = re.compile(rb'(name="csrfmiddlewaretoken" value=")\w+')


@dataclass(frozen=True)
class _Shared:
    """A page, and what of it belongs to the visitor for whom it was made."""

    content: bytes
    headers: dict[str, str]
    nonce: bytes
    made_at: float


_shared: dict[str, _Shared] = {}
# Those who come while a page is being made wait for it; pages with another lock do not.
_one_at_a_time = [threading.Lock() for _ in range(MOST_PAGES)]


def shared_page(view: Page) -> Page:
    """Show a page again that was made for another stranger less than `SHARED_PAGE_SECONDS` ago.

    Scripts get the visitor's own nonce, and forms their own token. Whoever has a session gets a
    page of their own, as does htmx.
    """

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "GET" or not settings.SHARED_PAGE_SECONDS or _is_personal(request):
            return view(request, *args, **kwargs)
        address = request.build_absolute_uri()
        with _one_at_a_time[hash(address) % len(_one_at_a_time)]:
            page = _shared.get(address)
            if page and time.monotonic() - page.made_at < settings.SHARED_PAGE_SECONDS:
                return _for_another(page, request)
            response = view(request, *args, **kwargs)
            if response.status_code == OK and not response.streaming:
                if len(_shared) >= MOST_PAGES:
                    _shared.clear()
                headers, nonce = dict(response.items()), _nonce(request)
                _shared[address] = _Shared(response.content, headers, nonce, time.monotonic())
            return response

    return wrapped


def _is_personal(request: HttpRequest) -> bool:
    return settings.SESSION_COOKIE_NAME in request.COOKIES or bool(getattr(request, "htmx", False))


def _for_another(page: _Shared, request: HttpRequest) -> HttpResponse:
    content = page.content.replace(page.nonce, _nonce(request))
    if _TOKEN.search(content):
        content = _TOKEN.sub(rb"\g<1>" + get_token(request).encode(), content)
    response = HttpResponse(content, headers=page.headers)
    patch_vary_headers(response, ["Cookie"])  # a session would have had another page
    return response


def _nonce(request: HttpRequest) -> bytes:
    return str(request.csp_nonce).encode()  # type: ignore[attr-defined]
