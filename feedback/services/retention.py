"""Let go by itself of what has been kept for as long as the privacy page says."""

import datetime
import os
import re
from pathlib import Path

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from feedback.models import Report, StoredImage
from feedback.services import emails, erasure, images, reports

DAY = re.compile(rb"\d{4}-\d\d-\d\d")
HEAD = 4000  # bytes of a log in which its first date is looked for


def run() -> None:
    """Safe to repeat; what files hold of the pictures goes with the next pass of an erasure."""
    reports.forget_sources()
    emails.forget_unconfirmed()
    for report in _outdated():
        with transaction.atomic():
            for image in StoredImage.objects.filter(example__report=report):
                erasure.begin(image, report)
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    _age(Path(settings.DATA_DIR) / "logs", _before(settings.LOG_DAYS / 2))
    uploads, lost = Path(settings.FILE_UPLOAD_TEMP_DIR), timezone.now() - images.LOST_AFTER
    for path in uploads.glob("*"):  # of a process that was killed
        if _changed(path) < lost:
            path.unlink(missing_ok=True)


def _before(days: float) -> datetime.datetime:
    return timezone.now() - datetime.timedelta(days=days)


def _outdated() -> "QuerySet[Report]":
    """Reports whose pictures nobody needs: declined for good, or accepted but not to learn from."""
    status = Report.Status
    settled = Report.objects.filter(examples__image__isnull=False).annotate(
        since=Max("events__at", filter=Q(events__status__in=[status.REJECTED, status.ACCEPTED]))
    )
    return settled.filter(
        Q(status=status.REJECTED, since__lt=_before(settings.DECLINED_DAYS))
        | Q(
            status=status.ACCEPTED,
            consent_train=False,
            since__lt=_before(settings.UNTRAINED_DAYS),
        )
    )


def _age(folder: Path, edge: datetime.datetime) -> None:
    """Set a log aside once its first line is older than the edge, and drop it as long after that.

    Whoever writes to a log goes on in the same file, which is emptied under it.
    """
    for path in folder.glob("*.log*"):
        if path.suffix != ".log":
            if _changed(path) < edge:
                path.unlink(missing_ok=True)
            continue
        with path.open("rb") as file:
            day = DAY.search(file.read(HEAD))
        began = day[0].decode() if day else f"{_changed(path):%Y-%m-%d}"
        if began < f"{edge:%Y-%m-%d}" and path.stat().st_size:
            path.with_name(f"{path.name}.aged").write_bytes(path.read_bytes())
            os.truncate(path, 0)


def _changed(path: Path) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC)
