"""Decide reports."""

import datetime
from collections.abc import Mapping

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from feedback import people, selectors
from feedback.errors import AlreadyDecided, Invalid, WrongState
from feedback.models import Decision, Report
from feedback.services import outcomes, reports

CLAIM = datetime.timedelta(minutes=10)
CLAIMS_TRIED = 20  # as many may be taken by others meanwhile


def claim_next(*, by: User, after: Report | None = None) -> Report | None:
    """Put the oldest case that nobody else has in hand into this reviewer's, for ten minutes."""
    waiting = selectors.open_cases(by)
    if after:
        same_moment = Q(created_at=after.created_at, pk__gt=after.pk)
        waiting = waiting.filter(Q(created_at__gt=after.created_at) | same_moment)
    for report in waiting[:CLAIMS_TRIED]:
        free = Report.objects.filter(
            selectors.free_for(by), pk=report.pk, status=Report.Status.QUEUED
        )
        if free.update(claimed_by=by, claimed_until=timezone.now() + CLAIM):
            return report
    return None


def let_go(*, report: Report, by: User) -> None:
    """Leave a case to others."""
    Report.objects.filter(pk=report.pk, claimed_by=by).update(claimed_by=None, claimed_until=None)


def decide(
    *,
    report: Report,
    outcome: str,
    by: User,
    label: str = "",
    groups: Mapping[str, str] | None = None,
    reason: str = "",
) -> Decision:
    """Write one decision on a queued report. The second decider is told who was first."""
    if outcome == Decision.Outcome.ACCEPTED:
        reports.check_label(label or report.expected_label)
        label = label or report.expected_label
        groups = report.groups if groups is None else groups
        reports.check_groups(groups)
    elif not reason.strip():
        raise Invalid(
            rule=f"A report that is {outcome} needs a reason, which its reporter reads.",
            received="no reason",
            way_out="Write a line for the reporter.",
        )
    if report.appealed_at and not may_decide_appeal(report, by):
        raise WrongState(
            rule="An appeal is decided by somebody who did not decline the report.",
            received=f"{by}, who declined it",
            way_out="Leave it to another reviewer.",
        )
    if report.status == Report.Status.QUEUED and in_other_hands(report, by):
        report.refresh_from_db(fields=["claimed_by"])
        raise WrongState(
            rule="A case that another reviewer has in hand is theirs for ten minutes.",
            received=f"report {report.pk}, which {report.claimed_by} opened",
            way_out="Take the next one.",
        )
    with transaction.atomic():
        if not reports.move(
            report=report, sources=[Report.Status.QUEUED], status=outcome, by=by, note=reason
        ):
            report.refresh_from_db()
            last = report.decision
            raise AlreadyDecided(
                rule="A report is decided once, while it is queued.",
                received=f"report {report.pk}, {report.status}"
                + (f" by {last.by} at {last.at:%Y-%m-%d %H:%M} UTC" if last else ""),
                way_out="Open the next one.",
            )
        if outcome == Decision.Outcome.ACCEPTED and not reports.may_keep_pixels(label):
            reports.forget_pictures(report)
        Report.objects.filter(pk=report.pk).update(claimed_by=None, claimed_until=None)
        decision = Decision.objects.create(
            report=report,
            outcome=outcome,
            label=label if outcome == Decision.Outcome.ACCEPTED else "",
            groups=dict(groups or {}),
            reason=reason,
            by=by,
        )
        outcomes.record(report=report, outcome=outcome, decision=decision)
        return decision


def in_other_hands(report: Report, reviewer: User) -> bool:
    return not Report.objects.filter(selectors.free_for(reviewer), pk=report.pk).exists()


def may_decide_appeal(report: Report, by: User) -> bool:
    """Somebody else must, unless nobody else can."""
    return not report.decisions.filter(by=by).exists() or not people.others_review(by)


def reopen(*, report: Report, by: User) -> None:
    """Take back that a report was accepted: it is queued again, and the next dataset leaves it out.

    Models that learnt from it stay as they are.
    """
    with transaction.atomic():
        if not reports.move(
            report=report, sources=Report.AGREED, status=Report.Status.QUEUED, by=by
        ):
            report.refresh_from_db()
            raise WrongState(
                rule="A decision can be taken back while the report is accepted.",
                received=f"report {report.pk}, {report.status}",
                way_out="Open the report to see where it stands.",
            )
        Report.objects.filter(pk=report.pk).update(folded_into=None)
        report.decisions.filter(taken_back_at=None).update(taken_back_at=timezone.now())
        outcomes.record(report=report, outcome="taken back")
