"""Which decisions count, which a reviewer may read, and which were made independently."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from feedback import queries, roles
from feedback.models import Decision, Report
from feedback.services import approval_rule, triage
from tests.cast import account

pytestmark = pytest.mark.django_db


@pytest.fixture
def tara(db) -> User:
    """A third reviewer."""
    return account("tara", roles.REVIEWERS)


@pytest.fixture
def two_keys(ravi, mona) -> None:
    approval_rule.change(number=2, by=mona)


def decide(report: Report, by: User, label: str) -> Decision:
    return triage.decide(report=report, outcome="accepted", by=by, label=label)


def test_a_reviewer_reads_only_their_own_decision_on_an_open_case(
    two_keys, queued, ravi, tara
) -> None:
    report = queued()
    decision = decide(report, ravi, "drawings")
    assert queries.decisions.visible_decisions(report, to=ravi) == [decision]
    assert queries.decisions.visible_decisions(report, to=tara) == []

    Decision.objects.update(taken_back_at=timezone.now())
    assert queries.decisions.visible_decisions(report, to=tara) == [decision]


def test_everyone_reads_the_decisions_on_a_settled_case(queued, ravi, tara) -> None:
    report = queued()
    decision = decide(report, ravi, "drawings")
    report.refresh_from_db()
    assert queries.decisions.visible_decisions(report, to=tara) == [decision]


def test_a_case_is_disputed_once_three_reviewers_differ(two_keys, queued, ravi, tara, mona) -> None:
    report, other = queued(1), queued(2)
    for by, label in ((ravi, "drawings"), (tara, "neutral")):
        decide(report, by, label)
        assert not queries.decisions.disputed_cases().exists()
    decide(report, mona, "sexy")
    decide(other, ravi, "drawings")
    assert list(queries.decisions.disputed_cases()) == [report]
    assert queries.decisions.three_differ(queries.decisions.active_decisions(report))
    assert not queries.decisions.three_differ(queries.decisions.active_decisions(other))


def test_independent_decisions_are_those_of_two_on_a_report_decided_once(
    two_keys, queued, ravi, tara
) -> None:
    settled, alone, again = queued(1), queued(2), queued(3)
    for report in (settled, again):
        decide(report, ravi, "drawings")
        decide(report, tara, "drawings")
    decide(alone, ravi, "drawings")
    Decision.objects.filter(report=again, by=ravi).update(taken_back_at=timezone.now())
    assert [decision.by for decision in queries.decisions.independent_decisions()] == [ravi, tara]
    assert {decision.report for decision in queries.decisions.independent_decisions()} == {settled}
