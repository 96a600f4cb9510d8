"""Take a report, screen it, tell its story, withdraw it."""

import datetime
import itertools
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from feedback import queries
from feedback.errors import Gone, Invalid, WrongState
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
from feedback.models.group import SLICE
from feedback.models.report import new_receipt
from feedback.services import (
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
from feedback.services.classifications import forget_pixels
from feedback.services.counterparts import Image, Pair
from feedback.text import required_text
from modeltrain import labels

FORGOTTEN = "forgotten "
LONGEST_SUBJECT = 120


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
    idempotency_key: str | None = None,
    request_sha256: str = "",
    said: Sequence[browser_scores.Said | None] = (),
) -> Report:
    """File a report over images the champion has just judged; take over their pixels.

    `said` is what the reporter's browser said of each image, in their order.
    """
    check_label(expected_label)
    check_groups(groups)
    check_pairs(pairs, kind=kind)
    subject = " ".join(required_text(subject, "A subject", LONGEST_SUBJECT, needed=False).split())
    description = required_text(description, "What is wrong", needed=False)
    every = [*classifications, *(one for pair in pairs for one in pair)]
    if any(one.status != Classification.Status.DONE for one in every):
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
        and all(one.label == expected_label for one in classifications)
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
            idempotency_key=idempotency_key,
            request_sha256=request_sha256,
        )
        ReportEvent.objects.create(report=report, status=report.status)
        place = itertools.count()
        for one in classifications:
            _add_example(report, next(place), one, keeps_pixels=keeps_pixels)
        for pair in pairs:
            wrong = _add_example(
                report, next(place), pair.wrong, pair.groups[0], keeps_pixels=keeps_pixels
            )
            _add_example(
                report,
                next(place),
                pair.counterpart,
                pair.groups[1],
                counterpart_of=wrong,
                keeps_pixels=keeps_pixels,
            )
        browser_scores.keep(report=report, said=said)
    if not keeps_pixels:
        for one in every:
            forget_pixels(one)
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
        # Taken over by one report only: a second one, or the sweep, finds nothing to take.
        taken = Classification.objects.filter(
            pk=classification.pk, image=classification.image_id
        ).update(image=None)
        if not (classification.image_id and taken):
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
    """A picture said to be explicit is reported by scores and hash alone."""
    return settings.COLLECT_MISSES or expected_label not in labels.NSFW


def check_label(label: str) -> None:
    if label not in labels.LABELS:
        raise Invalid(
            rule=f"A label must be one of {', '.join(labels.LABELS)}.",
            received=repr(label),
            remedy="Choose one of these.",
        )


def check_groups(groups: Mapping[str, str]) -> None:
    known: dict[str, list[str]] = {}
    for axis, value in AxisValue.objects.exclude(axis__name=SLICE).values_list(
        "axis__name", "name"
    ):
        known.setdefault(axis, []).append(value)
    for axis, value in groups.items():
        if axis not in known:
            raise Invalid(
                rule=f"A group's axis must be one of {', '.join(known)}.",
                received=repr(axis),
                remedy="Leave the axis out, or describe the group in words.",
            )
        if value not in known[axis]:
            raise Invalid(
                rule=f"A group on {axis} must be one of {', '.join(known[axis])}.",
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
    """Change a report's status if it is in one of `sources`, and write its history."""
    with transaction.atomic():
        moved = Report.objects.filter(pk=report.pk, status__in=list(sources)).update(status=status)
        if moved:
            ReportEvent.objects.create(report=report, status=status, by=by, note=note)
            report.status = status
    return bool(moved)


def screen(*, pk: int) -> None:
    """Compare every picture with the blocklist before anybody sees it."""
    report = Report.objects.filter(
        pk=pk, status__in=[Report.Status.RECEIVED, Report.Status.SCREENING]
    ).first()
    if report is None:
        return
    move(report=report, sources=[Report.Status.RECEIVED], status=Report.Status.SCREENING)
    if blocklist.stops(StoredImage.objects.filter(example__report=report)):
        with transaction.atomic():
            if move(
                report=report,
                sources=[Report.Status.SCREENING],
                status=Report.Status.ESCALATED,
                note="A picture matched the blocklist.",
            ):
                outcomes.record(report=report, outcome=Report.Status.ESCALATED)
        return
    for image in StoredImage.objects.filter(example__report=report):
        images.join_cluster(image)
    with transaction.atomic():
        queued = move(report=report, sources=[Report.Status.SCREENING], status=Report.Status.QUEUED)
        if queued:
            bursts.hold(report)
    if queued:
        golden.mix_in()


def appeal(*, report: Report, words: str) -> None:
    """Ask once for another look at a report that was declined; it is queued again."""
    words = required_text(words, "An appeal")
    until = queries.reports.appeal_until(report)
    if until and until < timezone.now():
        raise WrongState(
            rule=f"A report can be appealed for {settings.DECLINED_DAYS} days.",
            received=f"one that could until {until:%Y-%m-%d}",
            remedy="File a new report.",
        )
    with transaction.atomic():
        first = Report.objects.filter(
            pk=report.pk, status=Report.Status.REJECTED, appealed_at=None
        ).update(appeal=words, appealed_at=timezone.now())
        if not first:
            report.refresh_from_db()
            raise WrongState(
                rule="A report can be appealed once, while it is declined.",
                received=f"a report that is {report.status}"
                + (f", appealed on {report.appealed_at:%Y-%m-%d}" if report.appealed_at else ""),
                remedy="File a new report if you have other examples.",
            )
        report.decisions.filter(taken_back_at=None).update(taken_back_at=timezone.now())
        golden.drop(report)
        move(report=report, sources=[Report.Status.REJECTED], status=Report.Status.APPEALED)
        move(report=report, sources=[Report.Status.APPEALED], status=Report.Status.QUEUED)
        outcomes.record(report=report, outcome=Report.Status.APPEALED)


def renew_receipt(*, report: Report) -> Report:
    """Give a report another receipt; whoever has only the old one is shut out."""
    report.receipt = new_receipt()
    Report.objects.filter(pk=report.pk).update(receipt=report.receipt)
    # Whoever had the old one may have left an address, which would be told the new one.
    EmailAddress.objects.filter(report=report).delete()
    return report


def withdraw(*, report: Report) -> None:
    """Remove all that the report told, or nothing; that it was withdrawn stays."""
    sources = set(Report.Status.values) - {Report.Status.WITHDRAWN, Report.Status.ESCALATED}
    with transaction.atomic():
        if not move(report=report, sources=sources, status=Report.Status.WITHDRAWN):
            raise WrongState(
                rule="A report can be withdrawn once, and not while it is escalated.",
                received=f"a report that is {report.status}",
                remedy="Nothing is left to do.",
            )
        erasure.forget(report)
        outcomes.record(report=report, outcome=Report.Status.WITHDRAWN)
        ledger.erase_keys(report)


def forget_sources() -> None:
    """In place of where old reports came from, keep by chance which of them came together."""
    edge = timezone.now() - datetime.timedelta(days=settings.SOURCE_DAYS)
    old = Report.objects.filter(created_at__lt=edge).exclude(source="")
    old = old.exclude(source__startswith=FORGOTTEN)
    for source in set(old.values_list("source", flat=True)):
        old.filter(source=source).update(source=f"{FORGOTTEN}{secrets.token_hex(16)}")


def forget_pictures(report: Report) -> None:
    for image in StoredImage.objects.filter(example__report=report):
        erasure.begin(image, report)
