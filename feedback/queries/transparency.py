"""What a transparency report says about one month: notices, decisions, appeals, and accuracy."""

import datetime
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.utils import timezone

from feedback.models import (
    Decision,
    Example,
    ExampleScore,
    GoldenAnswer,
    LedgerEntry,
    ModelVersion,
    Report,
    ReportEvent,
)
from feedback.models.example import LOOKS_EXPLICIT
from feedback.queries import audits, models
from modeltrain.labels import NSFW

Figures = dict[str, Any]
# Reports that wait for a decision.
AWAITING_DECISION = (
    Report.Status.RECEIVED,
    Report.Status.SCREENING,
    Report.Status.QUEUED,
    Report.Status.APPEALED,
)
AGES = ((1, "under a day"), (7, "1 to 7 days"), (30, "7 to 30 days"), (math.inf, "over 30 days"))
RATES = ("false_alarm", "miss", "error")  # harm first


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month in UTC."""

    year: int
    number: int

    @classmethod
    def of(cls, time: datetime.datetime) -> "Month":
        return cls(time.year, time.month)

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Read a month such as 2026-11; raises ValueError for any other text."""
        date = datetime.date.fromisoformat(f"{text}-01")
        return cls(date.year, date.month)

    def __str__(self) -> str:
        return f"{self.year}-{self.number:02}"

    @property
    def start(self) -> datetime.datetime:
        return datetime.datetime(self.year, self.number, 1, tzinfo=datetime.UTC)

    @property
    def end(self) -> datetime.datetime:
        """The first moment after it."""
        return self.next.start

    @property
    def next(self) -> "Month":
        return Month(self.year + self.number // 12, self.number % 12 + 1)


def months() -> list[Month]:
    """The months since the first report or the first model, up to now, the newest first."""
    now = timezone.now()
    times = [
        Report.objects.order_by("created_at").values_list("created_at", flat=True).first(),
        ModelVersion.objects.order_by("created_at").values_list("created_at", flat=True).first(),
    ]
    month, last = Month.of(min([time for time in times if time], default=now)), Month.of(now)
    listed = [month]
    while month < last:
        month = month.next
        listed.append(month)
    return listed[::-1]


def figures(month: Month) -> Figures:
    """Everything that the report of a month says.

    A withdrawn report still counts, and so do the decisions on it; what it was about is erased.
    """
    now = timezone.now()
    until = min(month.end, now)
    return {
        "month": str(month),
        "complete": month.end <= now,
        "until": until.isoformat(timespec="seconds"),
        "notices": _notices(month),
        "decisions": _decisions(month),
        "open": _open(until),
        "appeals": _appeals(month),
        "software": _software(month),
        "reviewers": _reviewers(month),
        "model": _model(until),
    }


def _in(month: Month, field: str) -> dict[str, datetime.datetime]:
    return {f"{field}__gte": month.start, f"{field}__lt": month.end}


def real_reports() -> "QuerySet[Report]":
    """All but the copies of golden cases, which are ours."""
    return Report.objects.filter(golden=None).order_by()


def counts(queryset: "QuerySet[Any]", field: str) -> dict[str, int]:
    """How many rows there are of each value of a field that occurs."""
    counted = queryset.order_by(field).values_list(field).annotate(count=Count("pk"))
    return dict(counted.values_list(field, "count"))


def _notices(month: Month) -> Figures:
    reports = real_reports().filter(**_in(month, "created_at"))
    withdrawn = ReportEvent.objects.filter(status=Report.Status.WITHDRAWN, **_in(month, "at"))
    return {
        "received": reports.count(),
        "by_kind": counts(reports, "kind"),
        "withdrawn": withdrawn.count(),
    }


def _decisions(month: Month) -> Figures:
    """Of the decisions that were reached in this month and not taken back."""
    settled = Decision.objects.filter(
        taken_back_at=None, report__golden=None, **_in(month, "settled_at")
    )
    outcomes = counts(settled, "outcome")
    accepted = settled.filter(outcome=Decision.Outcome.ACCEPTED)
    rejected = settled.filter(outcome=Decision.Outcome.REJECTED)
    times = settled.values_list("report__created_at", "settled_at", "report__appealed_at")
    hours = [
        (end - max(start, appealed or start)).total_seconds() / 3600
        for start, end, appealed in times
        if end
    ]
    median, ninth_tenth = np.quantile(hours, [0.5, 0.9]).tolist() if hours else (None, None)
    return {
        "reached": len(hours),
        "by_outcome": {outcome: outcomes.get(outcome, 0) for outcome in Decision.Outcome.values},
        "rejected_because": counts(rejected, "because"),
        "accepted_as": counts(accepted, "label"),
        "hours_to_decision": {"median": median, "ninth_tenth": ninth_tenth},
    }


def _open(until: datetime.datetime) -> Figures:
    """Reports that waited for a decision at this time."""
    last = ReportEvent.objects.filter(report=OuterRef("pk"), at__lt=until).order_by("-at", "-pk")
    waiting = (
        real_reports()
        .filter(created_at__lt=until)
        .annotate(status_then=Subquery(last.values("status")[:1]))
        .filter(status_then__in=AWAITING_DECISION)
    )
    days = [
        (until - start).total_seconds() / 86400 for (start,) in waiting.values_list("created_at")
    ]
    by_age = Counter(next(name for most, name in AGES if age < most) for age in days)
    return {
        "reports": len(days),
        "oldest_days": max(days, default=None),
        "by_age": {name: by_age[name] for _, name in AGES},
    }


def _appeals(month: Month) -> Figures:
    """Appeals that were made in this month, and what came of them until now."""
    appealed = real_reports().filter(**_in(month, "appealed_at"))
    decided = Decision.objects.filter(
        report__in=appealed, settled_at__isnull=False, taken_back_at=None
    )
    return {
        "made": appealed.count(),
        "decided": decided.count(),
        "overturned": decided.exclude(outcome=Decision.Outcome.REJECTED).count(),
    }


def _software(month: Month) -> Figures:
    """What software did without a person: escalations of this month, and images of its reports.

    An image counts as covered if the answer that was reported gives it an explicit score.
    """
    escalated = ReportEvent.objects.filter(
        status=Report.Status.ESCALATED, by=None, **_in(month, "at")
    )
    examples = Example.objects.filter(
        report__golden=None, **_in(month, "report__created_at")
    ).order_by()
    first = ExampleScore.objects.filter(example=OuterRef("pk")).order_by("pk").values("scores")
    answers = examples.values_list(Subquery(first[:1]), flat=True)
    covered = sum(
        sum(scores.get(label, 0) for label in NSFW) >= LOOKS_EXPLICIT
        for scores in answers.iterator()
        if scores
    )
    return {
        "blocklist_hits": escalated.count(),
        "images": examples.count(),
        "covered": covered,
        "covered_from_score": LOOKS_EXPLICIT,
    }


def _reviewers(month: Month) -> Figures:
    """How often reviewers answered a golden case as it had been decided, all together."""
    from modeltrain.audit.fairness import rate

    answers = GoldenAnswer.objects.filter(**_in(month, "at"))
    return dict(rate(count=answers.filter(right=True).count(), n=answers.count()))


def _model(until: datetime.datetime) -> Figures | None:
    """Error rates of the model that was in service then, by the ledger; from its newest audit."""
    into_service = LedgerEntry.objects.filter(
        kind__in=[LedgerEntry.Kind.PROMOTION, LedgerEntry.Kind.ROLLBACK],
        time__lte=(until - datetime.timedelta.resolution).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    last = into_service.order_by("-number").first()
    model = last and models.model_of(last.facts["model"])
    audit = model and audits.finished_audit_of(model)
    if not audit:
        return None
    counted: Figures = audit.figures or {}
    return {
        "version": audit.model.version,
        "audit_set": audit.audit_set.name,
        "images": counted["images"],
        "overall": _rates(counted["overall"]),
        "classes": {label: _rates(cell) for label, cell in counted["classes"].items()},
        "axes": {axis: _axis(counted, axis) for axis in counted["groups"]},
    }


def _rates(cell: Figures) -> Figures:
    return {name: cell[name] for name in RATES}


def _axis(counted: Figures, axis: str) -> Figures:
    """Rates by group, and how often each is spared a false alarm, next to the largest group.

    The reference is the group with most harmless images, if it has enough of them: a choice that
    does not depend on how the model treats it.
    """
    from modeltrain.audit.impact_ratio import impact_ratio

    cells = counted["groups"][axis]
    harmless = {group: cell["false_alarm"]["n"] for group, cell in cells.items()}
    reference = max(sorted(harmless), key=lambda group: harmless[group], default=None)
    if reference is not None:
        different = cells[reference]["false_alarm"]["clusters"]
        reference = reference if different >= counted["minimum"] else None
    groups = {}
    for group, cell in cells.items():
        ratio = None
        if reference is not None and group != reference:
            ratio = impact_ratio(cell["false_alarm"], cells[reference]["false_alarm"])
        groups[group] = _rates(cell) | {
            "enough": cell["enough"],
            "impact_ratio": ratio
            and dict(
                zip(
                    ("ratio", "low", "high"),
                    (value if math.isfinite(value) else None for value in ratio),
                    strict=True,
                )
            ),
        }
    not_stated = counted["not_stated"].get(axis, {"n": 0})
    return {"reference": reference, "groups": groups, "images_without_group": not_stated["n"]}
