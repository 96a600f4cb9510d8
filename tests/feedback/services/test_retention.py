"""What is kept for a time goes when the time is over, and not before."""

import datetime
import os

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from feedback.errors import WrongState
from feedback.models import EmailAddress, Erasure, Report, ReportEvent, StoredImage
from feedback.services import reports, retention, triage
from worker.tasks.upkeep import enforce_retention_task

pytestmark = pytest.mark.django_db


def ago(days: float) -> datetime.datetime:
    return timezone.now() - datetime.timedelta(days=days)


def rejected(report: Report, by, *, days: float) -> Report:
    triage.decide(report=report, outcome="rejected", by=by, reason="A photograph.")
    ReportEvent.objects.filter(report=report).update(at=ago(days))
    return report


@pytest.mark.parametrize(("days", "left"), [(29, 1), (31, 0)])
def test_images_of_a_rejected_report_are_deleted_when_it_cannot_be_appealed_any_more(
    queued, ravi, days, left
):
    report = rejected(queued(), ravi, days=days)
    enforce_retention_task()
    assert StoredImage.objects.count() == left
    assert Erasure.objects.count() == 1 - left
    assert report.examples.get().image_sha256  # the ledger seals it


def test_a_rejected_report_can_be_appealed_for_a_set_time(queued, ravi, settings, client):
    settings.DECLINED_DAYS = 7
    late, early = rejected(queued(1), ravi, days=8), rejected(queued(2), ravi, days=6)
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


def test_expired_sessions_and_uploads_of_killed_processes_are_deleted(settings, tmp_path, ravi):
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    for name, days in (("old.upload", 1), ("new.upload", 0)):
        (tmp_path / name).write_bytes(b"pixels")
        os.utime(tmp_path / name, (ago(days).timestamp(),) * 2)
    for name, days in (("old", 1), ("new", -1)):
        Session.objects.create(session_key=name, session_data="", expire_date=ago(days))
        UserSession.objects.create(session_key=name, user=ravi, ip="203.0.113.0")
    retention.enforce()
    assert [session.session_key for session in UserSession.objects.all()] == ["new"]
    assert [session.pk for session in Session.objects.all()] == ["new"]
    assert [path.name for path in tmp_path.glob("*.upload")] == ["new.upload"]


def test_an_old_decision_that_was_taken_back_deletes_nothing(queued, ravi):
    report = queued(consent_train=False)
    triage.decide(report=report, outcome="accepted", by=ravi)
    triage.reopen(report=report, by=ravi)
    ReportEvent.objects.update(at=ago(1000))
    retention.enforce()
    assert StoredImage.objects.count() == 1


def test_the_newest_decision_counts(queued, ravi):
    report = queued()
    rejected(report, ravi, days=29)
    reports.appeal(report=Report.objects.get(), words="Look again.")
    ReportEvent.objects.update(at=ago(40))
    triage.decide(report=report, outcome="rejected", by=ravi, reason="Still a photograph.")
    retention.enforce()
    assert StoredImage.objects.count() == 1


def test_images_of_other_reports_stay(queued, ravi):
    old, young = rejected(queued(1), ravi, days=31), rejected(queued(2), ravi, days=1)
    retention.enforce()
    assert old.examples.get().image is None
    assert young.examples.get().image is not None


def test_sources_and_unconfirmed_addresses_go_in_time_too(queued):
    report = queued(source="one network")
    EmailAddress.objects.create(
        report=report, address="a@example.org", site="https://x.y", created_at=ago(3)
    )
    Report.objects.update(created_at=ago(1000))
    retention.enforce()
    assert Report.objects.get().source.startswith("forgotten ")
    assert not EmailAddress.objects.exists()


@pytest.fixture
def logs(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.LOG_DAYS = 14
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


def contents(folder) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize(("days", "aged"), [(6, False), (8, True)])
def test_a_log_is_set_aside_after_half_of_the_days_and_deleted_after_the_rest(logs, days, aged):
    text = f"{ago(days):%Y-%m-%d} first\n{ago(0):%Y-%m-%d} last\n"
    (logs / "web.log").write_text(text)
    (logs / "old.log.aged").write_text("of long ago")
    os.utime(logs / "old.log.aged", (ago(days).timestamp(),) * 2)
    retention.enforce()
    if aged:
        assert contents(logs) == {"web.log": "", "web.log.aged": text}
    else:
        assert contents(logs) == {"web.log": text, "old.log.aged": "of long ago"}


def test_a_log_without_a_date_is_as_old_as_its_last_line(logs):
    for name, days in (("old.log", 8), ("young.log", 6)):
        (logs / name).write_text("no date\n")
        os.utime(logs / name, (ago(days).timestamp(),) * 2)
    retention.enforce()
    assert contents(logs) == {"old.log": "", "old.log.aged": "no date\n", "young.log": "no date\n"}


def test_the_date_is_looked_for_at_the_start_of_a_log(logs):
    text = "x" * retention.HEAD_BYTES + f" {ago(8):%Y-%m-%d}\n"
    (logs / "web.log").write_text(text)
    retention.enforce()
    assert contents(logs) == {"web.log": text}


def test_an_empty_log_is_not_set_aside(logs):
    (logs / "web.log").write_text("")
    os.utime(logs / "web.log", (ago(8).timestamp(),) * 2)
    (logs / "web.log.aged").write_text("before")
    retention.enforce()
    assert contents(logs) == {"web.log": "", "web.log.aged": "before"}


def test_files_that_another_process_deleted_first_are_no_failure(
    logs, settings, tmp_path, monkeypatch
):
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "uploads"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()
    for path in (logs / "web.log.aged", settings.FILE_UPLOAD_TEMP_DIR / "old.upload"):
        path.write_text("old")
    deleted = []

    def deleted_meanwhile(path):
        deleted.append(path.name)
        path.unlink()
        return ago(1000)

    monkeypatch.setattr(retention, "_modified_at", deleted_meanwhile)
    retention.enforce()
    assert deleted == ["web.log.aged", "old.upload"]
