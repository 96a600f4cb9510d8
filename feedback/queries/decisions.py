"""What reviewers said."""

from django.contrib.auth.models import User
from django.db.models import Count, Exists, OuterRef, QuerySet

from feedback.models import Decision, Report

# So many reviewers, each saying something else, are left to a maintainer.
DIFFER = 3


def standing(report: Report) -> "QuerySet[Decision]":
    """What reviewers said of it and did not take back."""
    return report.decisions.filter(taken_back_at=None)


def said_of(report: Report, *, to: User) -> list[Decision]:
    """What reviewers said that this one may read: of an open case, nothing that still counts."""
    said = report.decisions.all()
    if report.status not in Report.OPEN:
        return list(said)
    return [one for one in said if one.taken_back_at or one.by_id == to.pk]


def three_differ(standing: "QuerySet[Decision]") -> bool:
    """Of a queued report: had two said the same, it would not be queued."""
    return standing.count() >= DIFFER


def cases_that_differ() -> "QuerySet[Report]":
    said = Decision.objects.filter(taken_back_at=None, settled_at=None).values("report")
    many = said.annotate(n=Count("pk")).filter(n__gte=DIFFER).order_by()
    return Report.objects.filter(pk__in=many.values("report"), status=Report.Status.QUEUED)


def decided_blind() -> "QuerySet[Decision]":
    """What at least two said of a settled report, none of whom could see what others said.

    A report that was decided again is left out: who decides again can read what was said before.
    """
    same = Decision.objects.filter(report=OuterRef("report"))
    settled = Decision.objects.exclude(report__status=Report.Status.QUEUED)
    said = settled.filter(
        Exists(same.exclude(pk=OuterRef("pk"))), ~Exists(same.filter(taken_back_at__isnull=False))
    )
    return said.select_related("by").order_by("report_id", "pk")
