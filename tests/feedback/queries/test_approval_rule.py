import pytest

from feedback import queries
from feedback.services import approval_rule, triage

pytestmark = pytest.mark.django_db


def test_a_report_is_half_decided_while_one_of_two_reviewers_has_answered(
    queued, ravi, mona
) -> None:
    approval_rule.change(number=2, by=mona)
    half, whole, undecided = queued(1), queued(2), queued(3)
    for report in (half, whole):
        triage.decide(report=report, outcome="accepted", by=ravi, label="drawings")
    triage.decide(report=whole, outcome="accepted", by=mona, label="drawings")
    assert [decision.report for decision in queries.approval_rule.half_decided()] == [half]
    assert undecided.decisions.count() == 0


def test_changes_of_the_rule_are_read_from_the_ledger_the_newest_first(ravi, mona) -> None:
    for number in (2, 1):
        approval_rule.change(number=number, by=mona)
    assert [entry.facts["keys"] for entry in queries.approval_rule.changes()] == [1, 2]
