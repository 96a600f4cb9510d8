import datetime

import pytest
from django.db.models import F
from django.urls import reverse

from feedback import queries
from feedback.errors import Invalid, WrongState
from feedback.models import Burst, Report, StoredImage
from feedback.services import quarantine, reports, triage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _few(settings) -> None:
    settings.BURST_REPORTS = 3


def flood(queued, count=5, **changes):
    return [queued(seed, source="one network", **changes) for seed in range(count)]


def test_reports_of_one_network_above_the_limit_are_quarantined(queued, ravi, client) -> None:
    flooded = flood(queued)
    rosas = queued(9, source="another network")

    assert list(queries.triage.open_cases(ravi)) == [*flooded[:3], rosas]
    burst = queries.triage.bursts().get()
    assert (burst.kind, burst.waiting, burst.oldest) == ("network", 2, flooded[3].pk)
    assert {report.status for report in Report.objects.all()} == {"queued"}
    assert triage.claim_next(by=ravi, after=flooded[2]) == rosas
    receipt = client.get(reverse("receipt", args=[flooded[4].receipt])).content.decode()
    assert "It is not lost" in receipt
    assert "It is not lost" not in client.get(reverse("receipt", args=[rosas.receipt]))


def test_near_duplicates_from_many_networks_are_quarantined(queued, ravi) -> None:
    for place in range(3):
        queued(1, source=f"network {place}")
    StoredImage.objects.update(sha256=F("pk"))
    again, other = queued(1, source="network 4"), queued(2, source="network 5")

    assert queries.triage.bursts().get().kind == "pictures"
    assert again not in queries.triage.open_cases(ravi)
    assert other in queries.triage.open_cases(ravi)


def test_the_same_image_without_pixels_is_recognised_by_its_hash(queued) -> None:
    for place in range(4):
        queued(1, source=f"network {place}", consent_store=False, consent_train=False)
    assert queries.triage.bursts().get().waiting == 1


def test_reports_from_before_the_window_do_not_count(queued, settings) -> None:
    for _ in range(2):
        flood(queued, 3)
        long_ago = datetime.timedelta(minutes=settings.BURST_MINUTES + 1)
        Report.objects.update(created_at=F("created_at") - long_ago)
    assert not Burst.objects.exists()


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
