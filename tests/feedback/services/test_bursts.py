import datetime

import pytest
from django.db.models import F
from django.urls import reverse

from feedback import queries
from feedback.models import Burst, Example, Report, StoredImage
from feedback.services import triage

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
    Example.objects.update(image_sha256=F("pk"))
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


def test_each_network_has_a_burst_of_its_own(queued) -> None:
    for place, network in enumerate(["first", "second"]):
        for seed in range(4):
            queued(10 * place + seed, source=network)
    bursts = Burst.objects.order_by("pk")
    assert [burst.reports.get().source for burst in bursts] == ["first", "second"]


def test_a_burst_of_one_kind_takes_no_reports_of_the_other(queued) -> None:
    flooded = flood(queued, 4)
    assert flooded[3].burst.kind == "network"
    for place in range(3):
        last = queued(3, source=f"network {place}")
    assert last.burst.kind == "pictures"
    assert flooded[3].burst.reports.count() == 1
