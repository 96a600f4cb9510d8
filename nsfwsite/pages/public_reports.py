"""The public list of decided reports: labels, groups and outcomes, and nothing that people sent."""

import datetime
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.contrib.syndication.views import Feed
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
from nsfwsite.shared_pages import shared_page
from nsfwsite.tables import audit_tables
from nsfwsite.tables.titles import load_titles

PAGE_SIZE = 20
FEED_SIZE = 50
STATES = {
    Report.Status.ACCEPTED: "Agreed, not learnt from yet",
    Report.Status.FOLDED: "Agreed, waits for the next model",
    Report.Status.ANSWERED: "Agreed, and a model learnt from it",
    Report.Status.REJECTED: "Not agreed",
}
NOT_YET_DECIDED = (Report.Status.RECEIVED, Report.Status.SCREENING, Report.Status.QUEUED)


@never_cache
@require_safe
@shared_page
def show(request: HttpRequest) -> HttpResponse:
    filters = queries.public_reports.chosen_filters(request.GET)
    query = urlencode(filters)
    page = Paginator(_reports(request.GET), PAGE_SIZE).get_page(request.GET.get("page"))
    counts = queries.reports.counts_by_status()
    context = {
        "filters": filters,
        "page": page,
        "reports": _with_titles(page),
        "query": f"{query}&" if query else "",
        "feed": reverse("reports-feed") + (f"?{query}" if query else ""),
        "labels": LABELS,
        "states": STATES,
        "axes": queries.groups.stated_axes(),
        "models": queries.models.versions(),
        "waiting": sum(counts[status] for status in NOT_YET_DECIDED),
        "escalated": counts[Report.Status.ESCALATED],
        "withdrawn": counts[Report.Status.WITHDRAWN],
    }
    return render(request, "pages/public_reports.html", context)


def _reports(parameters: QueryDict) -> "QuerySet[PublicReport]":
    """The reports that an address asks for, by filters or by the id of one."""
    reports = queries.public_reports.reports(queries.public_reports.chosen_filters(parameters))
    if "id" not in parameters:
        return reports
    try:
        return reports.filter(pk=uuid.UUID(str(parameters["id"])))
    except ValueError:
        return reports.none()


def _with_titles(queryset: Iterable[PublicReport]) -> list[PublicReport]:
    """Add groups and mistakes in the words that pages use."""
    titles = load_titles()
    reports: list[Any] = list(queryset)
    for report in reports:
        report.titles = [
            (titles.axis(axis), titles.group(axis, group)) for axis, group in report.groups.items()
        ]
        mistakes = dict.fromkeys(answer["mistake"] for answer in report.answers)
        report.mistakes = [
            audit_tables.MEASURES[mistake]
            for mistake in mistakes
            if mistake in audit_tables.MEASURES
        ]
    return reports


class ReportFeed(Feed):
    """The same list with the same filters, as Atom."""

    feed_type = Atom1Feed
    title = "SpeakUp: what people reported, and what became of it"
    subtitle = "Words only. A report appears here once somebody has decided on it."

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QueryDict:
        return request.GET

    def link(self, parameters: QueryDict) -> str:
        query = urlencode(queries.public_reports.chosen_filters(parameters))
        return reverse("reports") + (f"?{query}" if query else "")

    def items(self, parameters: QueryDict) -> list[PublicReport]:
        return _with_titles(_reports(parameters)[:FEED_SIZE])

    def item_title(self, item: Any) -> str:
        labels = ", ".join(dict.fromkeys(answer["said"] for answer in item.answers))
        return f"A model said {labels}, somebody says {item.expected}"

    def item_description(self, item: Any) -> str:
        return render_to_string("parts/public_report.html", {"report": item})

    def item_link(self, item: PublicReport) -> str:
        return reverse("reports") + f"?id={item.pk}"

    def item_guid(self, item: PublicReport) -> str:
        return f"urn:uuid:{item.pk}"

    def item_updateddate(self, item: PublicReport) -> datetime.datetime:
        return datetime.datetime.combine(item.day, datetime.time(), datetime.UTC)
