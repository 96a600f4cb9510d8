"""Quarantined reports are released by reviewers, rejected together by maintainers."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from feedback import queries
from feedback.errors import Invalid, WrongState
from feedback.models import Burst, Decision, Report
from feedback.services import approval_rule, quarantine, reports, triage
from tests.feedback.services.test_bursts import flood

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _few(settings) -> None:
    settings.BURST_REPORTS = 3


def test_ravi_releases_a_burst_into_the_queue(client, queued, ravi) -> None:
    flooded = flood(queued)
    client.force_login(ravi)
    page = client.get(reverse("triage")).content.decode()
    assert "2 reports</strong> from one network" in page
    assert "Reject them all" not in page
    client.post(reverse("release", args=[Burst.objects.get().pk]))

    assert list(queries.triage.open_cases(ravi)) == flooded
    assert not queries.triage.bursts().exists()


def test_mona_rejects_a_burst_at_once_and_every_reporter_reads_why(client, queued, mona) -> None:
    flooded = flood(queued)
    client.force_login(mona)
    where = reverse("reject-held", args=[Burst.objects.get().pk])
    assert client.post(where, {"reason": " "}).status_code == 422
    client.post(where, {"reason": "The same words, again and again."})

    assert [Report.objects.get(pk=report.pk).status for report in flooded] == [
        *["queued"] * 3,
        *["rejected"] * 2,
    ]
    receipt = client.get(reverse("receipt", args=[flooded[4].receipt])).content.decode()
    assert "The same words, again and again." in receipt
    reports.appeal(report=Report.objects.get(pk=flooded[4].pk), words="Mine is another.")
    assert queries.triage.bursts().get().waiting == 1


def test_ravi_cannot_reject_a_burst(client, queued, ravi) -> None:
    flood(queued)
    client.force_login(ravi)
    burst = Burst.objects.get()
    assert client.post(reverse("reject-held", args=[burst.pk])).status_code == 404
    with pytest.raises(WrongState):
        quarantine.reject(burst=burst, by=ravi, reason="No.")


def test_a_quarantined_report_can_be_decided_or_withdrawn_alone(queued, ravi) -> None:
    *_, first, second = flood(queued)
    triage.decide(report=first, outcome="accepted", by=ravi)
    reports.withdraw(report=second)
    assert not queries.triage.bursts().exists()


def test_rejecting_a_burst_needs_a_reason(queued, mona) -> None:
    flood(queued)
    with pytest.raises(Invalid, match="needs a reason"):
        quarantine.reject(burst=Burst.objects.get(), by=mona, reason="")
    assert not Report.objects.filter(status="rejected").exists()


def test_a_stranger_releases_nothing(queued, sam) -> None:
    flood(queued)
    with pytest.raises(WrongState, match="released by reviewers"):
        quarantine.release(burst=Burst.objects.get(), by=sam)
    assert queries.triage.bursts().get().waiting == 2


def test_ravi_learns_how_many_reports_he_released(queued, ravi) -> None:
    flooded = flood(queued)
    burst = Burst.objects.get()
    decided = Report.objects.get(pk=flooded[4].pk)
    triage.decide(report=decided, outcome="accepted", by=ravi)
    assert quarantine.release(burst=burst, by=ravi) == 1
    assert quarantine.release(burst=burst, by=ravi) == 0
    decided.refresh_from_db()
    assert decided.burst == burst


def test_one_burst_is_released_or_rejected_and_the_others_wait(queued, mona) -> None:
    flood(queued)
    for seed in range(10, 15):
        queued(seed, source="another network")
    first, second = Burst.objects.all()
    assert quarantine.reject(burst=first, by=mona, reason="The same again.") == (2, 0)
    assert [burst.waiting for burst in queries.triage.bursts()] == [2]
    assert quarantine.release(burst=second, by=mona) == 2
    assert Report.objects.filter(status="rejected", burst=first).count() == 2
    assert Report.objects.filter(status="rejected").count() == 2


def test_a_burst_is_rejected_in_batches_by_one_maintainer_whatever_the_keys(
    queued, ravi, mona, monkeypatch
) -> None:
    approval_rule.change(number=2, by=mona)
    flood(queued, 6)
    burst = Burst.objects.get()
    monkeypatch.setattr(quarantine, "BATCH_SIZE", 2)
    assert quarantine.reject(burst=burst, by=mona, reason="The same again.") == (2, 1)
    assert quarantine.reject(burst=burst, by=mona, reason="The same again.") == (1, 0)
    decisions = Decision.objects.all()
    assert {(decision.by, decision.outcome, decision.stands) for decision in decisions} == {
        (mona, "rejected", True)
    }


def test_a_report_that_ravi_has_in_hand_is_not_rejected_with_its_burst(queued, ravi, mona) -> None:
    flooded = flood(queued)
    later = timezone.now() + datetime.timedelta(minutes=5)
    Report.objects.filter(pk=flooded[3].pk).update(claimed_by=ravi, claimed_until=later)
    burst = Burst.objects.get()
    assert quarantine.reject(burst=burst, by=mona, reason="The same again.") == (1, 1)
    assert [Report.objects.get(pk=report.pk).status for report in flooded[3:]] == [
        "queued",
        "rejected",
    ]
