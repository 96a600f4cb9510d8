"""Who may open a page, and what is shown when something is refused."""

import functools
from collections.abc import Callable
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from feedback import queries, roles
from feedback.errors import Invalid, Refusal
from feedback.models import Report
from feedback.text import strip_unsafe_characters
from nsfwsite.refusal_status import STATUS, headers_of, status_of

View = Callable[..., HttpResponseBase]


def refusal_page(request: HttpRequest, refusal: Refusal, *, back: str = "") -> HttpResponse:
    """A page of its own for a refusal: the rule, what was received, and the remedy."""
    return with_refusal(
        render(request, "refusal.html", {"refusal": refusal, "back": back}), refusal
    )


def with_refusal(response: HttpResponse, refusal: Refusal) -> HttpResponse:
    """Give a page that shows a refusal the status and headers of that refusal."""
    response.status_code = status_of(refusal)
    for name, value in headers_of(refusal).items():
        response.headers[name] = value
    return response


def with_invalid_form(response: HttpResponse) -> HttpResponse:
    """Give a page that shows a form again the status of a form that is not valid."""
    response.status_code = STATUS[Invalid]
    return response


def refusals_as_pages(view: View) -> View:
    """Show a refusal that the view raises as a page of its own."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Refusal as refusal:
            back = request.get_full_path() if request.method == "POST" else ""
            return refusal_page(request, refusal, back=back)

    return wrapped


def _role_required(has_role: Callable[[Any], bool]) -> Callable[[View], View]:
    def decorator(view: View) -> View:
        @login_required
        @functools.wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not has_role(request.user):
                if kwargs:  # nobody learns which of other people's things exist
                    raise Http404
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return wrapped

    return decorator


def receipt_action(view: View) -> View:
    """A POST to an address that only the holder of a receipt can name.

    A page that sends no referrer sends `Origin: null` too, and the CSRF check refuses that. We lose
    nothing by leaving the check out: no cookie gives any right here.
    """
    return csrf_exempt(never_cache(require_POST(view)))


def report_of(receipt: str) -> Report:
    """The report of this receipt, or a 404: nobody learns which receipts exist."""
    report = queries.reports.by_receipt(receipt)
    if report is None:
        raise Http404
    return report


def wants_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page, to put in place of an older one."""
    return bool(getattr(request, "htmx", False))


def typed_text(request: HttpRequest, field: str) -> str:
    """The text of a form's field, safe to store and to show again."""
    return strip_unsafe_characters(request.POST.get(field, ""))


def signed_in_user(request: HttpRequest) -> User:
    """The person who is signed in, for views that require a role."""
    return cast(User, request.user)


form_page = require_http_methods(["GET", "HEAD", "POST"])
reviewer_required = _role_required(roles.is_reviewer)
maintainer_required = _role_required(roles.is_maintainer)
auditor_required = _role_required(roles.is_auditor)
reviewer_or_auditor_required = _role_required(
    lambda user: roles.is_reviewer(user) or roles.is_auditor(user)
)
safety_required = _role_required(roles.is_safety)
image_viewer_required = _role_required(
    lambda user: roles.is_reviewer(user) or roles.is_safety(user)
)
