"""Tell what became of a report: in the ledger for good, in the public list while it stands."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from feedback.models import Decision, PublicReport, Report
from feedback.services import ledger
from modeltrain.labels import error_kind


def record(*, report: Report, outcome: str, decision: Decision | None = None, **facts: Any) -> None:
    """Write an outcome down; called in the transaction that it comes about in."""
    ledger.record_report(report=report, outcome=outcome, decision=decision, **facts)
    publish(report.pk)


@transaction.atomic
def publish(pk: int) -> None:
    """Make the public words of a report anew, or remove them."""
    report = (
        Report.objects.select_for_update(of=("self",))  # nobody withdraws it meanwhile
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
    labels = {report.expected_label, decided, *(a["said"] for a in answers)} - {""}
    models = {a[name] for a in answers for name in ("model", "newer")} - {""}
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
    """What models said of its images and say now. A score could tell which image it is."""
    found = Counter(
        (one.then.label, one.then.model.version, one.now.label, one.now.model.version)
        for one in report.examples.all()
    )
    return [
        {
            "said": said,
            "model": model,
            "now": now,
            "newer": newer if newer != model else "",
            "mistake": error_kind(expected=report.expected_label, predicted=said).value,
            "images": images,
        }
        for (said, model, now, newer), images in sorted(found.items())
    ]


def catch_up(pks: Iterable[int]) -> None:
    """Publish reports that were decided before there was a public list."""
    for pk in pks:
        publish(pk)
