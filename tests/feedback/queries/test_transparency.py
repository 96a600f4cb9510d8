"""The figures of a month, recomputed by other means from reports that are made here."""

import datetime
import hashlib
import random
import statistics

import pytest
from django.utils import timezone

from feedback import queries
from feedback.models import (
    AuditSet,
    Decision,
    Example,
    ExampleScore,
    Golden,
    GoldenAnswer,
    ModelVersion,
    Report,
    ReportEvent,
)
from feedback.queries.transparency import Month
from feedback.services import ledger
from modeltrain.audit.evaluate import Predicted
from tests.cast import finished_audit

pytestmark = pytest.mark.django_db

MAY = Month(2026, 5)
ON_30_APRIL = datetime.datetime(2026, 4, 30, 12, tzinfo=datetime.UTC)
EXPLICIT = {"drawings": 0.1, "hentai": 0.2, "neutral": 0.2, "porn": 0.3, "sexy": 0.2}
HARMLESS = {"drawings": 0.5, "hentai": 0.1, "neutral": 0.3, "porn": 0.05, "sexy": 0.05}


class Made:
    """A report as this test remembers it, apart from what the database has."""

    def __init__(self, rng: random.Random, champion: ModelVersion, reviewer) -> None:
        hours = datetime.timedelta(hours=1)
        self.created = ON_30_APRIL + rng.uniform(0, 33 * 24) * hours
        self.kind = rng.choice(["misclassified", "misclassified", "unfair"])
        self.outcome = rng.choice(["accepted", "rejected", "escalated", "", "blocklist"])
        self.settled = self.first_settled = self.created + rng.expovariate(1 / 60) * hours
        self.because = rng.choice(["cannot-tell", "right-by-definition"])
        self.label = rng.choice(["drawings", "neutral"])
        self.explicit = [rng.random() < 0.3 for _ in range(rng.randint(1, 3))]
        self.appealed = None
        self.withdrawn = None
        self._write(rng, champion, reviewer)

    def _write(self, rng, champion, reviewer) -> None:
        self.report = Report.objects.create(kind=self.kind, expected_label="drawings")
        self._update(created_at=self.created)
        for status in ("received", "screening"):
            self._event(status, self.created)
        if self.outcome == "blocklist":
            self._event("escalated", self.settled)
            self._update(status="escalated")
        else:
            self._event("queued", self.created)
            self._update(status="queued")
        for position, explicit in enumerate(self.explicit):
            example = Example.objects.create(report=self.report, position=position)
            for scores in (EXPLICIT if explicit else HARMLESS, HARMLESS):
                ExampleScore.objects.create(
                    example=example, model=champion, label="neutral", scores=scores
                )
                break
        if self.outcome in Decision.Outcome.values:
            self._decide(self.outcome, self.settled, reviewer)
            if self.outcome == "rejected" and rng.random() < 0.6:
                self._appeal(rng, reviewer)
            elif rng.random() < 0.2:
                self.withdrawn = self.settled + datetime.timedelta(hours=5)
                self._event("withdrawn", self.withdrawn)
                self._update(status="withdrawn")

    def _appeal(self, rng, reviewer) -> None:
        self.appealed = self.settled + datetime.timedelta(hours=rng.uniform(1, 99))
        self.report.decisions.update(taken_back_at=self.appealed)
        self._update(appealed_at=self.appealed, appeal="No.")
        self._event("appealed", self.appealed)
        self._event("queued", self.appealed)
        self.outcome = rng.choice(["accepted", "rejected", ""])
        self.settled = self.appealed + datetime.timedelta(hours=rng.uniform(1, 99))
        if self.outcome:
            self._decide(self.outcome, self.settled, reviewer)

    def _decide(self, outcome, at, reviewer) -> None:
        decision = Decision.objects.create(
            report=self.report,
            outcome=outcome,
            label=self.label if outcome == "accepted" else "",
            because=self.because if outcome == "rejected" else "",
            reason="" if outcome == "rejected" else "Because.",
            by=reviewer,
            settled_at=at,
        )
        assert decision.stands
        self._event(outcome, at, by=reviewer)
        self._update(status=outcome)

    def _event(self, status, at, by=None) -> None:
        event = ReportEvent.objects.create(report=self.report, status=status, by=by)
        ReportEvent.objects.filter(pk=event.pk).update(at=at)

    def _update(self, **fields) -> None:
        Report.objects.filter(pk=self.report.pk).update(**fields)

    @property
    def decided(self) -> bool:
        return self.outcome in Decision.Outcome.values

    def waits_at(self, time) -> bool:
        if self.created >= time or (self.withdrawn and self.withdrawn < time):
            return False
        if self.appealed and self.appealed >= time:
            return self.first_settled >= time
        return not self.outcome or self.settled >= time


def in_may(time) -> bool:
    return time is not None and (time.year, time.month) == (2026, 5)


@pytest.fixture
def history(champion, ravi) -> list[Made]:
    rng = random.Random(20261129)
    return [Made(rng, champion, ravi) for _ in range(160)]


def test_reports_and_decisions_are_those_that_were_made(history):
    figures = queries.transparency.figures(MAY)

    received = [report for report in history if in_may(report.created)]
    assert figures["notices"] == {
        "received": len(received),
        "by_kind": {
            kind: sum(report.kind == kind for report in received)
            for kind in ("misclassified", "unfair")
        },
        "withdrawn": sum(in_may(report.withdrawn) for report in history),
    }
    decided = [report for report in history if report.decided and in_may(report.settled)]
    assert figures["decisions"]["reached"] == len(decided) > 50
    for outcome in ("accepted", "rejected", "escalated"):
        expected = sum(report.outcome == outcome for report in decided)
        assert figures["decisions"]["by_outcome"][outcome] == expected > 5
    for because, count in figures["decisions"]["rejected_because"].items():
        assert count == sum(
            report.outcome == "rejected" and report.because == because for report in decided
        )
    for label, count in figures["decisions"]["accepted_as"].items():
        assert count == sum(
            report.outcome == "accepted" and report.label == label for report in decided
        )


def test_the_time_to_a_decision_runs_from_the_report_or_its_appeal(history):
    hours = [
        (report.settled - (report.appealed or report.created)).total_seconds() / 3600
        for report in history
        if report.decided and in_may(report.settled)
    ]
    figures = queries.transparency.figures(MAY)["decisions"]["hours_to_decision"]
    assert figures["median"] == pytest.approx(statistics.median(hours))
    tenths = statistics.quantiles(hours, n=10, method="inclusive")
    assert figures["ninth_tenth"] == pytest.approx(tenths[-1])


def test_what_waited_at_the_end_of_the_month_is_known_from_the_history(history):
    waiting = [MAY.end - report.created for report in history if report.waits_at(MAY.end)]
    figures = queries.transparency.figures(MAY)["open"]
    assert figures["reports"] == len(waiting) > 10
    assert figures["oldest_days"] == pytest.approx(max(waiting).total_seconds() / 86400)
    assert sum(figures["by_age"].values()) == len(waiting)
    week = datetime.timedelta(days=7)
    assert figures["by_age"]["7 to 30 days"] == sum(
        week <= age < datetime.timedelta(days=30) for age in waiting
    )


def test_appeals_are_counted_with_what_came_of_them(history):
    appealed = [report for report in history if in_may(report.appealed)]
    assert queries.transparency.figures(MAY)["appeals"] == {
        "made": len(appealed),
        "decided": sum(report.decided for report in appealed),
        "overturned": sum(report.outcome == "accepted" for report in appealed),
    }


def test_what_software_did_alone(history):
    images = [
        explicit for report in history if in_may(report.created) for explicit in report.explicit
    ]
    assert queries.transparency.figures(MAY)["software"] == {
        "blocklist_hits": sum(
            report.outcome == "blocklist" and in_may(report.settled) for report in history
        ),
        "images": len(images),
        "covered": sum(images),
        "covered_from_score": 0.5,
    }


def test_copies_of_golden_cases_are_no_reports_but_answers_to_them_are_counted(queued, ravi, mona):
    golden = Golden.objects.create(report=queued(), by=mona)
    Report.objects.create(status="golden", golden=golden, expected_label="drawings")
    for reviewer, right in ((ravi, True), (mona, False)):
        GoldenAnswer.objects.create(golden=golden, verdict="drawings", right=right, by=reviewer)
    figures = queries.transparency.figures(queries.transparency.months()[0])
    assert figures["notices"]["received"] == 1
    assert (figures["reviewers"]["count"], figures["reviewers"]["n"]) == (1, 2)


def test_a_month_without_a_report_has_zeros_and_no_times(db):
    figures = queries.transparency.figures(MAY)
    assert figures["notices"]["received"] == figures["decisions"]["reached"] == 0
    assert figures["decisions"]["hours_to_decision"] == {"median": None, "ninth_tenth": None}
    assert figures["open"]["oldest_days"] is None
    assert figures["model"] is None


def answers(group: str | None, harmless: int, false_alarms: int) -> list[Predicted]:
    groups = {"gender": group} if group else {}
    names = [hashlib.sha256(f"{group} {number}".encode()).hexdigest() for number in range(harmless)]
    return [
        Predicted(
            name,
            name,
            "neutral",
            groups,
            EXPLICIT if number < false_alarms else HARMLESS | {"neutral": 0.6},
        )
        for number, name in enumerate(names)
    ]


@pytest.fixture
def audited(champion):
    def make(*predicted: list[Predicted]):
        audit_set = AuditSet.objects.create(name="set", manifest_sha256="c" * 64, images=1)
        ledger.record_promotion(champion, after=None, by=None)
        finished_audit(champion, audit_set, [answer for part in predicted for answer in part])
        return queries.transparency.figures(queries.transparency.months()[0])["model"]

    return make


def test_the_impact_ratio_is_against_the_largest_group(audited):
    model = audited(answers("man", 100, 5), answers("woman", 60, 12), answers(None, 7, 0))
    axis = model["axes"]["gender"]
    assert model["version"] == "v1"
    assert axis["reference"] == "man"
    assert axis["groups"]["man"]["impact_ratio"] is None
    assert axis["groups"]["woman"]["impact_ratio"]["ratio"] == pytest.approx((48 / 60) / (95 / 100))
    assert axis["images_without_group"] == 7


def test_a_month_keeps_the_model_that_was_in_service_at_its_end(audited, champion, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(ledger.timezone, "now", lambda: MAY.start + datetime.timedelta(days=2))
        ledger.record_promotion(champion, after=None, by=None)
    audited(answers("man", 40, 2))
    second = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Another")
    ledger.record_promotion(second, after=champion, by=None)
    ledger.record_promotion(champion, after=second, by=None)
    champion.promoted_at = timezone.now()
    champion.save()
    assert queries.transparency.figures(MAY)["model"]["version"] == "v1"
    assert queries.transparency.figures(Month(2026, 4))["model"] is None


def test_a_group_of_three_images_is_no_reference(audited):
    axis = audited(answers("man", 3, 0), answers("woman", 2, 1))["axes"]["gender"]
    assert axis["reference"] is None
    assert axis["groups"]["woman"]["impact_ratio"] is None


def test_a_month_is_read_only_as_it_is_written():
    assert Month.parse("2026-11") == Month(2026, 11)
    assert str(Month(2026, 3)) == "2026-03"
    assert Month(2026, 12).next == Month(2027, 1)
    for text in ("2026-13", "2026", "11-2026", "", "2026-1-1"):
        with pytest.raises(ValueError, match=r".*"):
            Month.parse(text)
