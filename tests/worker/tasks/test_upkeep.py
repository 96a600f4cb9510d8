"""Upkeep: what is overdue is enqueued again, what is expired is deleted."""

import base64
import datetime
import json
from collections.abc import Callable

import pytest
import redis
from django.conf import settings as django_settings
from django.utils import timezone

from feedback import queries
from feedback.models import (
    Audit,
    AuditSet,
    Classification,
    DatasetVersion,
    EmailAddress,
    Erasure,
    ModelVersion,
    Report,
    Retrain,
    StoredImage,
)
from feedback.services import classifications, confirmations, recomputations
from tests.cast import finished_audit, premises, upload
from tests.nsfwsite.audits.examples import answers
from worker.tasks.upkeep import (
    delete_expired_images_task,
    erase_files_task,
    pick_up_lost_work_task,
    purge_orphans_task,
)
from worker.tasks.verdicts import confirm_task, recompute_task

LONG_AGO = timezone.now() - datetime.timedelta(days=2)


def queued_tasks(queue: str) -> list[tuple[str, list[int]]]:
    """Name and arguments of each task in a queue of Redis."""
    with redis.Redis.from_url(django_settings.REDIS_URL) as client:
        messages = [json.loads(message) for message in client.lrange(queue, 0, -1)]
    return [
        (message["headers"]["task"], json.loads(base64.b64decode(message["body"]))[0])
        for message in messages
    ]


@pytest.fixture
def overdue(filed) -> Report:
    """A report that was filed a while ago, and whose screening was lost."""
    report = filed()
    Report.objects.update(created_at=LONG_AGO)
    return report


@pytest.fixture
def retrain(champion, mona) -> Callable[..., Retrain]:
    def make(**fields) -> Retrain:
        return Retrain.objects.create(
            base=champion,
            dataset=DatasetVersion.objects.create(number=1, manifest_sha256="d" * 64, images=1),
            config="head",
            proposed_by=mona,
            **fields,
        )

    return make


@pytest.mark.django_db(transaction=True)
def test_lost_screening_is_enqueued_again_once(overdue) -> None:
    pick_up_lost_work_task()
    pick_up_lost_work_task()  # the queue is not empty now
    assert queued_tasks("default") == [("reports.screen_report_task", [overdue.pk])]


@pytest.mark.django_db(transaction=True)
def test_image_of_a_visitor_whose_task_was_lost_is_classified_all_the_same(champion) -> None:
    lost, _ = (classifications.submit(upload=upload(seed)) for seed in range(2))
    long_ago = timezone.now() - queries.pending_work.VISITORS_OVERDUE
    Classification.objects.filter(pk=lost.pk).update(created_at=long_ago)
    pick_up_lost_work_task()
    pick_up_lost_work_task()  # the queue is not empty now
    assert queued_tasks("inference") == [("inference.classify_task", [str(lost.pk)])]


@pytest.mark.django_db(transaction=True)
def test_work_that_has_only_just_begun_is_left_alone(filed) -> None:
    filed()
    pick_up_lost_work_task()
    assert queued_tasks("default") == []


@pytest.mark.django_db(transaction=True)
def test_audit_and_email_that_are_due_are_enqueued(filed, champion) -> None:
    audit_set = AuditSet.objects.create(name="demo", manifest_sha256="c" * 64, images=1)
    audit = Audit.objects.create(model=champion, audit_set=audit_set)
    address = EmailAddress.objects.create(
        report=filed(), address="rosa@example.org", site="https://speakup.example"
    )
    pick_up_lost_work_task()
    assert sorted(queued_tasks("default")) == [
        ("audits.start_audit_task", [audit.pk]),
        ("mail.send_email_task", [address.pk]),
    ]


@pytest.mark.django_db(transaction=True)
def test_approved_retrain_is_enqueued_for_training(retrain, mona) -> None:
    approved = retrain(status="approved", approved_by=mona, approved_at=LONG_AGO)
    pick_up_lost_work_task()
    assert queued_tasks("training") == [("training.run_retrain_task", [approved.pk])]


@pytest.mark.django_db(transaction=True)
def test_a_candidate_whose_verdict_is_out_of_date_is_judged_again(retrain, champion) -> None:
    candidate = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain")
    evaluated = retrain(
        status="evaluated", candidate=candidate, gate={"verdict": "pass"}, **premises(champion)
    )
    pick_up_lost_work_task()
    assert queued_tasks("default") == []

    Retrain.objects.update(policy_sha256="0" * 64)
    pick_up_lost_work_task()
    assert queued_tasks("default") == [("verdicts.judge_again_task", [evaluated.pk])]


@pytest.mark.django_db(transaction=True)
def test_a_confirmation_is_judged_once_both_audits_are_finished(retrain, champion, mona) -> None:
    candidate = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain")
    passed = retrain(
        status="evaluated", candidate=candidate, gate={"verdict": "pass"}, **premises(champion)
    )
    sealed = AuditSet.objects.create(
        name="sealed", manifest_sha256="c" * 64, images=264, confirmation=True
    )
    confirmation = confirmations.request(retrain=passed, by=mona)
    for model in (champion, candidate):
        finished_audit(model, sealed, answers(20))
    pick_up_lost_work_task()
    assert queued_tasks("default") == [("verdicts.confirm_task", [confirmation.pk])]
    confirm_task(confirmation.pk)
    confirmation.refresh_from_db()
    assert confirmation.gate["verdict"] == "pass"
    assert confirmations.to_judge() == []


@pytest.mark.django_db(transaction=True)
def test_a_decided_candidate_is_judged_by_a_later_policy(retrain, champion, mona) -> None:
    audit_set = AuditSet.objects.create(name="set", manifest_sha256="c" * 64, images=264)
    candidate = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain")
    for model in (champion, candidate):
        finished_audit(model, audit_set, answers(20))
    decided = retrain(
        status="declined",
        candidate=candidate,
        gate={"verdict": "pass"},
        decided_by=mona,
        decided_at=LONG_AGO,
        **premises(champion),
    )
    pick_up_lost_work_task()
    assert queued_tasks("default") == []

    Retrain.objects.update(policy_sha256="2" * 64)
    pick_up_lost_work_task()
    assert queued_tasks("default") == [("verdicts.recompute_task", [decided.pk])]
    recompute_task(decided.pk)
    assert recomputations.to_recompute() == []


@pytest.mark.django_db(transaction=True)
def test_retrain_whose_worker_was_lost_is_handed_to_the_next(retrain, mona) -> None:
    running = retrain(
        status="running", approved_by=mona, approved_at=LONG_AGO, heartbeat_at=LONG_AGO
    )
    pick_up_lost_work_task()
    running.refresh_from_db()
    assert running.status == "approved"
    assert queued_tasks("training") == [("training.run_retrain_task", [running.pk])]


@pytest.mark.django_db(transaction=True)
def test_reporters_are_answered_when_a_promotion_was_lost(filed, retrain, mona) -> None:
    trained = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain")
    promoted = retrain(
        status="promoted",
        candidate=trained,
        gate={"verdict": "pass"},
        decided_by=mona,
        decided_at=LONG_AGO,
    )
    Report.objects.filter(pk=filed().pk).update(status="folded", folded_into=promoted.dataset)
    pick_up_lost_work_task()
    assert queued_tasks("default") == []  # the model is not in service yet

    ModelVersion.objects.filter(number=1).update(status="retired")
    ModelVersion.objects.filter(number=2).update(status="champion", promoted_at=LONG_AGO)
    pick_up_lost_work_task()
    assert queued_tasks("default") == [("reports.answer_reports_task", [])]


def test_expired_images_are_deleted_with_their_files(judged) -> None:
    image = judged().image
    Classification.objects.update(created_at=LONG_AGO)
    delete_expired_images_task()
    assert not StoredImage.objects.filter(pk=image.pk).exists()


def test_image_without_report_or_visitor_is_purged(judged) -> None:
    image = judged().image
    Classification.objects.all().delete()
    StoredImage.objects.update(created_at=LONG_AGO)
    purge_orphans_task()
    assert not StoredImage.objects.filter(pk=image.pk).exists()


def test_recorded_erasure_is_carried_out(filed, settings, tmp_path) -> None:
    settings.DATA_DIR = tmp_path
    settings.RUNS_DIR.mkdir()
    log = settings.RUNS_DIR / "training.log"
    log.write_text("cannot read 12/1234abcd.png\n")
    erasure = Erasure.objects.create(report=filed(), file="12/1234abcd.png", name="f" * 64)
    Erasure.objects.update(created_at=LONG_AGO)
    erase_files_task()
    erasure.refresh_from_db()
    assert (erasure.file, erasure.name) == ("", "")
    assert log.read_text() == "cannot read 12/00000000.png\n"
