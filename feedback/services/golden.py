"""Golden cases: decided reports whose answer is known, asked again without reviewers noticing.

A golden copy of the report waits in the queue like any case, under a number of its own. The answer
is stored apart, and the copy is deleted: it is never decided, folded, listed or put in the ledger.
"""

import secrets

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from feedback import queries
from feedback.errors import WrongState
from feedback.models import (
    Decision,
    Example,
    ExampleScore,
    Golden,
    GoldenAnswer,
    ModelVersion,
    Report,
)

# What a reviewer sees of a report and of its examples. Nothing else is copied.
REPORT_FIELDS = (
    "kind",
    "expected_label",
    "groups",
    "subject",
    "description",
    "consent_store",
    "consent_train",
)
EXAMPLE_FIELDS = ("position", "image", "image_sha256", "groups")


def mark(*, report: Report, by: User) -> None:
    """Make a report a golden case: now and then reviewers are asked it again."""
    if not usable(report):
        raise WrongState(
            rule="A golden case is a decided report whose images are kept.",
            received=f"report {report.pk}, {report.status}",
            remedy="Choose another one.",
        )
    Golden.objects.get_or_create(report=report, defaults={"by": by})


def usable(report: Report) -> bool:
    """Is it decided, and are all of its images stored?"""
    return report.status in Report.PUBLIC and not report.examples.filter(image=None).exists()


def unmark(report: Report) -> None:
    """The report is no golden case any more: its answer is uncertain, or it was withdrawn."""
    Golden.objects.filter(report=report).delete()


def maybe_queue_copy() -> Report | None:
    """Queue a copy of a golden case behind a new report, with the probability of GOLDEN_SHARE."""
    if secrets.SystemRandom().random() >= settings.GOLDEN_SHARE:
        return None
    candidates = Golden.objects.filter(golden_copy=None).annotate(answer_count=Count("answers"))
    for golden in candidates.select_related("report").order_by("answer_count", "pk"):
        report = golden.report
        if usable(report) and _looks_new(report) and queries.golden.who_may_answer(golden).exists():
            return _queue_copy(golden)
    return None


def _looks_new(report: Report) -> bool:
    """Has the model in service judged every image, and is it wrong? New reports look like that."""
    labels = _champion_scores(report).values_list("label", flat=True)
    return len(labels) == report.examples.count() and set(labels) != {report.expected_label}


def _champion_scores(report: Report) -> "QuerySet[ExampleScore]":
    return ExampleScore.objects.filter(
        example__report=report, model__status=ModelVersion.Status.CHAMPION
    )


def _queue_copy(golden: Golden) -> Report | None:
    report = golden.report
    try:
        with transaction.atomic():
            golden_copy = Report.objects.create(
                status=Report.Status.GOLDEN,
                golden=golden,
                **{name: getattr(report, name) for name in REPORT_FIELDS},
            )
            copies: dict[int | None, Example] = {}
            scores = _champion_scores(report).select_related("example")
            for score in scores.order_by("example__position"):  # a pair's first image comes first
                original = score.example
                copies[original.pk] = Example.objects.create(
                    report=golden_copy,
                    counterpart_of=copies.get(original.counterpart_of_id),
                    **{name: getattr(original, name) for name in EXAMPLE_FIELDS},
                )
                ExampleScore.objects.create(
                    example=copies[original.pk],
                    model=score.model,
                    label=score.label,
                    scores=score.scores,
                )
            return golden_copy
    except IntegrityError:  # another worker was quicker
        return None


def answer(*, decision: Decision) -> Decision:
    """Store the answer to a golden copy, which the caller has locked, and delete the copy.

    The decision itself is not stored.
    """
    golden_copy = decision.report
    if golden_copy.golden is None:
        raise AssertionError("only a golden copy has a golden case")
    expected = golden_copy.golden.report.decision
    GoldenAnswer.objects.create(
        golden=golden_copy.golden,
        by=decision.by,
        verdict=decision.verdict,
        right=expected is not None and decision.verdict == expected.verdict,
    )
    Report.objects.filter(pk=golden_copy.pk).delete()
    decision.at = timezone.now()
    return decision
