"""Nobody fills a dataset alone, even with every reviewer fooled."""

import datetime
from collections import Counter

import pytest
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from feedback.models import DatasetVersion, Report
from feedback.services import contribution_limits, datasets, manifests, reports, triage
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from nsfwsite import throttle

NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)


def offer(
    number: int, source: str, images: int = 1, cluster: str = "", *, hour: int | None = None
) -> contribution_limits.Offer:
    """A report of an hour of its own, unless that is said."""
    rows = [
        Row(
            sha256=f"{number:032x}{place:032x}",
            label="drawings",
            groups={},
            split="train",
            source="report",
            cluster=cluster or f"{number} {place}",
        )
        for place in range(images)
    ]
    filed = NOON + datetime.timedelta(hours=number if hour is None else hour)
    return contribution_limits.Offer(Report(pk=number, source=source, created_at=filed), rows)


def images_of(offers) -> Counter:
    counts = Counter()
    for accepted in offers:
        counts[accepted.report.source] += len(accepted.rows)
    return counts


def test_a_thousand_reports_of_one_network_add_twenty_images() -> None:
    assert len(contribution_limits.within_limits([offer(n, "mallory") for n in range(1000)])) == 20


def test_among_many_others_a_network_may_add_its_share() -> None:
    others = [offer(n, f"person {n}") for n in range(400)]
    flood = [offer(1000 + n, "mallory") for n in range(1000)]
    counts = images_of(contribution_limits.within_limits(others + flood))
    assert counts["mallory"] == 100  # a fifth of 500
    assert sum(counts.values()) == 500


def test_near_duplicates_from_a_thousand_networks_are_one_source() -> None:
    offers = [offer(n, f"person {n}", cluster="one picture") for n in range(1000)]
    assert len(contribution_limits.within_limits(offers)) == 20


def test_an_hour_has_a_limit_whatever_the_networks() -> None:
    hour = [offer(n, f"person {n}", hour=0) for n in range(1000)]
    assert len(contribution_limits.within_limits(hour)) == 200


def test_a_busy_hour_does_not_displace_other_reports() -> None:
    quiet = [offer(n, f"person {n}") for n in range(1, 301)]
    busy = [offer(1000 + n, f"other {n}", hour=0) for n in range(1000)]
    taken = contribution_limits.within_limits(quiet + busy)
    assert taken[:300] == quiet
    assert len(taken) == 500


def test_reports_without_a_source_do_not_share_one() -> None:
    assert len(contribution_limits.within_limits([offer(n, "") for n in range(100)])) == 100


def test_the_newest_reports_are_held_back() -> None:
    offers = [offer(n, "mallory", images=15) for n in range(3)]
    assert [accepted.report.pk for accepted in contribution_limits.within_limits(offers)] == [0]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 20), st.integers(0, 3)), max_size=60))
def test_no_source_ever_exceeds_its_share_of_what_enters(reports) -> None:
    offers = [
        offer(n, f"source {who}", images, cluster=f"cluster {cluster}" if cluster else "")
        for n, (who, images, cluster) in enumerate(reports)
    ]
    taken = contribution_limits.within_limits(offers)
    allowed = max(20, sum(len(accepted.rows) for accepted in taken) // 5)
    assert all(n <= allowed for n in images_of(taken).values())
    assert bool(taken) == bool(offers)


@pytest.fixture
def flooded(queued, ravi, mona, db, settings) -> DatasetVersion:
    """Three accepted reports of one network, of which one fits."""
    settings.SOURCE_IMAGES = 1
    anchor = Row("b" * 64, "neutral", {}, "train", "stamps", "owl")
    DatasetVersion.objects.create(number=1, manifest_sha256=manifests.publish([anchor]), images=1)
    for seed in range(3):
        triage.decide(report=queued(seed, source="mallory"), outcome="accepted", by=ravi)
    return datasets.fold(by=mona)


def test_a_version_says_where_its_images_come_from_and_how_many_were_held_back(flooded) -> None:
    assert flooded.origin["sources"] == [1]
    assert flooded.origin["burst"] == 200
    assert flooded.origin["held_back"] == {"reports": 2, "images": 2}
    assert len(manifest.read(flooded.manifest)) == 2


def test_reports_that_were_held_back_may_enter_the_next_version(flooded, mona) -> None:
    assert Report.objects.filter(status=Report.Status.ACCEPTED).count() == 2
    following = datasets.fold(by=mona)
    assert (following.number, following.added) == (3, 1)


def test_a_source_is_anonymised_in_time_and_erased_with_its_report(filed) -> None:
    old, new, gone = (filed(seed, source="s") for seed in range(3))
    Report.objects.filter(pk=old.pk).update(created_at=timezone.now() - datetime.timedelta(days=91))
    reports.withdraw(report=gone)
    reports.anonymise_sources()
    sources = dict(Report.objects.values_list("pk", "source"))
    assert (sources[new.pk], sources[gone.pk]) == ("s", "")
    assert sources[old.pk].startswith("forgotten ")


def test_reports_that_came_together_still_share_an_anonymised_source(filed) -> None:
    for seed, source in enumerate(("one", "one", "other")):
        filed(seed, source=source)
    Report.objects.update(created_at=timezone.now() - datetime.timedelta(days=91))
    reports.anonymise_sources()
    sources = list(Report.objects.order_by("pk").values_list("source", flat=True))
    assert sources[0] == sources[1] != sources[2]
    reports.anonymise_sources()
    assert list(Report.objects.order_by("pk").values_list("source", flat=True)) == sources


@pytest.mark.parametrize(
    ("address", "other", "same"),
    [
        ("203.0.113.5", "203.0.113.99", True),
        ("203.0.113.5", "203.0.114.5", False),
        ("2001:db8:1:1::1", "2001:db8:1:2::1", True),
        ("2001:db8:1:1::1", "2001:db8:2:1::1", False),
    ],
)
def test_a_source_is_a_network_and_does_not_tell_which(address, other, same) -> None:
    hashes = [
        throttle.source_of(RequestFactory().get("/", REMOTE_ADDR=remote_address))
        for remote_address in (address, other)
    ]
    assert (hashes[0] == hashes[1]) is same
    assert address not in hashes[0]
