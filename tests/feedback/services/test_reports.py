import pytest
from django.db.models import CharField, F, TextField

from feedback.errors import Gone, Invalid, WrongState
from feedback.models import Classification, Example, Report, StoredImage
from feedback.services import blocklist, reports, triage

pytestmark = pytest.mark.django_db


def test_a_report_attaches_the_image_and_keeps_the_answer(filed):
    report = filed()
    example = report.examples.get()
    assert example.reported_score.label == "neutral"
    assert example.image.file.storage.exists(example.image.file.name)
    assert not Classification.objects.filter(image=example.image).exists()


def test_without_consent_to_keep_only_scores_and_hash_stay(filed):
    report = filed(consent_store=False, consent_train=False)
    example = report.examples.get()
    assert example.image is None
    assert len(example.image_sha256) == 64
    assert not StoredImage.objects.exists()


def test_an_image_reported_as_explicit_is_not_kept(filed):
    report = filed(expected_label="porn")
    assert report.examples.get().image is None
    assert not StoredImage.objects.exists()


def test_an_operator_may_collect_misses(filed, settings):
    settings.COLLECT_MISSES = True
    assert filed(expected_label="porn").examples.get().image is not None


def test_training_needs_consent_to_keep(filed):
    with pytest.raises(Invalid, match="may be kept"):
        filed(consent_store=False, consent_train=True)
    assert not Report.objects.exists()


def test_the_label_of_the_model_is_not_a_mistake(filed):
    with pytest.raises(Invalid, match="another label"):
        filed(expected_label="neutral")


@pytest.mark.parametrize(
    "changes",
    [
        {"expected_label": "cats"},
        {"groups": {"star_sign": "leo"}},
        {"groups": {"medium": "marble"}},
    ],
)
def test_unknown_labels_and_groups_are_refused_with_the_known_ones(filed, changes):
    with pytest.raises(Invalid, match="must be one of"):
        filed(**changes)
    assert not Report.objects.exists()


def test_an_image_is_attached_to_one_report_only(filed, judged):
    classification = judged()
    filed(classifications=[classification])
    with pytest.raises(Gone):
        filed(classifications=[Classification.objects.get(pk=classification.pk)])
    assert Report.objects.count() == 1


def test_a_deleted_image_cannot_be_reported(filed, judged):
    with pytest.raises(Gone):
        filed(classifications=[judged(pixels=False)])
    assert not Report.objects.exists()


def test_an_unanswered_classification_cannot_be_reported(filed):
    with pytest.raises(Invalid, match="without an answer"):
        filed(classifications=[Classification.objects.create()])


def test_screening_queues_a_report_once(filed):
    report = filed()
    reports.screen(pk=report.pk)
    reports.screen(pk=report.pk)
    report.refresh_from_db()
    assert report.status == Report.Status.QUEUED
    assert [event.status for event in report.events.all()] == ["received", "screening", "queued"]


def test_screening_resumes_where_a_lost_worker_stopped(filed):
    report = filed()
    Report.objects.filter(pk=report.pk).update(status=Report.Status.SCREENING)
    reports.screen(pk=report.pk)
    report.refresh_from_db()
    assert report.status == Report.Status.QUEUED


def test_a_blocked_image_is_escalated_before_anyone_sees_it(filed):
    report = filed()
    image = report.examples.get().image
    blocklist.block(images=[image], source="a test")
    reports.screen(pk=report.pk)
    report.refresh_from_db()
    assert report.status == Report.Status.ESCALATED


def test_withdrawing_erases_images_and_text(queued, ravi, django_capture_on_commit_callbacks):
    report = queued()
    triage.decide(report=report, outcome="accepted", by=ravi)
    image = report.examples.get().image
    with django_capture_on_commit_callbacks(execute=True):
        reports.withdraw(report=report)
    report.refresh_from_db()
    assert report.status == Report.Status.WITHDRAWN
    assert report.description == ""
    assert (report.groups, report.decisions.get().groups) == ({}, {})
    assert not image.file.storage.exists(image.file.name)
    assert not Example.objects.exists()


def test_every_text_field_of_a_withdrawn_report_is_emptied(queued):
    report = queued()
    stays = {"receipt", "status", "kind", "expected_label", "idempotency_key"}
    words = [
        field.name
        for field in Report._meta.concrete_fields
        if isinstance(field, CharField | TextField) and field.name not in stays
    ]
    Report.objects.update(**dict.fromkeys(words, "aa"))
    reports.withdraw(report=report)
    stored = Report.objects.values().get()
    assert [name for name in words if stored[name]] == []


def test_an_interrupted_withdrawal_can_be_repeated(queued, monkeypatch):
    report = queued()
    monkeypatch.setattr("feedback.services.images.delete_image", lambda image: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        reports.withdraw(report=report)
    monkeypatch.undo()
    reports.withdraw(report=Report.objects.get(pk=report.pk))
    assert not Example.objects.exists()
    assert not StoredImage.objects.exists()


def test_a_report_without_consent_does_not_delete_the_image_of_another(filed, judged):
    classification = judged()
    late = Classification.objects.select_related("image").get(pk=classification.pk)
    filed(classifications=[classification])
    filed(classifications=[late], consent_store=False, consent_train=False)
    assert [example.image is not None for example in Example.objects.order_by("pk")] == [
        True,
        False,
    ]


def test_a_report_is_withdrawn_once(queued):
    report = queued()
    reports.withdraw(report=report)
    with pytest.raises(WrongState):
        reports.withdraw(report=report)


def test_an_escalated_report_cannot_be_withdrawn(queued):
    report = queued()
    Report.objects.update(status=Report.Status.ESCALATED, description=F("description"))
    with pytest.raises(WrongState):
        reports.withdraw(report=report)
    assert StoredImage.objects.exists()
