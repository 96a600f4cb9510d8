"""Screening and answering, as the worker does it."""

from types import SimpleNamespace

from feedback.models import ModelVersion, Report
from feedback.services import models
from worker.tasks.reports import answer_reports_task, screen_report_task


def test_screened_report_is_queued_once(filed) -> None:
    report = filed()
    screen_report_task(report.pk)
    screen_report_task(report.pk)
    report.refresh_from_db()
    assert report.status == "queued"
    assert list(report.events.values_list("status", flat=True)) == [
        "received",
        "screening",
        "queued",
    ]


def test_screening_of_a_report_that_was_withdrawn_does_nothing(filed) -> None:
    report = filed()
    Report.objects.filter(pk=report.pk).update(status="withdrawn")
    screen_report_task(report.pk)
    report.refresh_from_db()
    assert report.status == "withdrawn"


class Drawings:
    """A model that calls every image a drawing, and counts them."""

    def __init__(self) -> None:
        self.images = 0

    def classify(self, pixels) -> SimpleNamespace:
        self.images += 1
        return SimpleNamespace(label="drawings", scores={"drawings": 1.0})


def test_model_in_service_judges_every_reported_image_once(queued, monkeypatch) -> None:
    report = queued()
    ModelVersion.objects.update(status="retired")
    champion = ModelVersion.objects.create(
        number=2, sha256="b" * 64, title="Retrain", status="champion", promoted_at=report.created_at
    )
    classifier = Drawings()
    monkeypatch.setattr(models, "classifier_of", lambda model: classifier)
    answer_reports_task()
    answer_reports_task()
    assert classifier.images == 1
    assert report.examples.get().scores.get(model=champion).label == "drawings"
