"""Decisions of reviewers."""

from django.contrib.auth.models import User
from django.db.models import Count, Exists, OuterRef, QuerySet

from feedback.models import Decision, Report

# If this many reviewers disagree with each other, a maintainer decides.
DISPUTE_SIZE = 3


def active_decisions(report: Report) -> "QuerySet[Decision]":
    """Decisions on a report that were not taken back."""
    return report.decisions.filter(taken_back_at=None)


def visible_decisions(report: Report, *, to: User) -> list[Decision]:
    """Decisions that this reviewer may read: none by others that still count on an open case."""
    decisions = list(report.decisions.all())
    if report.status not in Report.OPEN:
        return decisions
    return [decision for decision in decisions if decision.taken_back_at or decision.by_id == to.pk]


def three_differ(active: "QuerySet[Decision]") -> bool:
    """Of a queued report: if two of them agreed, it would not be queued."""
    return active.count() >= DISPUTE_SIZE


def disputed_cases() -> "QuerySet[Report]":
    """Reports on which so many reviewers disagree that a maintainer decides."""
    unsettled = Decision.objects.filter(taken_back_at=None, settled_at=None).values("report")
    disputed = unsettled.annotate(n=Count("pk")).filter(n__gte=DISPUTE_SIZE).order_by()
    return Report.objects.filter(pk__in=disputed.values("report"), status=Report.Status.QUEUED)


def independent_decisions() -> "QuerySet[Decision]":
    """Decisions of at least two reviewers on a settled report, made without seeing each other's.

    Reports that were decided again are left out: reviewers could read the earlier decisions.
    """
    same_report = Decision.objects.filter(report=OuterRef("report"))
    settled = Decision.objects.exclude(report__status=Report.Status.QUEUED)
    independent = settled.filter(
        Exists(same_report.exclude(pk=OuterRef("pk"))),
        ~Exists(same_report.filter(taken_back_at__isnull=False)),
    )
    return independent.select_related("by").order_by("report_id", "pk")
