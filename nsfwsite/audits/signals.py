"""What reports point at, in public."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from feedback import queries
from feedback.models import Audit, AxisValue, ModelVersion
from feedback.services import signals
from feedback.services.signals import Signal
from nsfwsite.access import maintainer_required, refusals_as_pages, signed_in_user, typed_text
from nsfwsite.audits import charts, filters
from nsfwsite.audits.charts import Chart
from nsfwsite.audits.dashboards import WORDS
from nsfwsite.tables.audit_tables import MEASURES


def _audit() -> Audit | None:
    """The one that a signal is held against: the champion's, on the newest set."""
    champion = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first()
    audit = queries.audits.audit_of(champion) if champion else None
    return audit if audit and audit.status == Audit.Status.DONE else None


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    found = signals.list_signals()
    drawn = filters.linked(request, [_chart([each for each in found if each.raised])])
    if file := charts.asked(request, list(drawn.values())):
        return file
    audit = _audit()
    context = {
        "charts": drawn,
        "audit": audit,
        "said_wrong": signals.demo_error_rates(),
        "signals": [_row(each, audit) for each in found if each.raised or each.decision],
        "others": [_row(each, audit) for each in found if not (each.raised or each.decision)],
    }
    return render(request, "audits/signals.html", context)


def _row(signal: Signal, audit: Audit | None) -> dict[str, object]:
    decided = signal.decision.audit if signal.decision else None
    return {
        "signal": signal,
        "kind": MEASURES[signal.kind],
        "measured": signals.rate_of(signal, decided or audit),
        "measured_by": decided or audit,
    }


def _chart(raised: Sequence[Signal]) -> Chart | None:
    if not raised:
        return None
    cells = [
        {
            "axis": MEASURES[each.kind],
            "value": each.value.title,
            "rate": each.ratio - 1,
            "low": each.low - 1,
            "high": each.high - 1,
            "n": each.reports,
        }
        for each in raised
    ]
    first = raised[0]
    title = (
        f"{first.value.title}: {WORDS[first.kind]} is reported {first.ratio:.1f} times as often as "
        "expected"
    )
    return Chart(
        name="signals",
        title=title,
        summary=f"{title}, {first.low:.1f} to {first.high:.1f}. {len(cells)} signals are drawn.",
        columns=["kind", "group", "beyond expectation", "low", "high", "sources"],
        rows=[[c["axis"], c["value"], c["rate"], c["low"], c["high"], c["n"]] for c in cells],
        draw=charts.forest(cells, x="reports beyond what was to be expected", signed=True),
    )


@maintainer_required
@refusals_as_pages
@require_POST
def decide(request: HttpRequest, axis: str, value: str, kind: str) -> HttpResponse:
    group = get_object_or_404(AxisValue, axis__name=axis, name=value)
    outcome = request.POST.get("outcome", "")
    made = signals.decide(
        value=group,
        kind=kind,
        outcome=outcome,
        audit=_audit(),
        reason=typed_text(request, "reason"),
        by=signed_in_user(request),
    )
    messages.success(request, f"{made.get_outcome_display()}: {group.title}.")
    return redirect("signals")
