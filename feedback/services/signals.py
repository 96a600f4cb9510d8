"""Find groups that reports name more often than expected, and record maintainers' decisions."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db.models import Count, Q

from feedback import queries
from feedback.errors import Invalid, WrongState
from feedback.models import Audit, AxisValue, DemoAnswer, Example, Report, SignalDecision
from feedback.text import optional_text
from modeltrain.labels import ErrorKind, error_kind

Outcome = SignalDecision.Outcome
CACHE_SECONDS = 300
KINDS = tuple(kind.value for kind in ErrorKind if kind is not ErrorKind.CORRECT)
# Rejected reports, and reports that nobody may see, do not count.
COUNTED_STATUSES = (Report.Status.QUEUED, *Report.AGREED)

Pair = tuple[str, str, str]  # axis, value, kind of error
Cells = tuple[int, int, int, int]  # both, only the group, only the kind, neither


@dataclass(frozen=True)
class Signal:
    """A group and a kind of error that are reported together.

    Attributes
    ----------
    value : AxisValue
    kind : str
    reports : int
        The number of sources that reported both.
    expected : float
        The number that would be expected if group and kind were independent.
    ratio, low, high : float
        Observed over expected reports, shrunk towards 1, with its interval.
    raised : bool
        The result of `modeltrain.audit.signals.raised`.
    decision : SignalDecision or None
        The newest decision.
    """

    value: AxisValue
    kind: str
    reports: int
    expected: float
    ratio: float
    low: float
    high: float
    raised: bool
    decision: SignalDecision | None

    @property
    def reports_since_decision(self) -> int:
        """The number of reports since the newest decision."""
        return max(self.reports - self.decision.reports, 0) if self.decision else 0


def list_signals() -> list[Signal]:
    """Every group and kind of error that were reported together, the strongest signal first."""
    from modeltrain.audit import signals

    values = {
        (value.axis.name, value.name): value
        for value in AxisValue.objects.filter(axis__in=queries.groups.stated_axes()).select_related(
            "axis"
        )
    }
    decisions = {
        (decision.value_id, decision.kind): decision
        for decision in SignalDecision.objects.select_related(
            "by", "audit__model", "audit__audit_set"
        )
    }
    tables = {
        (values[axis, name], kind): signals.ContingencyTable(*cells)
        for (axis, name, kind), cells in count_reports().items()
        if (axis, name) in values
    }
    listed = []
    for ((value, kind), table), raised in zip(
        tables.items(), signals.raised(list(tables.values())), strict=True
    ):
        ratio = signals.disproportion(table)
        listed.append(
            Signal(
                value=value,
                kind=kind,
                reports=table.both,
                expected=table.expected,
                ratio=ratio.ratio,
                low=ratio.low,
                high=ratio.high,
                raised=raised,
                decision=decisions.get((value.pk, kind)),
            )
        )
    return sorted(listed, key=_surest_first)


def _surest_first(signal: Signal) -> tuple[bool, float, int, str]:
    return not signal.raised, -signal.low, signal.value.pk, signal.kind


def count_reports() -> dict[Pair, Cells]:
    """The contingency table of every reported pair. It is cached for five minutes."""
    counts: dict[Pair, Cells] | None = cache.get("signals")
    if counts is None:
        counts = _count(_reported())
        cache.set("signals", counts, CACHE_SECONDS)
    return counts


def _reported() -> set[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """The source, kind of error and groups of each report. Repeats by one source count once."""
    rows = (
        Example.objects.filter(position=0, report__status__in=COUNTED_STATUSES)
        .order_by("report_id", "-scores__model__number")
        .values_list(
            "report_id",
            "report__source",
            "report__expected_label",
            "report__groups",
            "scores__label",
        )
    )
    # The last row of a report has the oldest model's answer, and replaces the others.
    row_by_report = {pk: row for pk, *row in rows}
    return {
        (
            source or f"report {pk}",
            error_kind(expected=expected, predicted=predicted).value,
            tuple(sorted(groups.items())),
        )
        for pk, (source, expected, groups, predicted) in row_by_report.items()
    }


def _count(
    reported: Iterable[tuple[str, str, tuple[tuple[str, str], ...]]],
) -> dict[Pair, Cells]:
    """Count the sources on each axis: this group or another, this kind of error or another."""
    statements = {
        (source, kind, axis, value) for source, kind, groups in reported for axis, value in groups
    }
    pairs = Counter((axis, value, kind) for _, kind, axis, value in statements)
    of_value: Counter[tuple[str, str]] = Counter()
    of_kind: Counter[tuple[str, str]] = Counter()
    of_axis: Counter[str] = Counter()
    for (axis, value, kind), n in pairs.items():
        of_value[axis, value] += n
        of_kind[axis, kind] += n
        of_axis[axis] += n
    counts: dict[Pair, Cells] = {}
    for (axis, value, kind), both in pairs.items():
        if kind in KINDS:
            group, same = of_value[axis, value] - both, of_kind[axis, kind] - both
            counts[axis, value, kind] = (both, group, same, of_axis[axis] - both - group - same)
    return counts


def demo_error_rates() -> list[dict[str, Any]]:
    """For each label, the share of judged demo answers that visitors called wrong."""
    from modeltrain.audit.fairness import rate

    rows = DemoAnswer.objects.values("label").annotate(
        n=Count("pk"), wrong=Count("pk", filter=Q(right=False))
    )
    return [
        {"label": row["label"], **rate(count=row["wrong"], n=row["n"])}
        for row in rows.order_by("label")
    ]


def decide(
    *, value: AxisValue, kind: str, outcome: str, audit: Audit | None, reason: str, by: User
) -> SignalDecision:
    """Confirm a signal by an audit that measured its group, or dismiss it for a reason."""
    signal = next((s for s in list_signals() if (s.value, s.kind) == (value, kind)), None)
    if signal is None or outcome not in Outcome.values:
        raise WrongState(
            rule="A signal is decided while there are reports of it.",
            received=f"{outcome or 'nothing'} of {value} and {kind}",
            remedy="Open the page again.",
        )
    reason = optional_text(reason, "A reason")
    if outcome == Outcome.DISMISSED and not reason:
        raise Invalid(
            rule="A signal is dismissed for a reason, which is public.",
            received="no reason",
            remedy="Write what else explains the reports.",
        )
    if outcome == Outcome.CONFIRMED and rate_of(signal, audit) is None:
        raise Invalid(
            rule="A signal is confirmed by an audit that has enough images of its group.",
            received=str(audit or "no audit"),
            remedy="Bring an audit set with such images, or leave the signal open.",
        )
    return SignalDecision.objects.create(
        value=value,
        kind=kind,
        outcome=outcome,
        audit=audit if outcome == Outcome.CONFIRMED else None,
        reason=reason,
        reports=signal.reports,
        by=by,
    )


def rate_of(signal: Signal, audit: Audit | None) -> Mapping[str, float] | None:
    """An audit's rate for a signal's group and kind of error, or None if it has too few images."""
    figures = audit.figures if audit else None
    if figures is None:
        return None
    cell = figures["groups"].get(signal.value.axis.name, {}).get(signal.value.name)
    if cell is None:
        return None
    rate: Mapping[str, float] = cell[signal.kind]
    return rate if rate["clusters"] >= figures["minimum"] else None
