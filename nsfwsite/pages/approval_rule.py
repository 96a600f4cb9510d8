"""How many reviewers must agree, and the switch between one and two."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from feedback import queries, roles
from feedback.errors import Refusal
from feedback.services import approval_rule
from nsfwsite.access import form_page, reviewer_required, signed_in_user, with_refusal

CHANGED = {
    1: "One key holds from now on.",
    2: "Two keys hold from now on: two reviewers must agree on a report.",
}


@never_cache
@reviewer_required
@form_page
def show(request: HttpRequest) -> HttpResponse:
    """Reviewers read the rule; maintainers change it."""
    if request.method != "POST":
        return _page(request)
    if not roles.is_maintainer(request.user):
        raise PermissionDenied
    keys = request.POST.get("keys", "")
    number = int(keys) if keys in ("1", "2") else 0
    try:
        settled = approval_rule.change(number=number, by=signed_in_user(request))
    except Refusal as refusal:
        return with_refusal(_page(request, refusal=refusal), refusal)
    consequence = f" {settled} half-decided report{'s' * (settled != 1)} became settled by that."
    messages.success(request, CHANGED[number] + (consequence if settled else ""))
    return redirect("keys")


def _page(request: HttpRequest, *, refusal: Refusal | None = None) -> HttpResponse:
    context = {
        "refusal": refusal,
        "reviewers": roles.reviewers().count(),
        "maintainers": roles.maintainers().count(),
        "half_decided": queries.approval_rule.half_decided().count(),
        "changes": queries.approval_rule.changes(),
    }
    return render(request, "pages/approval_rule.html", context)
