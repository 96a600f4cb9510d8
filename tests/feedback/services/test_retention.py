"""What is kept for a time goes when the time is over, and not before."""

import datetime
import os

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from feedback.errors import WrongState
from feedback.models import Erasure, Report, ReportEvent, StoredImage
from feedback.services import reports, retention, triage
from worker.tasks.upkeep import enforce_retention_task

pytestmark = pytest.mark.django_db


def ago(days: float) -> datetime.datetime:
    return timezone.now() - datetime.timedelta(days=days)


def declined(report: Report, by, *, days: float) -> Report:
    triage.decide(report=report, outcome="rejected", by=by, reason="A photograph.")
    ReportEvent.objects.filter(report=report).update(at=ago(days))
    return report


@pytest.mark.parametrize(("days", "left"), [(29, 1), (31, 0)])
def test_images_of_a_rejected_report_are_deleted_when_it_cannot_be_appealed_any_more(
    queued, ravi, days, left
):
    report = declined(queued(), ravi, days=days)
    enforce_retention_task()
    assert StoredImage.objects.count() == left
    assert Erasure.objects.count() == 1 - left
    assert report.examples.get().image_sha256  # the ledger seals it


def test_a_rejected_report_can_be_appealed_for_a_set_time(queued, ravi, settings, client):
    settings.DECLINED_DAYS = 7
    late, early = declined(queued(1), ravi, days=8), declined(queued(2), ravi, days=6)
    with pytest.raises(WrongState, match="appealed for 7 days"):
        reports.appeal(report=late, words="Look again.")
    pages = [
        client.get(reverse("receipt", args=[report.receipt])).content.decode()
        for report in (late, early)
    ]
    assert ["You can ask once, until" in page for page in pages] == [False, True]
    reports.appeal(report=early, words="Look again.")


@pytest.mark.parametrize(
    ("days", "trains", "left"), [(91, False, 0), (89, False, 1), (91, True, 1)]
)
def test_accepted_images_without_training_consent_are_deleted_in_time(
    queued, ravi, days, trains, left
):
    report = queued(consent_train=trains)
    triage.decide(report=report, outcome="accepted", by=ravi)
    ReportEvent.objects.update(at=ago(days))
    retention.enforce()
    assert StoredImage.objects.count() == left


def test_images_of_queued_reports_are_not_deleted(queued):
    queued()
    ReportEvent.objects.update(at=ago(1000))
    retention.enforce()
    assert StoredImage.objects.count() == 1


def test_a_log_is_rotated_under_its_writer_and_deleted_in_time(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    folder = tmp_path / "logs"
    folder.mkdir()
    first, today = f"{ago(8):%Y-%m-%d} 10:00:00 INFO long ago\n", f"{ago(0):%Y-%m-%d} INFO now\n"
    (folder / "young.log").write_text(today)
    (folder / "web.log.1").write_text(first)
    os.utime(folder / "web.log.1", (ago(8).timestamp(),) * 2)
    with (folder / "web.log").open("a") as writer:
        writer.write(first)
        writer.flush()
        retention.enforce()
        writer.write(today)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "young.log": today,
        "web.log": today,
        "web.log.aged": first,
    }
    os.utime(folder / "web.log.aged", (ago(8).timestamp(),) * 2)
    retention.enforce()
    assert not (folder / "web.log.aged").exists()


def test_expired_sessions_and_uploads_of_killed_processes_are_deleted(settings, tmp_path):
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    for name, days in (("old.upload", 1), ("new.upload", 0)):
        (tmp_path / name).write_bytes(b"pixels")
        os.utime(tmp_path / name, (ago(days).timestamp(),) * 2)
    for name, days in (("old", 1), ("new", -1)):
        Session.objects.create(session_key=name, session_data="", expire_date=ago(days))
    retention.enforce()
    assert [session.pk for session in Session.objects.all()] == ["new"]
    assert [path.name for path in tmp_path.glob("*.upload")] == ["new.upload"]
