"""File a report whole or not at all, withdraw it, and leave an address on its receipt."""

import hashlib
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import structlog
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import DatabaseError, IntegrityError

from feedback.errors import (
    ClassifierBusy,
    ImageRefused,
    ImagesRefused,
    Invalid,
    KeyReused,
)
from feedback.models import (
    Classification,
    Report,
)
from feedback.services import (
    browser_scores,
    classifications,
    emails,
    erasure,
    reports,
)
from feedback.services.counterparts import Pair
from nsfwsite.intake.classifying import classify, judged, refuse_without_worker, wait
from nsfwsite.intake.enqueue import enqueue
from worker.tasks.mail import send_email_task
from worker.tasks.reports import screen_report_task

log = structlog.get_logger()
# A report waits for its images this long; it is refused whole when they are not judged by then.
# Twenty take a few seconds, or most of this on a busy machine. Proxies give up after 60.
REPORT_WAIT_SECONDS = 50.0


def file_report(
    *,
    uploads: Sequence[UploadedFile],
    classification: Classification | None,
    pairs: Sequence[Pair[UploadedFile]] = (),
    idempotency_key: str | None = None,
    request_sha256: str = "",
    said: Mapping[str, browser_scores.BrowserAnswer] | None = None,
    **fields: Any,
) -> tuple[Report, bool]:
    """Judge the images, file the report, send it to screening. True when it is new.

    `said` is what the reporter's browser says of a file, by its SHA-256.
    Nothing is kept unless the whole report is.
    """
    if idempotency_key and (known := _filed_before(idempotency_key, request_sha256)):
        return known, False
    reports.check_label(fields["expected_label"])
    reports.check_groups(fields["groups"])
    reports.check_pairs(pairs, kind=fields["kind"])
    images = len(uploads) + 2 * len(pairs) + bool(classification)
    _check_count(images, least=0 if fields.get("evidence") else 1)
    mine: list[Classification] = []
    in_order = list(_in_order(uploads, pairs))
    told: list[browser_scores.BrowserAnswer | None] = [None] if classification else []
    if said:
        told += [said.get(_sha256(upload)) for _, upload in in_order]
    try:
        answers = iter(_all_judged(in_order, mine))
        report = reports.submit(
            classifications=[
                *([classification] if classification else []),
                *itertools.islice(answers, len(uploads)),
            ],
            pairs=[Pair(next(answers), next(answers), pair.groups) for pair in pairs],
            idempotency_key=idempotency_key,
            request_sha256=request_sha256,
            browser_answers=told,
            **fields,
        )
    except IntegrityError:
        _discard(mine)
        if idempotency_key and (known := _filed_before(idempotency_key, request_sha256)):
            return known, False
        raise
    except Exception:
        _discard(mine)
        raise
    enqueue(screen_report_task.delay_on_commit, report.pk)
    return report, True


def withdraw(*, report: Report) -> None:
    """Erase at once; what that leaves behind, for whatever reason, the scheduler finds."""
    reports.withdraw(report=report)
    try:
        erasure.erase_files()
    except (OSError, DatabaseError) as problem:
        log.warning("erasure is not finished", problem=type(problem).__name__)


def leave_address(*, report: Report, address: str, site: str) -> None:
    row = emails.save_address(report=report, address=address, site=site)
    enqueue(send_email_task.delay_on_commit, row.pk)


def _check_count(images: int, *, least: int = 1) -> None:
    if not least <= images <= settings.REPORT_MAX_IMAGES:
        raise Invalid(
            rule=f"A report carries 1 to {settings.REPORT_MAX_IMAGES} images.",
            received=f"{images} images",
            remedy="Add an image, or split the report.",
        )


def _in_order(
    uploads: Sequence[UploadedFile], pairs: Sequence[Pair[UploadedFile]]
) -> Iterator[tuple[str, UploadedFile]]:
    """Every image of a report, and how its sender finds it again."""
    for number, upload in enumerate(uploads, start=1):
        yield f"image {number} ({upload.name!r})", upload
    for number, pair in enumerate(pairs, start=1):
        for place, upload in zip(("wrong one", "counterpart"), pair, strict=True):
            yield f"the {place} of pair {number} ({upload.name!r})", upload


def _all_judged(
    images: Iterable[tuple[str, UploadedFile]], mine: list[Classification]
) -> list[Classification]:
    """What the model says of all of them, or a refusal that names each one that is broken.

    What was kept meanwhile is in `mine`.
    """
    broken: dict[str, ImageRefused | None] = {}
    asked: dict[str, Classification] = {}
    for place, upload in images:
        broken[place] = None
        try:
            asked[place] = classify(upload=upload)
            mine.append(asked[place])
        except ImageRefused as refusal:
            broken[place] = refusal
    deadline = time.monotonic() + REPORT_WAIT_SECONDS
    for place, one in asked.items():
        try:
            judged(wait(classification=one, seconds=deadline - time.monotonic()))
        except ImageRefused as refusal:
            broken[place] = refusal
        if one.status == Classification.Status.WAITING:
            refuse_without_worker()
            raise ClassifierBusy(
                rule=f"The images of a report are judged within {REPORT_WAIT_SECONDS:g} seconds.",
                received=f"{len(asked)} images, and not all are judged",
                remedy="Nothing was kept. Try again in a minute, or send fewer images.",
            )
    if found := {place: refusal for place, refusal in broken.items() if refusal}:
        raise ImagesRefused(found)
    return mine


def _sha256(upload: UploadedFile) -> str:
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    return digest.hexdigest()


def _discard(mine: Sequence[Classification]) -> None:
    for one in mine:
        fresh = Classification.objects.filter(pk=one.pk).select_related("image").first()
        if fresh:
            classifications.delete(fresh)


def _filed_before(key: str, request_sha256: str) -> Report | None:
    known = Report.objects.filter(idempotency_key=key).first()
    if known and known.request_sha256 != request_sha256:
        raise KeyReused(
            rule="An Idempotency-Key belongs to one request.",
            received="a key that was used with another body",
            remedy="Make a new key for a new report.",
        )
    return known
