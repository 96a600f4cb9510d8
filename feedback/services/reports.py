"""Submit, screen, appeal and withdraw reports."""

import datetime
import itertools
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from feedback import queries
from feedback.errors import Gone, Invalid, StorageFull, WrongState
from feedback.models import (
    AxisValue,
    Classification,
    EmailAddress,
    Example,
    ExampleScore,
    Report,
    ReportEvent,
    StoredImage,
)
from feedback.models.axis import SLICE
from feedback.models.report import new_receipt
from feedback.services import (
    audited_images,
    blocklist,
    browser_scores,
    bursts,
    counterparts,
    erasure,
    golden,
    images,
    ledger,
    outcomes,
)
from feedback.services.classifications import delete_image
from feedback.services.counterparts import Image, Pair
from feedback.text import optional_text, required_text
from modeltrain import labels

ANONYMISED = "forgotten "  # prefix of a source that is no longer a hash
MAX_SUBJECT_LENGTH = 120


def submit(
    *,
    classifications: Sequence[Classification],
    kind: str,
    expected_label: str,
    groups: Mapping[str, str],
    description: str,
    consent_store: bool,
    consent_train: bool,
    subject: str = "",
    evidence: Mapping[str, Any] | None = None,
    pairs: Sequence[Pair[Classification]] = (),
    source: str = "",
    filed_by: User | None = None,
    idempotency_key: str | None = None,
    request_sha256: str = "",
    browser_answers: Sequence[browser_scores.BrowserAnswer | None] = (),
) -> Report:
    """File a report about images that the champion has just judged, and attach these images.

    `browser_answers` has the answer of the reporter's browser for each image, in their order.
    """
    check_label(expected_label)
    check_groups(groups)
    check_pairs(pairs, kind=kind)
    subject = " ".join(optional_text(subject, "A subject", MAX_SUBJECT_LENGTH).split())
    description = optional_text(description, "What is wrong")
    all_classifications = [*classifications, *itertools.chain.from_iterable(pairs)]
    if any(
        classification.status != Classification.Status.DONE
        for classification in all_classifications
    ):
        raise Invalid(
            rule="A report is about images that the model has judged.",
            received="a classification without an answer",
            remedy="Wait for the answer, or send the image with the report.",
        )
    if consent_train and not consent_store:
        raise Invalid(
            rule="An image can be trained on only if it may be kept.",
            received="consent_train without consent_store",
            remedy="Give both consents, or neither.",
        )
    if (
        kind == Report.Kind.MISCLASSIFIED
        and classifications
        and all(classification.label == expected_label for classification in classifications)
    ):
        raise Invalid(
            rule="A misclassified image has another label than the expected one.",
            received=f"expected_label {expected_label!r}, which is what the model says",
            remedy="Choose the label that you think is right.",
        )
    counterparts.check_answers(pairs, expected_label=expected_label)
    keeps_pixels = consent_store and may_keep_pixels(expected_label)
    with transaction.atomic():
        report = Report.objects.create(
            kind=kind,
            expected_label=expected_label,
            groups=dict(groups),
            subject=subject,
            description=description,
            evidence=evidence or {},
            consent_store=consent_store,
            consent_train=consent_train,
            source=source,
            filed_by=filed_by,
            idempotency_key=idempotency_key,
            request_sha256=request_sha256,
        )
        ReportEvent.objects.create(report=report, status=report.status)
        positions = itertools.count()
        for classification in classifications:
            _add_example(report, next(positions), classification, keeps_pixels=keeps_pixels)
        for pair in pairs:
            wrong = _add_example(
                report, next(positions), pair.wrong, pair.groups[0], keeps_pixels=keeps_pixels
            )
            _add_example(
                report,
                next(positions),
                pair.counterpart,
                pair.groups[1],
                counterpart_of=wrong,
                keeps_pixels=keeps_pixels,
            )
        browser_scores.save(report=report, answers=browser_answers)
    if not keeps_pixels:
        for classification in all_classifications:
            delete_image(classification)
    return report


def _add_example(
    report: Report,
    position: int,
    classification: Classification,
    groups: Mapping[str, str] | None = None,
    *,
    counterpart_of: Example | None = None,
    keeps_pixels: bool,
) -> Example:
    if classification.model is None:
        raise AssertionError("a judged classification names its model")
    if keeps_pixels:
        # Only one report attaches it: another report, or the deletion of expired images, is late.
        attached = Classification.objects.filter(
            pk=classification.pk, image=classification.image_id
        ).update(image=None)
        if classification.problem:
            raise StorageFull(**classification.problem)
        if not (classification.image_id and attached):
            raise Gone(
                rule=f"An image can be reported for {settings.DEMO_IMAGE_MINUTES} minutes.",
                received="a classification whose image is gone",
                remedy="Send the image again with the report.",
            )
    example = Example.objects.create(
        report=report,
        position=position,
        image=classification.image if keeps_pixels else None,
        image_sha256=classification.image_sha256,
        groups=dict(groups or {}),
        counterpart_of=counterpart_of,
    )
    ExampleScore.objects.create(
        example=example,
        model=classification.model,
        label=classification.label,
        scores=classification.scores,
    )
    return example


def may_keep_pixels(expected_label: str) -> bool:
    """Images that are said to be explicit are reported by scores and hash only."""
    return settings.COLLECT_MISSES or expected_label not in labels.NSFW


def check_label(label: str) -> None:
    if label not in labels.LABELS:
        raise Invalid(
            rule=f"A label must be one of {', '.join(labels.LABELS)}.",
            received=repr(label),
            remedy="Choose one of these.",
        )


def check_groups(groups: Mapping[str, str]) -> None:
    values_by_axis: dict[str, list[str]] = {}
    for axis, value in AxisValue.objects.exclude(axis__name=SLICE).values_list(
        "axis__name", "name"
    ):
        values_by_axis.setdefault(axis, []).append(value)
    for axis, value in groups.items():
        if axis not in values_by_axis:
            raise Invalid(
                rule=f"A group's axis must be one of {', '.join(values_by_axis)}.",
                received=repr(axis),
                remedy="Leave the axis out, or describe the group in words.",
            )
        if value not in values_by_axis[axis]:
            raise Invalid(
                rule=f"A group on {axis} must be one of {', '.join(values_by_axis[axis])}.",
                received=repr(value),
                remedy="Leave the axis out, or describe the group in words.",
            )


def check_pairs(pairs: Sequence[Pair[Image]], *, kind: str) -> None:
    counterparts.check(pairs, kind=kind)
    for pair in pairs:
        for groups in pair.groups:
            check_groups(groups)


def move(
    *,
    report: Report,
    sources: Iterable[str],
    status: str,
    by: User | None = None,
    note: str = "",
) -> bool:
    """Change a report's status if it is one of `sources`, and record it in the report's history."""
    with transaction.atomic():
        updated = Report.objects.filter(pk=report.pk, status__in=list(sources)).update(
            status=status
        )
        if updated:
            ReportEvent.objects.create(report=report, status=status, by=by, note=note)
            report.status = status
    return bool(updated)


def screen(*, pk: int) -> None:
    """Compare every image with the blocklist before anyone sees it."""
    report = Report.objects.filter(
        pk=pk, status__in=[Report.Status.RECEIVED, Report.Status.SCREENING]
    ).first()
    if report is None:
        return
    move(report=report, sources=[Report.Status.RECEIVED], status=Report.Status.SCREENING)
    if blocklist.matches(StoredImage.objects.filter(example__report=report)):
        with transaction.atomic():
            if move(
                report=report,
                sources=[Report.Status.SCREENING],
                status=Report.Status.ESCALATED,
                note="An image matched the blocklist.",
            ):
                outcomes.record(report=report, outcome=Report.Status.ESCALATED)
        return
    for image in StoredImage.objects.filter(example__report=report):
        images.join_cluster(image)
    with suppress(FileNotFoundError):  # of an audit set; a fold marks again, and fails without it
        audited_images.mark([report])
    with transaction.atomic():
        queued = move(report=report, sources=[Report.Status.SCREENING], status=Report.Status.QUEUED)
        if queued:
            bursts.quarantine_if_burst(report)
    if queued:
        golden.maybe_queue_copy()


def appeal(*, report: Report, words: str) -> None:
    """Appeal once against the rejection of a report, which is then queued again."""
    words = required_text(words, "An appeal")
    deadline = queries.reports.appeal_deadline(report)
    if deadline and deadline < timezone.now():
        raise WrongState(
            rule=f"A report can be appealed for {settings.DECLINED_DAYS} days.",
            received=f"one that could until {deadline:%Y-%m-%d}",
            remedy="File a new report.",
        )
    with transaction.atomic():
        appealed = Report.objects.filter(
            pk=report.pk, status=Report.Status.REJECTED, appealed_at=None
        ).update(appeal=words, appealed_at=timezone.now())
        if not appealed:
            report.refresh_from_db()
            raise WrongState(
                rule="A report can be appealed once, while it is rejected.",
                received=f"a report that is {report.status}"
                + (f", appealed on {report.appealed_at:%Y-%m-%d}" if report.appealed_at else ""),
                remedy="File a new report if you have other examples.",
            )
        report.decisions.filter(taken_back_at=None).update(taken_back_at=timezone.now())
        golden.unmark(report)
        move(report=report, sources=[Report.Status.REJECTED], status=Report.Status.APPEALED)
        move(report=report, sources=[Report.Status.APPEALED], status=Report.Status.QUEUED)
        outcomes.record(report=report, outcome=Report.Status.APPEALED)


def renew_receipt(*, report: Report) -> Report:
    """Give a report a new receipt. The old one stops working, also for who filed it by the API."""
    report.receipt = new_receipt()
    Report.objects.filter(pk=report.pk).update(receipt=report.receipt, filed_by=None)
    # An address left by someone with the old receipt would be sent the new one.
    EmailAddress.objects.filter(report=report).delete()
    return report


def withdraw(*, report: Report) -> None:
    """Withdraw a report and erase its data. Only the fact that it was withdrawn stays."""
    sources = set(Report.Status.values) - {Report.Status.WITHDRAWN, Report.Status.ESCALATED}
    with transaction.atomic():
        if not move(report=report, sources=sources, status=Report.Status.WITHDRAWN):
            raise WrongState(
                rule="A report can be withdrawn once, and not while it is escalated.",
                received=f"a report that is {report.status}",
                remedy="Nothing is left to do.",
            )
        erasure.erase(report=report)
        outcomes.record(report=report, outcome=Report.Status.WITHDRAWN)
        ledger.erase_keys(report)


def anonymise_sources() -> None:
    """Replace the sources of old reports by random ones: which came together stays known."""
    cutoff = timezone.now() - datetime.timedelta(days=settings.SOURCE_DAYS)
    old = Report.objects.filter(created_at__lt=cutoff).exclude(source="")
    old = old.exclude(source__startswith=ANONYMISED)
    for source in set(old.values_list("source", flat=True)):
        old.filter(source=source).update(source=f"{ANONYMISED}{secrets.token_hex(16)}")
