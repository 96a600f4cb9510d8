"""Who may open a page, and what is shown when something is refused."""

import functools
from collections.abc import Callable
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from feedback import people
from feedback.errors import Refusal
from feedback.text import strip_unsafe_characters
from nsfwsite.http import headers_of, status_of

View = Callable[..., HttpResponseBase]


def refusal_page(request: HttpRequest, refusal: Refusal, *, back: str = "") -> HttpResponse:
    """The rule, the value and the way out, with the right status."""
    return with_refusal(
        render(request, "refusal.html", {"refusal": refusal, "back": back}), refusal
    )


def with_refusal(response: HttpResponse, refusal: Refusal) -> HttpResponse:
    """The same page, answered as the refusal that it shows."""
    response.status_code = status_of(refusal)
    for name, value in headers_of(refusal).items():
        response.headers[name] = value
    return response


def refusing(view: View) -> View:
    """Show a refusal as a page of its own."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Refusal as refusal:
            back = request.get_full_path() if request.method == "POST" else ""
            return refusal_page(request, refusal, back=back)

    return guarded


def _only(allowed: Callable[[Any], bool]) -> Callable[[View], View]:
    def door(view: View) -> View:
        @login_required
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not allowed(request.user):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return door


def by_receipt(view: View) -> View:
    """A POST to an address that only who holds the receipt can name.

    A page that sends no referrer sends `Origin: null` too, which the CSRF check refuses. Nothing is
    lost by leaving it out: no cookie gives any right here.
    """
    return csrf_exempt(never_cache(require_POST(view)))


def words(request: HttpRequest, field: str) -> str:
    """What somebody wrote, to be shown again beside what is wrong with it."""
    return strip_unsafe_characters(request.POST.get(field, ""))


def person(request: HttpRequest) -> User:
    """Who is signed in, behind one of these doors."""
    return cast(User, request.user)


# A page with a form on it.
page = require_http_methods(["GET", "HEAD", "POST"])
reviewer_required = _only(people.is_reviewer)
maintainer_required = _only(people.is_maintainer)
auditor_required = _only(people.is_auditor)
reader_required = _only(lambda user: people.is_reviewer(user) or people.is_auditor(user))
safety_required = _only(people.is_safety)
image_viewer_required = _only(lambda user: people.is_reviewer(user) or people.is_safety(user))
