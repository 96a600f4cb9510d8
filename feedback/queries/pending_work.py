"""Work to take up: what follows from other work, and what may have been lost on its way."""

import datetime
from collections import Counter
from collections.abc import Sequence

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from feedback.models import (
    Audit,
    AuditSet,
    EmailAddress,
    Finding,
    ModelVersion,
    Occlusion,
    Report,
    Retrain,
)
from feedback.models.group import SLICE
from feedback.queries import audits

# Work that has waited this long without being taken up may have been lost on its way.
OVERDUE = datetime.timedelta(seconds=30)


def reports_to_screen() -> Sequence[int]:
    return list(
        Report.objects.filter(
            status__in=[Report.Status.RECEIVED, Report.Status.SCREENING],
            created_at__lt=timezone.now() - OVERDUE,
        ).values_list("pk", flat=True)
    )


def reports_to_answer() -> bool:
    """Has the champion learnt from reports that were not told yet?"""
    retrain = Retrain.objects.filter(
        candidate__status=ModelVersion.Status.CHAMPION, decided_at__lt=timezone.now() - OVERDUE
    ).first()
    return bool(
        retrain
        and Report.objects.filter(
            status=Report.Status.FOLDED, folded_into__number__lte=retrain.dataset.number
        ).exists()
    )


def emails_to_send() -> "QuerySet[EmailAddress]":
    """Addresses to which an email is due: the confirmation request, or news."""
    news = Q(
        confirmed_at__isnull=False,
        report__events__status__in=EmailAddress.NOTIFIED,
        report__events__pk__gt=F("told"),
    )
    undecided = Q(report__status__in=[Report.Status.QUEUED, Report.Status.ESCALATED])
    due = EmailAddress.objects.filter(retry_at__lte=timezone.now())
    return due.filter(Q(asked_at=None) | news & ~undecided).distinct()


def retrains_to_run() -> Sequence[int]:
    return list(
        Retrain.objects.filter(
            status=Retrain.Status.APPROVED, approved_at__lt=timezone.now() - OVERDUE
        ).values_list("pk", flat=True)
    )


def audits_to_run() -> Sequence[int]:
    return list(Audit.objects.filter(status=Audit.Status.WAITING).values_list("pk", flat=True))


def audits_to_recount() -> Sequence[int]:
    """Finished audits whose figures do not have the named slices as they stand now."""
    found = []
    for audit_set in AuditSet.objects.filter(named_slices__isnull=False).distinct():
        wanted = Counter(audits.slice_groups(audit_set).values())
        for audit in audits.done(audit_set):
            cells = (audit.figures or {}).get("groups", {}).get(SLICE, {})
            counted = {value: cell["n"] for value, cell in cells.items()}
            if counted != wanted and audit.predictions.is_file():
                found.append(audit.pk)
    return found


def findings_to_run() -> Sequence[int]:
    """The next one, while no retrain waits for the same workers."""
    if Retrain.objects.filter(
        status__in=(Retrain.Status.APPROVED, Retrain.Status.RUNNING)
    ).exists():
        return []
    if Finding.objects.filter(status=Finding.Status.RUNNING).exists():
        return []
    waiting = Finding.objects.filter(status=Finding.Status.WAITING)
    return list(waiting.values_list("pk", flat=True)[:1])


def occlusions_to_go_on() -> Sequence[int]:
    """Those whose next row nobody has greyed for a while."""
    stopped = Occlusion.objects.filter(failure="", done__lt=F("rows"))
    return list(
        stopped.filter(touched_at__lt=timezone.now() - OVERDUE).values_list("pk", flat=True)
    )
