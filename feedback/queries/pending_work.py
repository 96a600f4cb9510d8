"""Work to queue: the next steps of finished work, and tasks that may have been lost."""

import datetime
from collections import Counter
from collections.abc import Sequence

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from feedback.models import (
    Audit,
    AuditSet,
    Classification,
    EmailAddress,
    Finding,
    ModelVersion,
    Occlusion,
    Report,
    Retrain,
    Webhook,
    WebhookDelivery,
)
from feedback.models.axis import SLICE
from feedback.queries import audits

# A task for work that has waited this long may have been lost.
OVERDUE = datetime.timedelta(seconds=30)
VISITORS_OVERDUE = datetime.timedelta(seconds=15)


def classifications_to_run() -> Sequence[str]:
    """Images for which a visitor waits and whose task may have been lost with its worker."""
    waiting = Classification.objects.filter(
        status=Classification.Status.WAITING, created_at__lt=timezone.now() - VISITORS_OVERDUE
    )
    return [str(pk) for pk in waiting.order_by("created_at").values_list("pk", flat=True)]


def reports_to_screen() -> Sequence[int]:
    return list(
        Report.objects.filter(
            status__in=[Report.Status.RECEIVED, Report.Status.SCREENING],
            created_at__lt=timezone.now() - OVERDUE,
        ).values_list("pk", flat=True)
    )


def has_reports_to_answer() -> bool:
    """Whether the champion has learnt from reports that are not yet answered."""
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


def deliveries_to_send() -> "QuerySet[WebhookDelivery]":
    """What is due to webhooks that are on, the oldest first."""
    due = WebhookDelivery.objects.filter(
        status=WebhookDelivery.Status.WAITING, retry_at__lte=timezone.now(), webhook__off_because=""
    )
    return due.order_by("created_at", "pk")


def webhooks_to_send() -> Sequence[int]:
    """Webhooks to which something is due, and to which no worker is sending."""
    claimed = Webhook.objects.filter(claimed_until__gt=timezone.now())
    due = deliveries_to_send().exclude(webhook__in=claimed)
    return list(due.order_by("webhook").values_list("webhook", flat=True).distinct())


def retrains_to_run() -> Sequence[int]:
    return list(
        Retrain.objects.filter(
            status=Retrain.Status.APPROVED, approved_at__lt=timezone.now() - OVERDUE
        ).values_list("pk", flat=True)
    )


def audits_to_run() -> Sequence[int]:
    return list(Audit.objects.filter(status=Audit.Status.WAITING).values_list("pk", flat=True))


def audits_to_recount() -> Sequence[int]:
    """Finished audits whose figures have no headlines or do not match the current named slices."""
    older = Audit.objects.filter(status=Audit.Status.DONE).exclude(figures__has_key="headlines")
    outdated = [
        audit.pk for audit in older.defer("figures", "pairs") if audit.predictions.is_file()
    ]
    for audit_set in AuditSet.objects.filter(named_slices__isnull=False).distinct():
        current_counts = Counter(audits.slice_groups(audit_set).values())
        for audit in audits.finished_audits(audit_set):
            cells = (audit.figures or {}).get("groups", {}).get(SLICE, {})
            audited_counts = {value: cell["n"] for value, cell in cells.items()}
            if audited_counts != current_counts and audit.predictions.is_file():
                outdated.append(audit.pk)
    return list(dict.fromkeys(outdated))


def findings_to_run() -> Sequence[int]:
    """The next finding, unless a retrain needs the same workers."""
    if Retrain.objects.filter(
        status__in=(Retrain.Status.APPROVED, Retrain.Status.RUNNING)
    ).exists():
        return []
    if Finding.objects.filter(status=Finding.Status.RUNNING).exists():
        return []
    waiting = Finding.objects.filter(status=Finding.Status.WAITING)
    return list(waiting.values_list("pk", flat=True)[:1])


def occlusions_to_resume() -> Sequence[int]:
    """Unfinished occlusion maps that no worker has touched for a while."""
    unfinished = Occlusion.objects.filter(failure="", done__lt=F("rows"))
    return list(
        unfinished.filter(touched_at__lt=timezone.now() - OVERDUE).values_list("pk", flat=True)
    )
