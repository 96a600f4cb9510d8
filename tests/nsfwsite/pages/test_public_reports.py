import datetime
import xml.etree.ElementTree as ET

import pytest
from django.urls import reverse
from django.utils import timezone

from feedback import queries
from feedback.models import DatasetVersion, ExampleScore, ModelVersion, PublicReport, Report
from feedback.services import datasets, models, outcomes, reports, triage
from modeltrain.data.manifest import Row
from modeltrain.labels import LABELS

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"


def text_of(client, query: str = "") -> str:
    return " ".join(client.get(reverse("reports") + query).content.decode().split())


@pytest.fixture
def decided(queued, ravi):
    def make(seed: int = 1, outcome: str = "accepted", **changes) -> Report:
        report = queued(seed, **changes)
        reason = "" if outcome == "accepted" else "A photograph of my cat."
        triage.decide(report=report, outcome=outcome, by=ravi, reason=reason)
        return report

    return make


def test_sam_reads_what_became_of_a_report(client, decided) -> None:
    decided()

    text = text_of(client)

    assert "Model v1 said neutral; the reporter says drawings" in text
    assert "Medium: Flat vector drawing" in text
    assert "A reviewer agreed. No model has learnt from it yet." in text
    assert "Confusion" in text
    assert f'<time datetime="{timezone.now():%Y-%m-%d}">' in text


def test_nothing_shows_who_reported(client, decided) -> None:
    report = decided(description="I drew this, Rosa, Elm Street 4.")
    other = decided(2, "rejected")

    for url in (reverse("reports"), reverse("reports-feed"), "/api/v1/reports/"):
        text = client.get(url).content.decode()
        for private in (
            "Rosa",
            "Elm Street",
            "my cat",
            "ravi",
            report.receipt,
            other.receipt,
            report.examples.get().image_sha256,
            "0.9",
            f"{report.created_at:%H:%M:%S}",
        ):
            assert private not in text, url


def test_waiting_reports_are_counted_and_not_shown(client, queued, filed) -> None:
    filed(1)
    queued(2)

    text = text_of(client)

    assert "0 decided reports. Besides, 2 wait for a decision" in text
    assert "said neutral" not in text


def test_escalated_reports_are_counted_and_not_shown(client, decided) -> None:
    decided(outcome="escalated")

    assert "1 is with the people responsible for safety" in text_of(client)
    assert "said neutral" not in text_of(client)


def test_a_withdrawn_report_leaves_the_list_and_the_feed(client, decided) -> None:
    report = decided()
    reports.withdraw(report=report)

    assert not PublicReport.objects.exists()
    assert "0 decided reports." in text_of(client)
    assert "1 was withdrawn" in text_of(client)
    assert "said neutral" not in client.get(reverse("reports-feed")).content.decode()


def test_a_decision_taken_back_leaves_the_list(client, decided, ravi) -> None:
    triage.reopen(report=decided(), by=ravi)

    assert "0 decided reports. Besides, 1 waits for a decision" in text_of(client)


def test_the_list_shows_a_label_that_the_reviewer_corrected(client, queued, ravi) -> None:
    triage.decide(report=queued(), outcome="accepted", by=ravi, label="sexy")

    assert "A reviewer agreed, and says it is <strong>sexy</strong>." in text_of(client)
    assert "said neutral" in text_of(client, "?label=sexy")


def test_the_list_shows_what_changed_in_which_model(client, decided, mona) -> None:
    anchor = Row(
        sha256="b" * 64, label="neutral", groups={}, split="train", source="demo", cluster="owl"
    )
    datasets.create_first([anchor])
    report = decided()
    dataset = datasets.fold(by=mona)
    assert "It is in dataset 2, which the next model learns from." in text_of(client)
    newer = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain 1")
    models.put_in_service(newer)
    ExampleScore.objects.create(
        example=report.examples.get(), model=newer, label="drawings", scores={"drawings": 0.97}
    )
    reports.move(report=report, sources=["folded"], status="answered")
    outcomes.record(report=report, outcome="answered", model="v2")

    text = text_of(client, "?model=v2&state=answered")

    assert DatasetVersion.objects.get(number=2) == dataset
    assert "a model that learnt from it is in service" in text
    assert (
        "Then, model v1 said <strong>neutral</strong>. Now, model v2 says "
        "<strong>drawings</strong>, as the reporter did." in text
    )


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("?label=drawings", 2),
        ("?label=neutral", 3),
        ("?label=porn", 0),
        ("?group=medium%3Dvector", 2),
        ("?group=medium%3Drender", 0),
        ("?state=rejected", 1),
        ("?state=accepted", 2),
        ("?model=v1", 3),
        ("?label=drawings&state=rejected", 0),
        ("?label=nonsense&state=queued&model=v9&group=%25&page=x", 3),
    ],
)
def test_the_list_is_filtered_by_its_address(client, decided, query, count) -> None:
    decided(1)
    decided(2)
    decided(3, "rejected", expected_label="sexy", groups={})

    assert f"<p>{count} decided report" in text_of(client, query)


def test_a_report_has_an_address_that_reveals_nothing(client, decided) -> None:
    decided(1)
    decided(2, "rejected")
    rejected = PublicReport.objects.get(state="rejected")

    text = text_of(client, f"?id={rejected.pk}")
    assert "<p>1 decided report" in text
    assert "did not agree" in text
    assert "<p>0 decided reports" in text_of(client, "?id=1")


def test_the_feed_is_the_list(client, decided) -> None:
    decided(1)
    decided(2, "rejected")

    answer = client.get(reverse("reports-feed") + "?state=rejected")

    assert answer.headers["Content-Type"].startswith("application/atom+xml")
    feed = ET.fromstring(answer.content)
    (entry,) = feed.findall(f"{ATOM}entry")
    public = PublicReport.objects.get(state="rejected")
    assert entry.findtext(f"{ATOM}id") == f"urn:uuid:{public.pk}"
    assert entry.findtext(f"{ATOM}title") == "A model said neutral, somebody says drawings"
    assert "A reviewer did not agree." in entry.findtext(f"{ATOM}summary")
    assert entry.findtext(f"{ATOM}updated") == f"{timezone.now():%Y-%m-%d}T00:00:00+00:00"


def test_older_reports_are_on_other_pages_but_not_in_order_of_arrival(client, decided) -> None:
    PublicReport.objects.bulk_create(
        PublicReport(
            report=Report.objects.create(expected_label="drawings"),
            day=datetime.date(2026, 1, 1),
            state="accepted",
            expected="drawings",
            answers=[],
            tags=" label=drawings ",
        )
        for _ in range(25)
    )

    assert "?label=drawings&amp;page=2" in text_of(client, "?label=drawings")
    shown = list(queries.public_reports.reports({}).values_list("pk", flat=True))
    assert shown == sorted(shown)


def test_the_api_lists_the_same(client, decided) -> None:
    decided(1)
    decided(2, "rejected")

    page = client.get("/api/v1/reports/?state=accepted").json()

    assert page["count"] == 1
    (report,) = page["results"]
    assert report == {
        "id": str(PublicReport.objects.get(state="accepted").pk),
        "day": f"{timezone.now():%Y-%m-%d}",
        "state": "accepted",
        "kind": "misclassified",
        "expected_label": "drawings",
        "decided_label": "drawings",
        "groups": {"medium": "vector"},
        "learnt_in": "",
        "answers": [
            {
                "said": "neutral",
                "model": "v1",
                "now": "neutral",
                "newer": "",
                "mistake": "confusion",
                "images": 1,
            }
        ],
    }


def test_the_api_refuses_a_filter_that_it_does_not_know(client, champion) -> None:
    answer = client.get("/api/v1/reports/?label=cats")

    assert answer.status_code == 422
    assert LABELS[0] in answer.json()["rule"]
