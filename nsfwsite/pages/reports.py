"""What people reported and what became of it: words only, and nothing of theirs."""

import datetime
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.contrib.syndication.views import Feed as Syndicated
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback import queries
from feedback.models import PublicReport, Report
from modeltrain.labels import LABELS
from nsfwsite.tables import audit_tables, titles

A_PAGE = 20
IN_THE_FEED = 50
STATES = {
    Report.Status.ACCEPTED: "Agreed, not learnt from yet",
    Report.Status.FOLDED: "Agreed, waits for the next model",
    Report.Status.ANSWERED: "Agreed, and a model learnt from it",
    Report.Status.REJECTED: "Not agreed",
}
WAITING = (Report.Status.RECEIVED, Report.Status.SCREENING, Report.Status.QUEUED)


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    chosen = queries.public_reports.chosen_filters(request.GET)
    query = urlencode(chosen)
    page = Paginator(_asked(request.GET), A_PAGE).get_page(request.GET.get("page"))
    counts = queries.reports.counts_by_status()
    context = {
        "chosen": chosen,
        "page": page,
        "reports": _titled(page),
        "query": f"{query}&" if query else "",
        "feed": reverse("reports-feed") + (f"?{query}" if query else ""),
        "labels": LABELS,
        "states": STATES,
        "axes": queries.groups.stated_axes(),
        "models": queries.models.versions(),
        "waiting": sum(counts[status] for status in WAITING),
        "escalated": counts[Report.Status.ESCALATED],
        "withdrawn": counts[Report.Status.WITHDRAWN],
    }
    return render(request, "pages/reports.html", context)


def _asked(asked: QueryDict) -> "QuerySet[PublicReport]":
    found = queries.public_reports.reports(queries.public_reports.chosen_filters(asked))
    try:
        return found.filter(pk=uuid.UUID(str(asked["id"]))) if "id" in asked else found
    except ValueError:
        return found.none()


def _titled(found: Iterable[PublicReport]) -> list[PublicReport]:
    """With groups and mistakes as people read them."""
    named = titles.group_titles()
    reports: list[Any] = list(found)
    for report in reports:
        report.titles = [named.get(pair, pair) for pair in report.groups.items()]
        kinds = dict.fromkeys(answer["mistake"] for answer in report.answers)
        report.mistakes = [
            audit_tables.MEASURES[kind] for kind in kinds if kind in audit_tables.MEASURES
        ]
    return reports


class Feed(Syndicated):
    """The same list with the same filters, as Atom."""

    feed_type = Atom1Feed
    title = "SpeakUp: what people reported, and what became of it"
    subtitle = "Words only. A report appears here once somebody has decided on it."

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QueryDict:
        return request.GET

    def link(self, asked: QueryDict) -> str:
        query = urlencode(queries.public_reports.chosen_filters(asked))
        return reverse("reports") + (f"?{query}" if query else "")

    def items(self, asked: QueryDict) -> list[PublicReport]:
        return _titled(_asked(asked)[:IN_THE_FEED])

    def item_title(self, item: Any) -> str:
        said = ", ".join(dict.fromkeys(answer["said"] for answer in item.answers))
        return f"A model said {said}, somebody says {item.expected}"

    def item_description(self, item: Any) -> str:
        return render_to_string("parts/public_report.html", {"report": item})

    def item_link(self, item: PublicReport) -> str:
        return reverse("reports") + f"?id={item.pk}"

    def item_guid(self, item: PublicReport) -> str:
        return f"urn:uuid:{item.pk}"

    def item_updateddate(self, item: PublicReport) -> datetime.datetime:
        return datetime.datetime.combine(item.day, datetime.time(), datetime.UTC)
