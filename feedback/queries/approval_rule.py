"""How many must agree."""

from django.db.models import Count, Q, QuerySet

from feedback.models import Decision, LedgerEntry, Report


def changes() -> "QuerySet[LedgerEntry]":
    """When the number of keys was changed, the newest first."""
    return LedgerEntry.objects.filter(kind=LedgerEntry.Kind.KEYS).order_by("-number")


def half_decided() -> "QuerySet[Decision]":
    """What one reviewer said of queued reports that nobody else has spoken on."""
    alone = Report.objects.filter(status=Report.Status.QUEUED, second_opinion_at=None).annotate(
        said=Count("decisions", filter=Q(decisions__taken_back_at=None))
    )
    return Decision.objects.filter(
        report__in=alone.filter(said=1).values("pk"), taken_back_at=None
    ).select_related("report", "by")
