"""Reports are counted, and found by receipt."""

import datetime

import pytest

from feedback import queries
from feedback.models import Report
from feedback.services import triage

pytestmark = pytest.mark.django_db


def test_a_report_is_found_by_its_receipt_alone(filed) -> None:
    report = filed()
    assert queries.reports.by_receipt(report.receipt) == report
    assert queries.reports.by_receipt("another") is None


def test_details_of_many_reports_take_as_many_queries_as_of_one(
    queued, django_assert_max_num_queries
) -> None:
    for seed in range(3):
        queued(seed)
    with django_assert_max_num_queries(9):
        for report in queries.reports.with_details(Report.objects.all()):
            assert report.examples.all()[0].reported_score.model.version == "v1"
            assert report.decision is None


def test_every_status_is_counted_the_empty_ones_too(filed, queued) -> None:
    filed(1)
    queued(2)
    queued(3)
    counts = queries.reports.counts_by_status()
    assert set(counts) == set(Report.Status.values)
    assert (counts["received"], counts["queued"], counts["accepted"]) == (1, 2, 0)


def test_a_report_can_be_appealed_for_days_after_its_rejection(queued, ravi, settings) -> None:
    settings.DECLINED_DAYS = 30
    report = queued()
    assert queries.reports.appeal_deadline(report) is None
    triage.decide(report=report, outcome="rejected", by=ravi, reason="A photograph.")
    rejected_at = report.events.get(status="rejected").at
    deadline = queries.reports.appeal_deadline(report)
    assert deadline - rejected_at == datetime.timedelta(days=30)


def test_only_accepted_reports_with_consent_and_images_can_be_learnt_from(queued, ravi) -> None:
    for seed, changes in enumerate(
        (
            {},
            {"consent_train": False},
            {"consent_train": False, "consent_store": False},
        )
    ):
        triage.decide(report=queued(seed, **changes), outcome="accepted", by=ravi)
    queued(9)
    assert queries.reports.learnable_counts() == {"reports": 1, "images": 1}
