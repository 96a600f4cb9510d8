"""Record the outcome of a report: in the ledger for good, in the public list while it stands."""

from collections import Counter
from typing import Any

from django.db import transaction

from feedback.models import Decision, PublicReport, Report
from feedback.services import ledger
from modeltrain.labels import error_kind


def record(*, report: Report, outcome: str, decision: Decision | None = None, **facts: Any) -> None:
    """Record an outcome; called in the transaction that brings it about."""
    ledger.record_report(report=report, outcome=outcome, decision=decision, **facts)
    publish(report.pk)


@transaction.atomic
def publish(pk: int) -> None:
    """Rewrite the public row of a report, or delete it if the report is not public."""
    report = (
        Report.objects.select_for_update(of=("self",))  # it cannot be withdrawn meanwhile
        .select_related("folded_into")
        .prefetch_related("events", "decisions", "examples__scores__model")
        .get(pk=pk)
    )
    if report.status not in Report.PUBLIC:
        PublicReport.objects.filter(report=report).delete()
        return
    decision = report.decision
    groups = decision.groups if decision and decision.label else report.groups
    answers = _answers(report)
    decided = decision.label if decision else ""
    labels = {report.expected_label, decided, *(answer["said"] for answer in answers)} - {""}
    models = {answer[name] for answer in answers for name in ("model", "newer")} - {""}
    tags = [
        *(f"label={label}" for label in sorted(labels)),
        *(f"model={model}" for model in sorted(models)),
        *(f"group={axis}={value}" for axis, value in sorted(groups.items())),
    ]
    PublicReport.objects.update_or_create(
        report=report,
        defaults={
            "day": max(event.at for event in report.events.all()).date(),
            "state": report.status,
            "kind": report.kind,
            "expected": report.expected_label,
            "decided": decided,
            "groups": groups,
            "learnt_in": str(report.folded_into or ""),
            "answers": answers,
            "tags": f" {' '.join(tags)} ",
        },
    )


def _answers(report: Report) -> list[dict[str, Any]]:
    """What models said of its images, then and now. No scores: they could identify an image."""
    counts = Counter(
        (
            example.reported_score.label,
            example.reported_score.model.version,
            example.current_score.label,
            example.current_score.model.version,
        )
        for example in report.examples.all()
    )
    return [
        {
            "said": label,
            "model": model,
            "now": current_label,
            "newer": current_model if current_model != model else "",
            "mistake": error_kind(expected=report.expected_label, predicted=label).value,
            "images": count,
        }
        for (label, model, current_label, current_model), count in sorted(counts.items())
    ]
