"""Delete what has been kept for as long as the privacy page says."""

import datetime
import os
import re
from pathlib import Path

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from feedback.models import Report
from feedback.services import api_tokens, emails, images, reports, webhooks

DATE = re.compile(rb"\d{4}-\d\d-\d\d")
HEAD_BYTES = 4000  # bytes at the start of a log that are searched for its first date


def enforce() -> None:
    """Safe to repeat. Files that name the deleted images are cleaned by `erasure.erase_files`."""
    reports.anonymise_sources()
    emails.delete_unconfirmed()
    webhooks.delete_old()
    api_tokens.delete_old()
    for report in _reports_past_retention():
        images.delete_images(report=report)
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()
    _rotate_logs(Path(settings.DATA_DIR) / "logs", _days_ago(settings.LOG_DAYS / 2))
    orphaned = timezone.now() - images.ORPHANED_AFTER
    for path in Path(settings.FILE_UPLOAD_TEMP_DIR).glob("*"):  # of a process that was killed
        if _modified_at(path) < orphaned:
            path.unlink(missing_ok=True)


def _days_ago(days: float) -> datetime.datetime:
    return timezone.now() - datetime.timedelta(days=days)


def _reports_past_retention() -> "QuerySet[Report]":
    """Reports whose images nobody needs: rejected for good, or accepted but not to train on."""
    status = Report.Status
    decided = Report.objects.filter(examples__image__isnull=False).annotate(
        since=Max("events__at", filter=Q(events__status__in=[status.REJECTED, status.ACCEPTED]))
    )
    return decided.filter(
        Q(status=status.REJECTED, since__lt=_days_ago(settings.DECLINED_DAYS))
        | Q(
            status=status.ACCEPTED,
            consent_train=False,
            since__lt=_days_ago(settings.UNTRAINED_DAYS),
        )
    )


def _rotate_logs(folder: Path, cutoff: datetime.datetime) -> None:
    """Set a log aside once its first line is older than the cutoff; delete it as long after that.

    Processes that write to a log keep the file open, so it is copied and then truncated.
    """
    for path in folder.glob("*.log*"):
        if path.suffix != ".log":
            if _modified_at(path) < cutoff:
                path.unlink(missing_ok=True)
            continue
        with path.open("rb") as file:
            date = DATE.search(file.read(HEAD_BYTES))
        first_day = date[0].decode() if date else f"{_modified_at(path):%Y-%m-%d}"
        if first_day < f"{cutoff:%Y-%m-%d}" and path.stat().st_size:
            path.with_name(f"{path.name}.aged").write_bytes(path.read_bytes())
            os.truncate(path, 0)


def _modified_at(path: Path) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC)
