"""Counts of a private audit go with a report; what they say is checked, and no image is needed."""

import json

import pytest
from django.urls import reverse

from feedback.errors import Invalid
from feedback.models import Report
from feedback.services import evidence, reports
from modeltrain.audit import fairness
from nsfwsite.intake import reporting

pytestmark = pytest.mark.django_db

COUNTS = {"name": "older people", "n": 40, "flagged": [6, 40], "false_alarm": [6, 40]}


def shared_counts(**changes) -> str:
    return json.dumps({"model": "v1", "groups": [{**COUNTS, **changes}]})


def file(text: str) -> Report:
    report, _ = reporting.file_report(
        uploads=[],
        pairs=[],
        classification=None,
        kind="unfair",
        expected_label="neutral",
        groups={},
        description="",
        consent_store=False,
        consent_train=False,
        evidence=evidence.parse(text),
    )
    return report


def test_rosa_reports_with_counts_and_without_an_image(champion, axes, client, ravi):
    report = file(shared_counts())
    row = evidence.group_rates(report.evidence)[0]
    flagged = row["measures"][0]
    expected = fairness.rate(count=6, n=40)
    assert (row["name"], flagged["low"], flagged["enough"]) == (
        "older people",
        expected["low"],
        True,
    )
    receipt = client.get(reverse("receipt", args=[report.receipt])).content.decode()
    assert "older people" in receipt
    assert "6 of 40" in receipt
    reports.screen(pk=report.pk)
    client.force_login(ravi)
    assert "older people" in client.get(reverse("case", args=[report.pk])).content.decode()


def test_the_name_of_a_group_reorders_no_text_around_it(champion):
    turning = evidence.parse(shared_counts(name="older \u202epeople\x07"))
    assert turning["groups"][0]["name"] == "older people"


def test_counts_are_erased_with_the_report(champion, axes):
    report = file(shared_counts())
    reports.withdraw(report=report)
    report.refresh_from_db()
    assert report.evidence == {}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("[", "a JSON object"),
        ("x" * 50_000, "at most 40,000 characters"),
        (json.dumps({"model": "v9", "groups": [COUNTS]}), "of a model that is here"),
        (json.dumps({"model": "v1", "groups": []}), "of 1 to 50 groups"),
        (json.dumps({"model": "v1", "groups": [COUNTS] * 51}), "of 1 to 50 groups"),
        (shared_counts(name=" "), "names of 1 to 80 characters"),
        (shared_counts(name="x" * 81), "names of 1 to 80 characters"),
        (shared_counts(n=0), "of 1 to 1,000,000 images"),
        (shared_counts(n=True), "of 1 to 1,000,000 images"),
        (shared_counts(flagged=[7, 6]), "[how many, of how many] for flagged"),
        (shared_counts(flagged=[6, 41]), "of at most 40 images"),
        (shared_counts(flagged=[0.5, 6]), "[how many, of how many]"),
        (shared_counts(miss="all"), "[how many, of how many] for miss"),
        (shared_counts(flagged=[]), "[how many, of how many] for flagged"),
        (shared_counts(flagged=[6, 40, 40]), "[how many, of how many] for flagged"),
        (shared_counts(flagged=[True, 6]), "[how many, of how many] for flagged"),
        (shared_counts(n=1.5), "of 1 to 1,000,000 images"),
        (shared_counts(name=["older"]), "names of 1 to 80 characters"),
        (json.dumps({"model": ["v1"], "groups": [COUNTS]}), "of a model that is here"),
        (json.dumps({"model": "v1", "groups": {"older": 1}}), "of 1 to 50 groups"),
        (json.dumps({"model": "v1", "groups": ["older"]}), "an object for each group"),
    ],
)
def test_impossible_counts_are_refused_with_the_rule(champion, text, rule):
    with pytest.raises(Invalid) as refusal:
        evidence.parse(text)
    assert rule in refusal.value.rule
    assert refusal.value.remedy


def test_a_form_with_broken_counts_is_not_filed(champion, axes, client):
    fields = {"expected_label": "neutral", "kind": "unfair", "evidence": shared_counts(n=-1)}
    response = client.post(reverse("report"), fields)
    assert response.status_code == 422
    assert "of 1 to 1,000,000 images" in response.content.decode()
    assert not Report.objects.exists()


def test_a_report_without_image_and_without_counts_is_refused(champion, axes):
    with pytest.raises(Invalid, match="1 to 20 images"):
        file("")


def test_what_no_group_has_images_for_has_no_column(champion, axes):
    flagged = {"name": "one", "n": 40, "flagged": [6, 40]}
    missed = {"name": "two", "n": 40, "flagged": [6, 40], "miss": [1, 30]}
    report = file(json.dumps({"model": "v1", "groups": [flagged, missed]}))
    rows = evidence.group_rates(report.evidence)
    assert [[measured["measure"] for measured in row["measures"]] for row in rows] == [
        ["flagged", "miss"],
        ["flagged", "miss"],
    ]
