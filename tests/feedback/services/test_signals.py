"""Reports point at groups; maintainers say what came of it."""

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from feedback.errors import Invalid, WrongState
from feedback.models import Audit, AuditSet, AxisValue, Report, SignalDecision
from feedback.services import signals
from tests.nsfwsite.audits.examples import FIGURES

NAME = ("medium", "vector", "confusion")


@pytest.fixture
def reported(filed):
    """Reports of neutral answers, each from a network of its own unless said."""

    def make(count: int, *, medium: str, label: str, source: str = "", status: str = "queued"):
        start = Report.objects.count()
        for seed in range(start, start + count):
            report = filed(
                seed,
                groups={"medium": medium},
                expected_label=label,
                source=source or f"network {seed}",
            )
            Report.objects.filter(pk=report.pk).update(status=status)
        cache.clear()

    return make


@pytest.fixture
def pointed(reported) -> None:
    """Twenty networks report confusions of vector drawings, and misses of everything."""
    reported(20, medium="vector", label="drawings")
    reported(2, medium="vector", label="sexy")
    reported(20, medium="photograph", label="sexy")
    reported(1, medium="photograph", label="drawings")


def planted_signal() -> signals.Signal:
    return next(
        s for s in signals.list_signals() if (s.value.axis.name, s.value.name, s.kind) == NAME
    )


def test_a_group_that_is_reported_more_than_others_is_a_signal(pointed) -> None:
    signal = planted_signal()
    assert signal.raised
    assert (signal.reports, signal.ratio > 1.5) == (20, True)
    assert signal.expected == pytest.approx(22 * 21 / 43)
    raised = {
        (signal.value.name, signal.kind) for signal in signals.list_signals() if signal.raised
    }
    assert raised == {("vector", "confusion"), ("photograph", "miss")}


def test_a_network_counts_once(reported) -> None:
    reported(20, medium="vector", label="drawings", source="mallory")
    reported(10, medium="photograph", label="sexy")
    assert planted_signal().reports == 1
    assert not planted_signal().raised


def test_reports_without_a_source_count_each_until_the_counts_are_made_anew(queued) -> None:
    for seed in range(2):
        queued(seed, source="")
    assert planted_signal().reports == 2
    queued(3, source="")
    assert planted_signal().reports == 2  # as before, from the cache


def test_a_report_counts_once_for_its_first_image(queued, judged) -> None:
    queued(classifications=[judged(1), judged(2, label="porn")])
    assert [(signal.kind, signal.reports) for signal in signals.list_signals()] == [
        ("confusion", 1)
    ]


def test_the_surest_signal_comes_first() -> None:
    first, second = AxisValue(pk=1), AxisValue(pk=2)
    order = [
        (second, "miss", 1.0, True),
        (second, "miss", 3.0, False),
        (first, "miss", 2.0, False),
        (second, "confusion", 2.0, False),
        (second, "miss", 2.0, False),
    ]
    sorted_signals = [
        signals.Signal(value, kind, 9, 3.0, 2.0, low, 4.0, raised, None)
        for value, kind, low, raised in order
    ]
    assert sorted(reversed(sorted_signals), key=signals._surest_first) == sorted_signals


@pytest.mark.parametrize("status", ["rejected", "withdrawn", "escalated", "received"])
def test_rejected_or_unscreened_reports_do_not_count(reported, status) -> None:
    reported(6, medium="vector", label="drawings", status=status)
    assert signals.list_signals() == []


def test_reports_without_a_group_on_the_axis_do_not_count(reported, filed) -> None:
    reported(6, medium="vector", label="drawings")
    filed(99, groups={}, expected_label="sexy", source="other")
    cache.clear()
    assert planted_signal().expected == 6


@pytest.fixture
def audit(champion, axes) -> Audit:
    audit_set = AuditSet.objects.create(name="demo", manifest_sha256="e" * 64, images=240)
    return Audit.objects.create(
        model=champion,
        audit_set=audit_set,
        status="done",
        figures=FIGURES,
        finished_at=timezone.now(),
    )


def vector() -> AxisValue:
    return AxisValue.objects.get(axis__name="medium", name="vector")


def test_a_maintainer_confirms_a_signal_by_the_audit_that_measured_it(
    client, pointed, audit, mona
) -> None:
    client.force_login(mona)
    page = client.get(reverse("signals")).content.decode()
    assert "The audit of v1" in page
    answer = client.post(reverse("decide-signal", args=NAME), {"outcome": "confirmed"}, follow=True)
    text = answer.content.decode()
    assert "<strong>Confirmed by an audit</strong> by mona" in text
    assert SignalDecision.objects.get().audit == audit


def test_a_dismissed_signal_says_why_and_how_many_came_since(
    client, pointed, reported, mona
) -> None:
    signals.decide(
        value=vector(),
        kind="confusion",
        outcome="dismissed",
        audit=None,
        reason="One forum linked here.",
        by=mona,
    )
    reported(3, medium="vector", label="drawings")
    text = " ".join(client.get(reverse("signals")).content.decode().split())
    assert "One forum linked here." in text
    assert "3 more since" in text
    assert planted_signal().reports_since_decision == 3


def test_an_audit_confirms_only_groups_that_it_measured_well(reported, audit) -> None:
    reported(1, medium="vector", label="drawings")
    signal = planted_signal()
    figures = audit.figures
    audit.figures = {**figures, "minimum": 200}
    assert signals.rate_of(signal, audit)["n"] == 200
    audit.figures = {**figures, "minimum": 201}
    assert signals.rate_of(signal, audit) is None
    audit.figures = {**figures, "groups": {"medium": {}}}
    assert signals.rate_of(signal, audit) is None
    audit.figures = None  # it is not finished
    assert signals.rate_of(signal, audit) is None


def test_what_nobody_reports_cannot_be_dismissed(reported, mona) -> None:
    reported(1, medium="vector", label="drawings")
    with pytest.raises(WrongState):
        signals.decide(
            value=vector(), kind="miss", outcome="dismissed", audit=None, reason="Why.", by=mona
        )


@pytest.mark.parametrize(
    ("outcome", "refusal"), [("dismissed", Invalid), ("confirmed", Invalid), ("", WrongState)]
)
def test_a_decision_needs_a_reason_or_an_audit(pointed, mona, outcome, refusal) -> None:
    with pytest.raises(refusal):
        signals.decide(
            value=vector(), kind="confusion", outcome=outcome, audit=None, reason=" ", by=mona
        )
    assert not SignalDecision.objects.exists()


def test_reviewers_and_strangers_do_not_decide(client, pointed, ravi) -> None:
    address = reverse("decide-signal", args=NAME)
    assert client.post(address, {"outcome": "dismissed", "reason": "x"}).status_code == 302
    client.force_login(ravi)
    assert client.post(address, {"outcome": "dismissed", "reason": "x"}).status_code == 404
    assert not SignalDecision.objects.exists()


@pytest.mark.parametrize("how", ["svg", "csv", "json"])
def test_the_chart_can_be_downloaded(client, pointed, how) -> None:
    answer = client.get(reverse("signals"), {"chart": "signals", "as": how})
    assert answer.status_code == 200
    assert b"Flat vector drawing" in answer.content


def test_without_reports_it_says_so(client, axes) -> None:
    assert "No signal" in client.get(reverse("signals")).content.decode()


# A mutant of `signals` that survives changes nothing: `list_signals` with the axis of named slices.
# No report can state a slice.
