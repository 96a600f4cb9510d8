"""After a promotion, each reported image is judged once, and reports are answered."""

from types import SimpleNamespace

import pytest
from django.utils import timezone

from feedback.models import (
    DatasetVersion,
    ExampleScore,
    LedgerEntry,
    ModelVersion,
    PublicReport,
    Report,
    Retrain,
)
from feedback.services import datasets, images, models, rejudging, reports, triage
from modeltrain.data.manifest import Row

pytestmark = pytest.mark.django_db


class AlwaysDrawings:
    """Says "drawings" of every image, and counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def classify(self, pixels):
        self.calls += 1
        return SimpleNamespace(label="drawings", scores={"drawings": 0.9, "neutral": 0.1})


@pytest.fixture
def classifier(monkeypatch) -> AlwaysDrawings:
    instance = AlwaysDrawings()
    monkeypatch.setattr(models, "classifier_of", lambda model: instance)
    return instance


@pytest.fixture
def newer(champion) -> ModelVersion:
    """A model that has taken the champion's place."""
    ModelVersion.objects.filter(pk=champion.pk).update(status="retired")
    return ModelVersion.objects.create(
        number=2, sha256="b" * 64, title="2", status="champion", promoted_at=timezone.now()
    )


@pytest.fixture
def folded(queued, ravi, mona):
    """A report that the next dataset version took in, after `create_first`."""
    anchor = Row("b" * 64, "neutral", {}, "train", "demo", "owl")

    def make(seed: int) -> Report:
        if not DatasetVersion.objects.exists():
            datasets.create_first([anchor])
        report = queued(seed)
        triage.decide(report=report, outcome="accepted", by=ravi)
        datasets.fold(by=mona)
        report.refresh_from_db()
        return report

    return make


def trained_on(dataset: DatasetVersion, newer: ModelVersion, champion: ModelVersion, by) -> None:
    Retrain.objects.create(
        status=Retrain.Status.RUNNING,
        base=champion,
        candidate=newer,
        dataset=dataset,
        config="head",
        proposed_by=by,
    )


def status_of(report: Report) -> str:
    return Report.objects.get(pk=report.pk).status


def test_every_reported_image_is_judged_once(queued, filed, classifier, newer):
    queued(1)
    filed(2)  # not even screened
    assert rejudging.answer_reports(model=newer) == 2
    assert rejudging.answer_reports(model=newer) == 0
    assert classifier.calls == 2
    scores = ExampleScore.objects.filter(model=newer)
    assert {(score.label, score.scores["drawings"]) for score in scores} == {("drawings", 0.9)}


def test_images_that_nobody_may_look_at_or_that_are_gone_are_not_judged(
    queued, ravi, classifier, newer
):
    escalated, withdrawn, deleted, not_erased = queued(1), queued(2), queued(3), queued(4)
    triage.decide(report=escalated, outcome="escalated", by=ravi, reason="Unlawful.")
    reports.withdraw(report=withdrawn)
    images.delete_image(deleted.examples.get().image)
    Report.objects.filter(pk=not_erased.pk).update(status="withdrawn")
    assert not rejudging.unjudged_examples(newer).exists()
    assert rejudging.answer_reports(model=newer) == 0
    assert classifier.calls == 0


def test_a_report_is_answered_by_the_model_that_learnt_from_it(
    folded, classifier, newer, champion, mona
):
    first, second, later = folded(1), folded(2), folded(3)
    trained_on(second.folded_into, newer, champion, mona)

    rejudging.answer_reports(model=newer)
    rejudging.answer_reports(model=newer)

    assert [status_of(report) for report in (first, second, later)] == [
        "answered",
        "answered",
        "folded",
    ]
    (event,) = first.events.filter(status="answered")
    assert event.note == "Model v2 learnt from this report and is in service."
    entries = [
        entry.facts
        for entry in LedgerEntry.objects.filter(kind="report")
        if entry.facts["outcome"] == "answered"
    ]
    assert [(entry["model"], entry["artifact_sha256"]) for entry in entries] == [
        ("v2", "b" * 64)
    ] * 2


def test_the_public_list_says_what_the_new_model_says(folded, classifier, newer, champion, mona):
    learnt, later = folded(1), folded(2)
    trained_on(learnt.folded_into, newer, champion, mona)
    rejudging.answer_reports(model=newer)
    for report, state in ((learnt, "answered"), (later, "folded")):
        public = PublicReport.objects.get(report=report)
        (answer,) = public.answers
        assert (public.state, answer["said"], answer["model"]) == (state, "neutral", "v1")
        assert (answer["now"], answer["newer"]) == ("drawings", "v2")


def test_a_model_that_was_not_retrained_here_answers_no_report(
    folded, classifier, newer, champion, mona
):
    report = folded(1)
    other = ModelVersion.objects.create(number=3, sha256="c" * 64, title="3")
    trained_on(report.folded_into, other, champion, mona)
    assert rejudging.answer_reports(model=newer) == 1
    assert status_of(report) == "folded"


def test_a_report_that_was_withdrawn_stays_withdrawn(folded, classifier, newer, champion, mona):
    report = folded(1)
    trained_on(report.folded_into, newer, champion, mona)
    reports.withdraw(report=report)
    rejudging.answer_reports(model=newer)
    assert status_of(report) == "withdrawn"
    assert not PublicReport.objects.exists()


def test_a_report_is_judged_by_the_model_that_came_into_service_meanwhile(
    queued, classifier, newer, champion
):
    ModelVersion.objects.filter(pk=newer.pk).update(status="retired")
    ModelVersion.objects.filter(pk=champion.pk).update(status="champion")
    report, other = queued(1), queued(2)
    ModelVersion.objects.filter(pk=champion.pk).update(status="retired")
    ModelVersion.objects.filter(pk=newer.pk).update(status="champion")

    rejudging.judge_report(pk=report.pk)
    rejudging.judge_report(pk=report.pk)

    assert classifier.calls == 1
    score = ExampleScore.objects.get(model=newer)
    assert (score.example.report, score.label) == (report, "drawings")
    assert not other.examples.get().scores.filter(model=newer).exists()


def test_a_report_that_the_champion_has_judged_is_not_judged_again(queued, classifier):
    rejudging.judge_report(pk=queued(1).pk)
    assert classifier.calls == 0


# A mutant that survives changes nothing: `answer_reports` without the condition on the status.
# `reports.move` moves a folded report alone.
