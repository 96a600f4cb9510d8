"""The list of escalated reports, and the log of who looked at them."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback import queries
from feedback.models import Look
from nsfwsite.access import safety_required

PAGE_SIZE = 50


@never_cache
@safety_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    looks = Look.objects.select_related("by").filter(escalated=True)
    context = {
        "reports": queries.triage.escalated(),
        "looks": Paginator(looks, PAGE_SIZE).get_page(request.GET.get("page")),
    }
    return render(request, "pages/safety.html", context)
