"""How many reviewers must agree, and where one has decided."""

from django.db.models import Count, Q, QuerySet

from feedback.models import Decision, LedgerEntry, Report


def changes() -> "QuerySet[LedgerEntry]":
    """Changes of the number of keys, newest first."""
    return LedgerEntry.objects.filter(kind=LedgerEntry.Kind.KEYS).order_by("-number")


def half_decided() -> "QuerySet[Decision]":
    """Decisions of one reviewer on queued reports that nobody else has decided."""
    undecided = Report.objects.filter(status=Report.Status.QUEUED, second_opinion_at=None).annotate(
        decision_count=Count("decisions", filter=Q(decisions__taken_back_at=None))
    )
    return Decision.objects.filter(
        report__in=undecided.filter(decision_count=1).values("pk"), taken_back_at=None
    ).select_related("report", "by")
