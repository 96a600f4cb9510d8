"""Quarantined reports are released by reviewers, rejected together by maintainers."""

import pytest
from django.urls import reverse

from feedback import queries
from feedback.errors import Invalid, WrongState
from feedback.models import Burst, Report
from feedback.services import quarantine, reports, triage
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
    assert "Decline them all" not in page
    client.post(reverse("release", args=[Burst.objects.get().pk]))

    assert list(queries.triage.open_cases(ravi)) == flooded
    assert not queries.triage.bursts().exists()


def test_mona_rejects_a_burst_at_once_and_every_reporter_reads_why(client, queued, mona) -> None:
    flooded = flood(queued)
    client.force_login(mona)
    where = reverse("decline-held", args=[Burst.objects.get().pk])
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
    assert client.post(reverse("decline-held", args=[burst.pk])).status_code == 403
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
