"""How many reviewers must agree, and the switch for it."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from feedback import people, queries
from feedback.errors import Refusal
from feedback.services import approval_rule
from nsfwsite.access import page, person, reviewer_required, with_refusal

DONE = {
    1: "One key holds from now on.",
    2: "Two keys hold from now on: two reviewers must agree on a report.",
}


@never_cache
@reviewer_required
@page
def show(request: HttpRequest) -> HttpResponse:
    """For reviewers to read, for maintainers to turn."""
    if request.method != "POST":
        return _page(request)
    if not people.is_maintainer(request.user):
        raise PermissionDenied
    asked = request.POST.get("keys", "")
    number = int(asked) if asked in ("1", "2") else 0
    try:
        settled = approval_rule.change(number=number, by=person(request))
    except Refusal as refusal:
        return with_refusal(_page(request, refusal=refusal), refusal)
    more = f" {settled} half-decided report{'s' * (settled != 1)} became settled by that."
    messages.success(request, DONE[number] + (more if settled else ""))
    return redirect("keys")


def _page(request: HttpRequest, *, refusal: Refusal | None = None) -> HttpResponse:
    context = {
        "refusal": refusal,
        "reviewers": people.reviewers().count(),
        "maintainers": people.maintainers().count(),
        "half_decided": queries.approval_rule.half_decided().count(),
        "changes": queries.approval_rule.changes(),
    }
    return render(request, "pages/keys.html", context)
