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

from feedback.errors import ClassifierBusy, ImageRefused, ImagesRefused, Invalid, KeyReused
from feedback.models import Classification, Report
from feedback.services import browser_scores, classifications, emails, erasure, reports
from feedback.services.counterparts import Pair
from nsfwsite.intake.classifying import (
    classify,
    raise_if_refused,
    refuse_without_worker,
    wait_for_answer,
    wait_for_image,
)
from nsfwsite.intake.enqueue import enqueue
from worker.tasks.mail import send_email_task
from worker.tasks.reports import screen_report_task

log = structlog.get_logger()
# A report waits this long for its images to be judged; then it is refused whole. Twenty images take
# a few seconds, or most of this time on a busy machine. Proxies give up after 60 seconds.
REPORT_WAIT_SECONDS = 50.0


def file_report(
    *,
    uploads: Sequence[UploadedFile],
    classification: Classification | None,
    pairs: Sequence[Pair[UploadedFile]] = (),
    idempotency_key: str | None = None,
    request_sha256: str = "",
    scores_by_sha256: Mapping[str, browser_scores.BrowserAnswer] | None = None,
    **fields: Any,
) -> tuple[Report, bool]:
    """Have the images judged, file the report and send it to screening.

    Nothing is kept unless the whole report is.

    Parameters
    ----------
    scores_by_sha256
        What the reporter's browser says of a file, by the SHA-256 of the file.
    **fields
        The other arguments of `feedback.services.reports.submit`.

    Returns
    -------
    tuple[Report, bool]
        The report, and whether it is new: a request that is sent again finds its first report.
    """
    if idempotency_key and (report := _report_of_key(idempotency_key, request_sha256)):
        return report, False
    reports.check_label(fields["expected_label"])
    reports.check_groups(fields["groups"])
    reports.check_pairs(pairs, kind=fields["kind"])
    image_count = len(uploads) + 2 * len(pairs) + bool(classification)
    _check_count(image_count, least=0 if fields.get("evidence") else 1)
    images = list(_named_images(uploads, pairs))
    scores: list[browser_scores.BrowserAnswer | None] = [None] if classification else []
    if scores_by_sha256:
        scores += [scores_by_sha256.get(_sha256(upload)) for _, upload in images]
    submitted: list[Classification] = []
    try:
        _classify_all(images, submitted)
        tried = [classification] if classification else []
        for answered in (*tried, *submitted):
            wait_for_image(classification=answered)
        new = iter(submitted)
        report = reports.submit(
            classifications=[*tried, *itertools.islice(new, len(uploads))],
            pairs=[Pair(next(new), next(new), pair.groups) for pair in pairs],
            idempotency_key=idempotency_key,
            request_sha256=request_sha256,
            browser_answers=scores,
            **fields,
        )
    except IntegrityError:
        _delete_all(submitted)
        if idempotency_key and (report := _report_of_key(idempotency_key, request_sha256)):
            return report, False
        raise
    except Exception:
        _delete_all(submitted)
        raise
    enqueue(screen_report_task.delay_on_commit, report.pk)
    return report, True


def withdraw(*, report: Report) -> None:
    """Withdraw a report and erase its data at once; the scheduler erases what is left over."""
    reports.withdraw(report=report)
    try:
        erasure.erase_files()
    except (OSError, DatabaseError) as error:
        log.warning("erasure is not finished", problem=type(error).__name__)


def leave_address(*, report: Report, address: str, site: str) -> None:
    row = emails.save_address(report=report, address=address, site=site)
    enqueue(send_email_task.delay_on_commit, row.pk)


def _check_count(images: int, *, least: int) -> None:
    if not least <= images <= settings.REPORT_MAX_IMAGES:
        raise Invalid(
            rule=f"A report carries 1 to {settings.REPORT_MAX_IMAGES} images.",
            received=f"{images} images",
            remedy="Add an image, or split the report.",
        )


def _named_images(
    uploads: Sequence[UploadedFile], pairs: Sequence[Pair[UploadedFile]]
) -> Iterator[tuple[str, UploadedFile]]:
    """Every image of a report in order, with words by which its sender recognises it."""
    for number, upload in enumerate(uploads, start=1):
        yield f"image {number} ({upload.name!r})", upload
    for number, pair in enumerate(pairs, start=1):
        for side, upload in zip(("wrong one", "counterpart"), pair, strict=True):
            yield f"the {side} of pair {number} ({upload.name!r})", upload


def _classify_all(
    images: Iterable[tuple[str, UploadedFile]], submitted: list[Classification]
) -> None:
    """Have every image judged, or raise a refusal that names each broken one.

    `submitted` grows with each classification, so that the caller can discard them all.
    """
    refusals: dict[str, ImageRefused | None] = {}
    waiting: dict[str, Classification] = {}
    for name, upload in images:
        refusals[name] = None  # keeps the order of the images
        try:
            waiting[name] = classify(upload=upload)
            submitted.append(waiting[name])
        except ImageRefused as refusal:
            refusals[name] = refusal
    deadline = time.monotonic() + REPORT_WAIT_SECONDS
    for name, classification in waiting.items():
        wait_for_answer(classification=classification, seconds=deadline - time.monotonic())
        try:
            raise_if_refused(classification)
        except ImageRefused as refusal:
            refusals[name] = refusal
        if classification.status == Classification.Status.WAITING:
            refuse_without_worker()
            raise ClassifierBusy(
                rule=f"The images of a report are judged within {REPORT_WAIT_SECONDS:g} seconds.",
                received=f"{len(waiting)} images, and not all are judged",
                remedy="Nothing was kept. Try again in a minute, or send fewer images.",
            )
    if broken := {name: refusal for name, refusal in refusals.items() if refusal}:
        raise ImagesRefused(broken)


def _sha256(upload: UploadedFile) -> str:
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    return digest.hexdigest()


def _delete_all(submitted: Sequence[Classification]) -> None:
    for classification in submitted:
        current = (
            Classification.objects.filter(pk=classification.pk).select_related("image").first()
        )
        if current:
            classifications.delete(current)


def _report_of_key(key: str, request_sha256: str) -> Report | None:
    report = Report.objects.filter(idempotency_key=key).first()
    if report and report.request_sha256 != request_sha256:
        raise KeyReused(
            rule="An Idempotency-Key belongs to one request.",
            received="a key that was used with another body",
            remedy="Make a new key for a new report.",
        )
    return report
