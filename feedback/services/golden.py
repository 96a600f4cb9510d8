"""Golden cases: decided reports whose answer is known, asked again without anybody knowing.

A twin of the report waits in the queue like any case, under a number of its own. Its answer is kept
apart, and then the twin is gone: it is never decided, folded, listed or written to the ledger.
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

# What a reviewer sees of a report and of its examples; nothing else is copied.
REPORT_SHOWN = (
    "kind",
    "expected_label",
    "groups",
    "subject",
    "description",
    "consent_store",
    "consent_train",
)
EXAMPLE_SHOWN = ("position", "image", "image_sha256", "groups")


def mark(*, report: Report, by: User) -> None:
    """From now on a report is asked again now and then, to see who answers as it was decided."""
    if not usable(report):
        raise WrongState(
            rule="A golden case is a decided report whose pictures are kept.",
            received=f"report {report.pk}, {report.status}",
            remedy="Choose another one.",
        )
    Golden.objects.get_or_create(report=report, defaults={"by": by})


def usable(report: Report) -> bool:
    """Was it decided, and is there a picture to decide it by?"""
    return report.status in Report.PUBLIC and not report.examples.filter(image=None).exists()


def drop(report: Report) -> None:
    """Its answer is no longer sure, or it was withdrawn: forget that it was golden."""
    Golden.objects.filter(report=report).delete()


def mix_in() -> Report | None:
    """After a report has come in: perhaps put a golden case behind it."""
    if secrets.SystemRandom().random() >= settings.GOLDEN_SHARE:
        return None
    waiting = Golden.objects.filter(twin=None).annotate(said=Count("answers"))
    for golden in waiting.select_related("report").order_by("said", "pk"):
        report = golden.report
        if usable(report) and _looks_new(report) and queries.golden.who_may_answer(golden).exists():
            return _twin(golden)
    return None


def _looks_new(report: Report) -> bool:
    """A new report shows what the model in service says, and that this is a mistake."""
    said = _scores(report).values_list("label", flat=True)
    return len(said) == report.examples.count() and set(said) != {report.expected_label}


def _scores(report: Report) -> "QuerySet[ExampleScore]":
    return ExampleScore.objects.filter(
        example__report=report, model__status=ModelVersion.Status.CHAMPION
    )


def _twin(golden: Golden) -> Report | None:
    report = golden.report
    try:
        with transaction.atomic():
            twin = Report.objects.create(
                status=Report.Status.GOLDEN,
                golden=golden,
                **{name: getattr(report, name) for name in REPORT_SHOWN},
            )
            copies: dict[int | None, Example] = {}
            scores = _scores(report).select_related("example")
            for score in scores.order_by("example__position"):  # a pair's first image comes first
                old = score.example
                copies[old.pk] = Example.objects.create(
                    report=twin,
                    counterpart_of=copies.get(old.counterpart_of_id),
                    **{name: getattr(old, name) for name in EXAMPLE_SHOWN},
                )
                ExampleScore.objects.create(
                    example=copies[old.pk],
                    model=score.model,
                    label=score.label,
                    scores=score.scores,
                )
            return twin
    except IntegrityError:  # another worker was quicker
        return None


def answer(*, decision: Decision) -> Decision:
    """Keep what was said of a twin, which the caller holds, and remove the twin.

    The decision itself is kept nowhere.
    """
    twin = decision.report
    if twin.golden is None:
        raise AssertionError("only a twin has a golden case")
    known = twin.golden.report.decision
    GoldenAnswer.objects.create(
        golden=twin.golden,
        by=decision.by,
        verdict=decision.verdict,
        right=known is not None and decision.verdict == known.verdict,
    )
    Report.objects.filter(pk=twin.pk).delete()
    decision.at = timezone.now()
    return decision
