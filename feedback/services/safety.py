"""Actions of the safety role on escalated reports. Each is logged with the person who took it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from feedback import roles
from feedback.errors import WrongState
from feedback.models import Example, Look, Report, StoredImage
from feedback.services import blocklist, images, outcomes, reports
from feedback.text import required_text

Action = Look.Action


def record_view(*, example: Example, by: User) -> None:
    """Log that a person sees an image; called before the image is sent."""
    _log(example.report, by, Action.SAW, picture=example.position + 1)


def record_opening(*, report: Report, by: User) -> None:
    _log(report, by, Action.OPENED)


def block(*, report: Report, by: User, source: str) -> tuple[int, int]:
    """Put its images on the blocklist. Returns how many, and how many are too plain for that."""
    source = required_text(source, "Why an image is blocked", 150)
    with _escalated(report, by):
        blocked_images = list(StoredImage.objects.filter(example__report=report))
        if not blocked_images:
            raise WrongState(
                rule="An image is blocked while it is here.",
                received=f"report {report.pk}, which has none",
                remedy="Import its hash with import_blocklist, if you have it.",
            )
        counts = blocklist.block(images=blocked_images, source=f"{source} (report {report.pk})")
        _log(report, by, Action.BLOCKED, note=source)
    return counts


def hand_back(*, report: Report, by: User, note: str) -> None:
    """Return a report to triage. Reviewers decide it as if nobody had decided before."""
    note = required_text(note, "Why it is handed back")
    with _escalated(report, by):
        report.decisions.filter(taken_back_at=None).update(taken_back_at=timezone.now())
        reports.move(
            report=report, sources=[Report.Status.ESCALATED], status=Report.Status.QUEUED, by=by
        )
        outcomes.record(report=report, outcome=Action.HANDED_BACK.value)
        _log(report, by, Action.HANDED_BACK, note=note, escalated=True)


def delete_images(*, report: Report, by: User, note: str) -> None:
    """Delete its images for good. The report stays escalated, and its receipt says so."""
    note = required_text(note, "Why images are deleted")
    with _escalated(report, by):
        images.delete_images(report=report)
        _log(report, by, Action.DELETED, note=note)


@contextmanager
def _escalated(report: Report, by: User) -> Iterator[None]:
    """A transaction on a report that is escalated, for people with the safety role only."""
    if not roles.is_safety(by):
        raise WrongState(
            rule="What was escalated is for people with the safety role.",
            received=f"{by}, who has not",
            remedy="Ask one of them.",
        )
    with transaction.atomic():
        locked = Report.objects.select_for_update().get(pk=report.pk)
        report.status = locked.status
        if locked.status != Report.Status.ESCALATED:
            raise WrongState(
                rule="Safety acts on a report while it is escalated.",
                received=f"report {report.pk}, {locked.status}",
                remedy="Open the list to see what is.",
            )
        yield


def _log(
    report: Report,
    by: User,
    action: Look.Action,
    *,
    picture: int | None = None,
    note: str = "",
    escalated: bool | None = None,
) -> None:
    if escalated is None:
        escalated = report.status == Report.Status.ESCALATED
    Look.objects.create(
        report=report.pk, picture=picture, by=by, what=action, note=note, escalated=escalated
    )
