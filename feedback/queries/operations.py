"""What waits, what is stuck, and how well the model in service does: for whoever runs a site."""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Min, QuerySet
from django.db.models.fields.json import KT
from django.utils import timezone

from feedback.models import Classification, ModelVersion, Report, Retrain, WebhookDelivery
from feedback.queries import audits, pending_work, transparency

MISTAKES = ("false_alarm", "miss", "confusion", "error")
REPORT_STATES = [state for state in Report.Status.values if state != Report.Status.GOLDEN]
UNDECIDED = (Report.Status.QUEUED, Report.Status.APPEALED, Report.Status.ESCALATED)


def longest_waits() -> dict[str, float]:
    """Seconds that the oldest image, report, retrain and delivery has waited; 0 if none does."""
    retrains = Retrain.objects.filter(status=Retrain.Status.APPROVED)
    oldest = {
        "answer": _oldest(
            Classification.objects.filter(status=Classification.Status.WAITING), "created_at"
        ),
        "decision": _oldest(transparency.real_reports().filter(status__in=UNDECIDED), "created_at"),
        "training": _oldest(retrains, "approved_at"),
        "delivery": _oldest(pending_work.deliveries_to_send(), "created_at"),
    }
    now = timezone.now()
    return {what: (now - start).total_seconds() if start else 0.0 for what, start in oldest.items()}


def _oldest(waiting: "QuerySet[Any]", field: str) -> datetime.datetime | None:
    start: datetime.datetime | None = waiting.order_by().aggregate(start=Min(field))["start"]
    return start


def reports_by_status() -> dict[str, int]:
    """All reports but the copies of golden cases, which are ours."""
    return _by_status(transparency.real_reports(), REPORT_STATES)


def retrains_by_status() -> dict[str, int]:
    return _by_status(Retrain.objects.all(), Retrain.Status.values)


def deliveries_by_status() -> dict[str, int]:
    return _by_status(WebhookDelivery.objects.all(), WebhookDelivery.Status.values)


def _by_status(queryset: "QuerySet[Any]", statuses: list[str]) -> dict[str, int]:
    return dict.fromkeys(statuses, 0) | transparency.counts(queryset, "status")


def training_progress() -> dict[str, float]:
    """The stage of the retrain that runs, and the share of it that is done; empty if none runs."""
    running = Retrain.objects.filter(status=Retrain.Status.RUNNING).first()
    if running is None or not running.progress.get("total"):
        return {}
    return {running.progress["stage"]: running.progress["done"] / running.progress["total"]}


def verdicts() -> dict[str, int]:
    """How many retrains have each verdict of the gate."""
    judged = Retrain.objects.filter(gate__isnull=False).annotate(verdict=KT("gate__verdict"))
    return transparency.counts(judged, "verdict")


def damaged_models() -> int:
    """Models that were in service and whose files are damaged."""
    in_service = ModelVersion.objects.exclude(status=ModelVersion.Status.CANDIDATE)
    return in_service.exclude(damage="").count()


def error_rates(model: ModelVersion) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """Mistake, axis, group and rate of a model's newest audit, where there is a rate to tell.

    Groups with too few different images for a judgement have none. The axis of all images is empty.
    """
    audit = audits.finished_audit_of(model)
    if audit is None:
        return
    figures = audit.figures or {}
    groups = [("", "", figures["overall"])]
    for axis, cells in figures["groups"].items():
        groups += [(axis, group, cell) for group, cell in cells.items()]
    for axis, group, cell in groups:
        for mistake in MISTAKES:
            rate = cell[mistake]
            if rate["clusters"] >= figures["minimum"]:
                yield mistake, axis, group, rate
