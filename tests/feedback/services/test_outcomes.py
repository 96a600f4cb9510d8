"""An outcome is in the ledger for good, and in the public list while it stands."""

import uuid

import pytest
from django.utils import timezone

from feedback.models import (
    DatasetVersion,
    ExampleScore,
    LedgerEntry,
    ModelVersion,
    PublicReport,
    Report,
)
from feedback.services import models, outcomes, reports, triage

pytestmark = pytest.mark.django_db


def entries() -> list[dict]:
    return [entry.facts for entry in LedgerEntry.objects.filter(kind="report").order_by("number")]


def public(report: Report) -> PublicReport:
    return PublicReport.objects.get(report=report)


@pytest.fixture
def accepted(queued, ravi):
    def make(seed: int = 0, label: str = "", groups=None, **changes) -> Report:
        report = queued(seed, **changes)
        triage.decide(report=report, outcome="accepted", by=ravi, label=label, groups=groups)
        return report

    return make


def test_an_outcome_is_recorded_in_the_ledger_and_published(accepted):
    report = accepted()
    before = len(entries())
    outcomes.record(report=report, outcome="answered", model="v2")
    assert len(entries()) == before + 1
    assert (entries()[-1]["outcome"], entries()[-1]["model"]) == ("answered", "v2")
    assert PublicReport.objects.filter(report=report).count() == 1


def test_what_is_public_about_an_accepted_report(accepted):
    row = public(accepted())
    assert (row.state, row.kind, row.expected) == ("accepted", "misclassified", "drawings")
    assert (row.decided, row.groups, row.learnt_in) == ("drawings", {"medium": "vector"}, "")
    assert row.day == timezone.now().date()
    assert row.answers == [
        {
            "said": "neutral",
            "model": "v1",
            "now": "neutral",
            "newer": "",
            "mistake": "confusion",
            "images": 1,
        }
    ]
    assert row.tags == " label=drawings label=neutral model=v1 group=medium=vector "


def test_label_and_groups_are_those_that_the_reviewer_decided(accepted):
    row = public(accepted(label="sexy", groups={"medium": "render"}))
    assert (row.expected, row.decided, row.groups) == ("drawings", "sexy", {"medium": "render"})
    assert " label=drawings label=neutral label=sexy " in row.tags
    assert " group=medium=render " in row.tags
    assert "vector" not in row.tags


def test_a_rejected_report_shows_what_its_reporter_said_and_no_decided_label(queued, ravi):
    report = queued()
    triage.decide(report=report, outcome="rejected", by=ravi, reason="A photograph.")
    row = public(report)
    assert (row.state, row.decided, row.groups) == ("rejected", "", {"medium": "vector"})
    assert row.tags == " label=drawings label=neutral model=v1 group=medium=vector "
    assert "A photograph." not in str(vars(row))


def test_images_with_the_same_answers_are_counted_together(queued, judged, ravi):
    report = queued(
        classifications=[judged(1), judged(2), judged(3, label="porn"), judged(4, label="sexy")]
    )
    triage.decide(report=report, outcome="accepted", by=ravi)
    counts = {
        (answer["said"], answer["mistake"]): answer["images"] for answer in public(report).answers
    }
    assert counts == {
        ("neutral", "confusion"): 2,
        ("porn", "false_alarm"): 1,
        ("sexy", "false_alarm"): 1,
    }


def test_no_score_and_no_hash_is_public(accepted):
    report = accepted()
    text = str({name: value for name, value in vars(public(report)).items() if name != "_state"})
    assert "0.9" not in text
    assert report.examples.get().image_sha256[:12] not in text


def test_a_newer_model_is_named_only_where_there_is_one(accepted):
    report = accepted()
    newer = ModelVersion.objects.create(number=2, sha256="b" * 64, title="2")
    models.put_in_service(newer)
    ExampleScore.objects.create(
        example=report.examples.get(), model=newer, label="drawings", scores={"drawings": 1.0}
    )
    outcomes.publish(report.pk)
    row = public(report)
    assert [(answer["now"], answer["newer"]) for answer in row.answers] == [("drawings", "v2")]
    assert " model=v1 model=v2 " in row.tags


def test_the_dataset_that_learnt_a_report_is_named(accepted):
    report = accepted()
    dataset = DatasetVersion.objects.create(number=1, manifest_sha256="1" * 64, images=1)
    Report.objects.filter(pk=report.pk).update(status="folded", folded_into=dataset)
    outcomes.publish(report.pk)
    assert (public(report).state, public(report).learnt_in) == ("folded", str(dataset))


def test_the_public_row_keeps_its_address_when_it_is_rewritten(accepted):
    report = accepted()
    address = public(report).pk
    outcomes.publish(report.pk)
    assert public(report).pk == address
    assert isinstance(address, uuid.UUID)


@pytest.mark.parametrize("outcome", ["withdrawn", "reopened"])
def test_what_no_longer_stands_is_no_longer_public(accepted, ravi, outcome):
    report, other = accepted(1), accepted(2)
    if outcome == "withdrawn":
        reports.withdraw(report=report)
    else:
        triage.reopen(report=report, by=ravi)
    outcomes.publish(report.pk)
    assert [row.report for row in PublicReport.objects.all()] == [other]


def test_what_is_not_decided_is_not_public(queued):
    outcomes.publish(queued().pk)
    assert not PublicReport.objects.exists()


# A mutant of `outcomes` that survives changes nothing: `publish` without its look whether there is
# a decision. A report that is public was decided.
