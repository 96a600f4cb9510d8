"""Labels that the other images speak against, and taking a decision back."""

import json

import pytest
from django.urls import reverse

from feedback.models import DatasetVersion
from feedback.services import manifests, retrains, triage
from modeltrain.data.manifest import Row
from tests.nsfwsite.pages.addresses import case_url


def write_doubts(report, retrain, **changes):
    """Write the list that a retrain leaves, with a doubt about this report's example."""
    line = {
        "rank": 1,
        "sha256": report.examples.get().image.name,
        "label": "drawings",
        "groups": {"medium": "vector"},
        "suggested": "neutral",
        "given_probability": 0.03,
        "suggested_probability": 0.94,
        "is_issue": True,
        **changes,
    }
    cell = {"images": 40, "doubtful": 1, "suggested": {"neutral": 1}}
    counts = {
        "labels": {"drawings": cell},
        "groups": {"medium": {"vector": cell}},
        "left_out": {"sexy": "Sexy has too few."},
    }
    retrain.folder.mkdir(parents=True)
    (retrain.folder / "doubts.jsonl").write_text(json.dumps(line) + "\n")
    (retrain.folder / "doubts.json").write_text(json.dumps(counts))


@pytest.fixture
def folded(queued, ravi, mona):
    """A report that a retrain learnt from."""
    report = queued()
    triage.decide(report=report, outcome="accepted", by=ravi)
    anchor = Row("b" * 64, "sexy", {}, "train", "demo", "owl")
    DatasetVersion.objects.create(number=1, manifest_sha256=manifests.publish([anchor]), images=1)
    retrain = retrains.propose(by=mona)
    retrains.approve(retrain=retrain, by=mona)
    report.refresh_from_db()
    return report, retrain


def test_before_the_first_retrain_there_is_no_list_of_doubts(client, ravi) -> None:
    client.force_login(ravi)
    text = client.get(reverse("doubtful-labels")).content.decode()
    assert "No retrain has looked at its labels yet" in text


def test_ravi_sees_which_labels_the_other_images_speak_against(client, ravi, folded) -> None:
    report, retrain = folded
    write_doubts(report, retrain)
    client.force_login(ravi)

    text = client.get(reverse("doubtful-labels")).content.decode()

    assert case_url(report) in text
    assert "Sexy has too few." in text
    assert "the other images say <strong>neutral</strong>" in text
    assert "?clear" not in text


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ({"label": "drawings"}, True),
        ({"label": "neutral"}, False),
        ({"axis": "medium", "value": "vector"}, True),
        ({"axis": "medium", "value": "photograph"}, False),
    ],
)
def test_the_list_of_doubts_is_narrowed_by_label_and_group(
    client, ravi, folded, query, there
) -> None:
    report, retrain = folded
    write_doubts(report, retrain)
    client.force_login(ravi)
    text = client.get(reverse("doubtful-labels"), query).content.decode()
    assert (case_url(report) in text) is there


def test_a_label_that_is_not_doubtful_is_not_listed(client, ravi, folded) -> None:
    report, retrain = folded
    write_doubts(report, retrain, is_issue=False)
    client.force_login(ravi)
    assert case_url(report) not in client.get(reverse("doubtful-labels")).content.decode()


def test_ravi_takes_a_decision_back_and_decides_again(client, ravi, folded) -> None:
    report, retrain = folded
    write_doubts(report, retrain)
    client.force_login(ravi)

    client.post(reverse("reopen", args=[report.pk]))

    assert case_url(report) not in client.get(reverse("doubtful-labels")).content.decode()
    page = client.get(case_url(report)).content.decode()
    assert "Taken back" in page
    client.post(case_url(report), {"outcome": "accepted", "label": "neutral"})
    report.refresh_from_db()
    assert (report.status, report.decision.label) == ("accepted", "neutral")


def test_stranger_cannot_take_a_decision_back(client, sam, folded) -> None:
    report, _ = folded
    client.force_login(sam)
    assert client.post(reverse("reopen", args=[report.pk])).status_code == 404
    assert client.get(reverse("doubtful-labels")).status_code == 403
