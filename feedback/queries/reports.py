"""Reports, for pages and API."""

import datetime
import statistics
from collections import Counter
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet

from feedback.models import BrowserScore, Decision, Example, NotLearnt, Report, Retrain


def by_receipt(receipt: str) -> Report | None:
    """The report with this receipt, with everything that its page shows."""
    return with_details(Report.objects.filter(receipt=receipt)).first()


def with_details(reports: "QuerySet[Report]") -> "QuerySet[Report]":
    """Fetch everything that the page of a report shows, in a fixed number of database queries."""
    return reports.select_related("folded_into").prefetch_related(
        "events",
        "examples__scores__model",
        "examples__image",
        "examples__counterpart_of",
        "examples__in_browser__model",
        "decisions__by",
    )


def counts_by_status() -> dict[str, int]:
    rows = Report.objects.order_by().values_list("status").annotate(n=Count("pk"))
    return {status: dict(rows).get(status, 0) for status in Report.Status.values}


# What the usual wait is taken from: so many decisions, the newest, and not fewer than the least.
RECENT_DECISIONS, LEAST_DECISIONS = 50, 5


def usual_wait() -> datetime.timedelta | None:
    """The median time from a report's arrival to its first decision; None after few decisions."""
    decisions = Decision.objects.order_by("-at").values_list("at", "report__created_at")
    seconds = [(at - arrived).total_seconds() for at, arrived in decisions[:RECENT_DECISIONS]]
    if len(seconds) < LEAST_DECISIONS:
        return None
    return datetime.timedelta(seconds=statistics.median(seconds))


def newest_retrain(report: Report) -> Retrain | None:
    """The newest retrain on data that holds this report's images, unless it came to nothing."""
    if report.folded_into is None:
        return None
    retrains = Retrain.objects.filter(dataset__number__gte=report.folded_into.number).exclude(
        status__in=[Retrain.Status.FAILED, Retrain.Status.CANCELLED, Retrain.Status.DECLINED]
    )
    return retrains.select_related("candidate").order_by("pk").last()


def appeal_deadline(report: Report) -> datetime.datetime | None:
    """Until when a rejected report can be appealed."""
    rejection = report.events.filter(status=Report.Status.REJECTED).last()
    if rejection is None:
        return None
    return rejection.at + datetime.timedelta(days=settings.DECLINED_DAYS)


def learnable_counts() -> dict[str, int]:
    """How many `images`, of how many accepted `reports`, models may still learn from."""
    learnable = Example.objects.filter(
        report__status=Report.Status.ACCEPTED,
        report__consent_train=True,
        image__isnull=False,
        left_out__in=["", NotLearnt.HELD_BACK],
    )
    return learnable.aggregate(reports=Count("report", distinct=True), images=Count("pk"))


def learnable_labels() -> Counter[str]:
    """The number of these images by the label that their report was accepted with."""
    accepted = Report.objects.filter(status=Report.Status.ACCEPTED, consent_train=True)
    labels: Counter[str] = Counter()
    for report in accepted.prefetch_related("decisions", "examples__image"):
        if report.decision:
            labels[report.decision.label] += sum(
                example.why_not_learnt in (None, NotLearnt.HELD_BACK)
                for example in report.examples.all()
            )
    return labels


def left_out_counts() -> dict[str, int]:
    """The number of images of accepted reports that models do not learn from, by reason."""
    accepted = Example.objects.filter(report__status=Report.Status.ACCEPTED).order_by()
    alike = accepted.values(
        "left_out", consent=F("report__consent_train"), has_image=Q(image__isnull=False)
    )
    counts: Counter[NotLearnt | None] = Counter()
    for example in alike.annotate(images=Count("pk")):
        reason = NotLearnt.of(
            consent=example["consent"],
            has_image=example["has_image"],
            left_out=example["left_out"],
        )
        counts[reason] += example["images"]
    return {str(reason): counts[reason] for reason in NotLearnt if counts[reason]}


def browser_drift() -> dict[str, Any]:
    """How many reported images a browser judged too, and the reports where its scores differ."""
    compared = BrowserScore.objects.filter(distance__isnull=False)
    drifted = compared.filter(drifted=True)
    reports = drifted.values_list("example__report", flat=True)
    return {
        "compared": compared.count(),
        "drifted": drifted.count(),
        "reports": reports.distinct().order_by("-example__report"),
    }
