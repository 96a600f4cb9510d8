"""A reviewer sees the open cases that they may decide."""

import datetime

import pytest
from django.utils import timezone

from feedback import queries
from feedback.models import Report
from feedback.services import triage

pytestmark = pytest.mark.django_db


def test_a_claim_hides_a_case_from_others_until_it_lapses(queued, ravi, mona) -> None:
    report = queued()
    assert triage.claim_next(by=ravi) == report
    assert list(queries.triage.open_cases(ravi)) == [report]
    assert list(queries.triage.open_cases(mona)) == []
    Report.objects.update(claimed_until=timezone.now() - datetime.timedelta(seconds=1))
    assert list(queries.triage.open_cases(mona)) == [report]


def test_only_screened_undecided_reports_are_open(filed, queued, ravi) -> None:
    filed(1)
    decided, waiting = queued(2), queued(3)
    triage.decide(report=decided, outcome="accepted", by=ravi)
    assert list(queries.triage.open_cases(ravi)) == [waiting]


def test_escalated_reports_are_listed_oldest_first_with_the_number_of_images(
    queued, paired, ravi
) -> None:
    first, second = queued(1), paired(5)
    for report in (first, second):
        triage.decide(report=report, outcome="escalated", by=ravi, reason="See for yourself.")
    assert [(report, report.image_count) for report in queries.triage.escalated()] == [
        (first, 1),
        (second, 2),
    ]
