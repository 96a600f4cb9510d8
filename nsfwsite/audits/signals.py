"""What reports point at, in public."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.views.decorators.http import require_POST, require_safe

from feedback import queries
from feedback.models import Audit, AxisValue, ModelVersion
from feedback.services import signals
from feedback.services.signals import Signal
from nsfwsite.access import maintainer_required, refusals_as_pages, signed_in_user, typed_text
from nsfwsite.audits import filters
from nsfwsite.audits.charts.chart import Chart, FigureSource, requested_file
from nsfwsite.audits.charts.forest import forest
from nsfwsite.audits.error_rates import PHRASES
from nsfwsite.tables.audit_tables import MEASURES


def _champion_audit() -> Audit | None:
    """The audit that signals are checked against: the champion's, on the newest set."""
    champion = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first()
    audit = queries.audits.audit_of(champion) if champion else None
    return audit if audit and audit.status == Audit.Status.DONE else None


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    reported = signals.list_signals()
    raised = [signal for signal in reported if signal.raised]
    source = FigureSource(f"Reports until {format_date(timezone.now(), 'j F Y')}")
    charts = filters.by_name(request, [_chart(raised)], source)
    if file := requested_file(request, list(charts.values())):
        return file
    audit = _champion_audit()
    rows = [_row(signal, audit) for signal in reported]
    context = {
        "charts": charts,
        "demo_answers": signals.demo_error_rates(),
        "signals": [row for row in rows if _is_shown(row["signal"])],
        "other_reports": [row for row in rows if not _is_shown(row["signal"])],
    }
    return render(request, "audits/signals.html", context)


def _is_shown(signal: Signal) -> bool:
    return signal.raised or signal.decision is not None


def _row(signal: Signal, audit: Audit | None) -> dict[str, Any]:
    measured_by = (signal.decision and signal.decision.audit) or audit
    return {
        "signal": signal,
        "kind": MEASURES[signal.kind],
        "measured": signals.rate_of(signal, measured_by),
        "measured_by": measured_by,
    }


def _times(cell: Mapping[str, Any]) -> str:
    ratio, low, high = (cell[name] + 1 for name in ("rate", "low", "high"))
    return f"{ratio:.1f} times ({low:.1f} to {high:.1f}), {cell['n']:,} networks"


def _chart(raised: Sequence[Signal]) -> Chart | None:
    if not raised:
        return None
    cells = [
        {
            "axis": MEASURES[signal.kind],
            "value": signal.value.title,
            "rate": signal.ratio - 1,
            "low": signal.low - 1,
            "high": signal.high - 1,
            "n": signal.reports,
        }
        for signal in raised
    ]
    surest = raised[0]
    title = (
        f"{surest.value.title}: {PHRASES[surest.kind]} is reported {surest.ratio:.1f} times as "
        "often as expected"
    )
    return Chart(
        name="signals",
        title=title,
        summary=f"{title}, {surest.low:.1f} to {surest.high:.1f}. {len(cells)} signals are drawn.",
        columns=["kind", "group", "beyond expectation", "low", "high", "sources"],
        rows=[list(cell.values()) for cell in cells],
        draw=forest(cells, x="reports beyond what was to be expected", signed=True, label=_times),
        detail=_times(cells[0]),
    )


@maintainer_required
@refusals_as_pages
@require_POST
def decide(request: HttpRequest, axis: str, value: str, kind: str) -> HttpResponse:
    group = get_object_or_404(AxisValue, axis__name=axis, name=value)
    decision = signals.decide(
        value=group,
        kind=kind,
        outcome=request.POST.get("outcome", ""),
        audit=_champion_audit(),
        reason=typed_text(request, "reason"),
        by=signed_in_user(request),
    )
    messages.success(request, f"{decision.get_outcome_display()}: {group.title}.")
    return redirect("signals")
