"""What the safety role does with escalated reports. Everything is written down with who did it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from feedback import people
from feedback.errors import WrongState
from feedback.models import Example, Look, Report, StoredImage
from feedback.services import blocklist, outcomes, reports
from feedback.text import required_text

What = Look.What


def saw(*, example: Example, by: User) -> None:
    """Written before the picture is sent."""
    _write(example.report, by, What.SAW, picture=example.position + 1)


def opened(*, report: Report, by: User) -> None:
    _write(report, by, What.OPENED)


def block(*, report: Report, by: User, source: str) -> tuple[int, int]:
    """Put its pictures on the blocklist. Returns how many, and how many are too plain for it."""
    source = required_text(source, "Why a picture is blocked", 150)
    with _escalated(report, by):
        pictures = list(StoredImage.objects.filter(example__report=report))
        if not pictures:
            raise WrongState(
                rule="A picture is blocked while it is here.",
                received=f"report {report.pk}, which has none",
                remedy="Import its hash with import_blocklist, if you have it.",
            )
        done = blocklist.block(pictures=pictures, source=f"{source} (report {report.pk})")
        _write(report, by, What.BLOCKED, note=source)
    return done


def hand_back(*, report: Report, by: User, note: str) -> None:
    """It was no case for safety: reviewers decide it as if nobody had spoken."""
    note = required_text(note, "Why it is handed back")
    with _escalated(report, by):
        report.decisions.filter(taken_back_at=None).update(taken_back_at=timezone.now())
        reports.move(
            report=report, sources=[Report.Status.ESCALATED], status=Report.Status.QUEUED, by=by
        )
        outcomes.record(report=report, outcome=What.HANDED_BACK.value)
        _write(report, by, What.HANDED_BACK, note=note, escalated=True)


def delete_pictures(*, report: Report, by: User, note: str) -> None:
    """Remove the pixels for good. The report stays escalated, and its receipt says so."""
    note = required_text(note, "Why pictures are deleted")
    with _escalated(report, by):
        reports.forget_pictures(report)
        _write(report, by, What.DELETED, note=note)


@contextmanager
def _escalated(report: Report, by: User) -> Iterator[None]:
    """All or nothing, by whoever has the role, while the report is escalated."""
    if not people.is_safety(by):
        raise WrongState(
            rule="What was escalated is for people with the safety role.",
            received=f"{by}, who has not",
            remedy="Ask one of them.",
        )
    with transaction.atomic():
        held = Report.objects.select_for_update().get(pk=report.pk)
        report.status = held.status
        if held.status != Report.Status.ESCALATED:
            raise WrongState(
                rule="Safety acts on a report while it is escalated.",
                received=f"report {report.pk}, {held.status}",
                remedy="Open the list to see what is.",
            )
        yield


def _write(
    report: Report,
    by: User,
    what: Look.What,
    *,
    picture: int | None = None,
    note: str = "",
    escalated: bool | None = None,
) -> None:
    if escalated is None:
        escalated = report.status == Report.Status.ESCALATED
    Look.objects.create(
        report=report.pk, picture=picture, by=by, what=what, note=note, escalated=escalated
    )
