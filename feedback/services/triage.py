"""Decide reports."""

import datetime
from collections.abc import Iterable, Mapping, Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from feedback import people, queries
from feedback.errors import AlreadyDecided, Invalid, Refusal, WrongState
from feedback.models import ApprovalRule, Decision, Report
from feedback.models.decision import OTHER, REASONS
from feedback.services import golden, outcomes, reports
from feedback.text import required_text

CLAIM = datetime.timedelta(minutes=10)
CLAIMS_TRIED = 20  # as many may be taken by others meanwhile


def claim_next(*, by: User, after: Report | None = None) -> Report | None:
    """Put the oldest case that nobody else has in hand into this reviewer's, for ten minutes."""
    waiting = queries.triage.open_cases(by).prefetch_related(None)
    if after:
        same_moment = Q(created_at=after.created_at, pk__gt=after.pk)
        waiting = waiting.filter(Q(created_at__gt=after.created_at) | same_moment)
        waiting = waiting.exclude(pk__in=queries.near_duplicates.same_case(after))
    return next((report for report in waiting[:CLAIMS_TRIED] if _take_case(report, by)), None)


def _take_case(report: Report, by: User) -> bool:
    """A case and its near-duplicates, or nothing where somebody else has one of them in hand."""
    case = queries.near_duplicates.same_case(report)
    with transaction.atomic():
        taken = case.filter(queries.triage.free_for(by)).update(
            claimed_by=by, claimed_until=timezone.now() + CLAIM
        )
        if taken and taken == case.count():
            return True
        transaction.set_rollback(True)
    return False


def _take(report: Report, by: User, **changes: object) -> bool:
    """Change a queued report that nobody else has in hand; others wait for this transaction."""
    free = Report.objects.filter(queries.triage.free_for(by), pk=report.pk, status__in=Report.OPEN)
    return bool(free.update(**changes))


def let_go(*, report: Report, by: User) -> None:
    """Leave a case and its near-duplicates to others."""
    mine = queries.near_duplicates.same_case(report).filter(claimed_by=by)
    mine.update(claimed_by=None, claimed_until=None)


def decide(
    *,
    report: Report,
    outcome: str,
    by: User,
    label: str = "",
    groups: Mapping[str, str] | None = None,
    because: str = "",
    reason: str = "",
) -> Decision:
    """Write what one reviewer says of a queued report, and settle it if enough say the same.

    Whoever comes after it was settled is told who was first.
    """
    reason = required_text(reason, "A reason", needed=False)
    if outcome == Decision.Outcome.ACCEPTED:
        because = ""
        reports.check_label(label or report.expected_label)
        label = label or report.expected_label
        groups = report.groups if groups is None else groups
        reports.check_groups(groups)
    else:
        because = _checked_reason(outcome, because, reason)
    with transaction.atomic():
        keys = ApprovalRule.objects.held()
        if not _take(report, by, claimed_by=None, claimed_until=None):
            raise _not_open(report, by)
        report.refresh_from_db(fields=["second_opinion_at", "appealed_at"])
        if refusal := barred(report, by):
            raise refusal
        standing = queries.decisions.standing(report)
        differ = queries.decisions.three_differ(standing)
        # Only a maintainer who is called to end such a difference can have spoken before.
        standing.filter(by=by).update(taken_back_at=timezone.now())
        others = list(standing.all())
        decision = Decision(
            report=report,
            outcome=outcome,
            label=label if outcome == Decision.Outcome.ACCEPTED else "",
            groups=dict(groups or {}),
            because=because,
            reason=reason.strip(),
            by=by,
        )
        enough = needed(report, keys=keys, others=others)
        if report.golden:
            if enough == 1 or outcome == Decision.Outcome.ESCALATED:
                decision.settled_at = timezone.now()  # as it would be said of any other
            return golden.answer(decision=decision)
        decision.save()
        same = [*(one for one in others if one.verdict == decision.verdict), decision]
        if outcome == Decision.Outcome.ESCALATED:
            settle(decision, [decision])
        elif differ or len(same) >= enough:
            settle(decision, same)
        return decision


def decide_together(
    *,
    report: Report,
    others: Iterable[Report],
    by: User,
    groups: Mapping[str, str] | None = None,
    **answer: str,
) -> dict[Report, Decision | Refusal]:
    """Decide a case and its near-duplicates one by one, and say what was refused of which.

    A refusal undoes nothing of the rest. Each near-duplicate keeps the groups that its own reporter
    stated. Where the answer itself is not valid, nothing is decided.
    """
    told: dict[Report, Decision | Refusal] = {}
    for one in (report, *others):
        own = groups if one == report else None
        try:
            told[one] = decide(report=one, by=by, groups=own, **answer)
        except Refusal as refusal:
            if one == report and isinstance(refusal, Invalid):
                raise
            told[one] = refusal
    return told


def _checked_reason(outcome: str, because: str, line: str) -> str:
    """Why it is declined, a name from the list; a line alone is another reason than those."""
    if outcome == Decision.Outcome.ESCALATED:
        because = ""
    elif not because:
        because = OTHER
    elif because not in REASONS:
        raise Invalid(
            rule=f"A reason must be one of {', '.join(REASONS)}.",
            received=repr(because),
            remedy="Choose one of these, or write a line for the reporter.",
        )
    if because in ("", OTHER) and not line.strip():
        raise Invalid(
            rule=f"A report that is {outcome} needs a reason, which its reporter reads.",
            received="no reason",
            remedy="Choose one, or write a line for the reporter.",
        )
    return because


def needed(report: Report, *, keys: ApprovalRule, others: Sequence[Decision]) -> int:
    """How many must say the same: where somebody has spoken already, two in any case."""
    return 2 if keys.two or report.second_opinion_at or others else 1


def settle(decision: Decision, agreeing: Sequence[Decision]) -> bool:
    """Make a decision the outcome of its report, with the groups that all who agree named.

    It is one of those who agree.
    """
    report, outcome = decision.report, decision.outcome
    told = dict.fromkeys(part for one in agreeing for part in one.told)
    if not reports.move(
        report=report,
        sources=[Report.Status.QUEUED],
        status=outcome,
        by=decision.by,
        note="\n\n".join(told),
    ):
        return False  # withdrawn a moment ago
    shared = set.intersection(*(set(one.groups.items()) for one in agreeing))
    decision.settled_at = timezone.now()
    for one in agreeing:
        one.left_out = dict(one.groups.items() - shared)
        one.groups = dict(sorted(shared))
        one.save(update_fields=["groups", "left_out", "settled_at"])
    if decision.label and not reports.may_keep_pixels(decision.label):
        reports.forget_pictures(report)
    outcomes.record(report=report, outcome=outcome, decision=decision, reviewers=len(agreeing))
    return True


def _not_open(report: Report, by: User) -> Refusal:
    """Why a case could not be taken: somebody has it in hand, or was first."""
    found = Report.objects.filter(pk=report.pk).prefetch_related("decisions__by").first()
    if found and found.status in Report.OPEN:
        return WrongState(
            rule="A case that another reviewer has in hand is theirs for ten minutes.",
            received=f"report {found.pk}, which {found.claimed_by} opened",
            remedy="Take the next one.",
        )
    last = found and found.decision
    return AlreadyDecided(
        rule="A report is decided once, while it is queued.",
        received=f"report {report.pk}, {found.status if found else 'decided'}"
        + (f" by {last.by} at {last.at:%Y-%m-%d %H:%M} UTC" if last else ""),
        remedy="Open the next one.",
    )


def in_other_hands(report: Report, reviewer: User) -> bool:
    return not Report.objects.filter(queries.triage.free_for(reviewer), pk=report.pk).exists()


def barred(report: Report, by: User) -> Refusal | None:
    """Why this reviewer may not decide this case, if so. It tells nothing of what others said."""
    if queries.triage.appeal_is_for_others(report, by):
        return WrongState(
            rule="An appeal is decided by somebody who did not decide the report before.",
            received=f"{by}, who declined it",
            remedy="Leave it to another reviewer.",
        )
    standing = queries.decisions.standing(report)
    known = report.golden and not queries.golden.may_answer(report.golden, by)
    if queries.decisions.three_differ(standing):
        if queries.triage.may_end_difference(report, by):
            return None
        return WrongState(
            rule="Where three reviewers say three different things, a maintainer decides: one who "
            "was not among them, if there is one.",
            received=f"{by}",
            remedy="Take the next one.",
        )
    if known or standing.filter(by=by).exists():
        return WrongState(
            rule="A reviewer says once what a report is; others say it without knowing what.",
            received=f"{by}, who has said it",
            remedy="Take the next one.",
        )
    return None


def ask_second_opinion(*, report: Report, by: User) -> None:
    """From now on two reviewers must agree on this report."""
    if not people.others_review(by):
        raise WrongState(
            rule="A second opinion comes from a second reviewer.",
            received="nobody else who reviews",
            remedy="Decide it, skip it, or make another reviewer's account.",
        )
    with transaction.atomic():
        if not _take(report, by, second_opinion_at=timezone.now()):
            raise _not_open(report, by)


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
                remedy="Open the report to see where it stands.",
            )
        Report.objects.filter(pk=report.pk).update(folded_into=None)
        report.decisions.filter(taken_back_at=None).update(taken_back_at=timezone.now())
        golden.drop(report)
        outcomes.record(report=report, outcome="taken back")
