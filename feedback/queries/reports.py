"""Reports, whoever asks."""

import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet

from feedback.models import BrowserScore, Report


def report_of(receipt: str) -> Report | None:
    """The report with this receipt, with all that its page tells."""
    return with_story(Report.objects.filter(receipt=receipt)).first()


def with_story(reports: "QuerySet[Report]") -> "QuerySet[Report]":
    return reports.select_related("folded_into").prefetch_related(
        "events",
        "examples__scores__model",
        "examples__image",
        "examples__counterpart_of",
        "examples__in_browser__model",
        "decisions__by",
    )


def counts() -> dict[str, int]:
    rows = Report.objects.order_by().values_list("status").annotate(n=Count("pk"))
    return {status: dict(rows).get(status, 0) for status in Report.Status.values}


def appeal_until(report: Report) -> datetime.datetime | None:
    """Until when a report that was declined can be appealed."""
    declined = report.events.filter(status=Report.Status.REJECTED).last()
    return declined.at + datetime.timedelta(days=settings.DECLINED_DAYS) if declined else None


def accepted_waiting() -> int:
    """How many accepted reports the next retrain would learn from."""
    pictures = Report.objects.filter(
        status=Report.Status.ACCEPTED, consent_train=True, examples__image__isnull=False
    )
    return pictures.distinct().count()


def browser_drift() -> dict[str, Any]:
    """How many reported images a browser had judged too, and the reports where it differs."""
    compared = BrowserScore.objects.filter(distance__isnull=False)
    drifted = compared.filter(drifted=True)
    reports = drifted.values_list("example__report", flat=True)
    return {
        "compared": compared.count(),
        "drifted": drifted.count(),
        "reports": reports.distinct().order_by("-example__report"),
    }
