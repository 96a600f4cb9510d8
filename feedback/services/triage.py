"""Claim and decide reports, and take decisions back."""

import datetime
from collections.abc import Iterable, Mapping, Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from feedback import queries, roles
from feedback.errors import AlreadyDecided, Invalid, Refusal, WrongState
from feedback.models import ApprovalRule, Decision, Report
from feedback.models.decision import OTHER, REASONS
from feedback.services import golden, images, outcomes, reports
from feedback.text import optional_text

CLAIM_TIME = datetime.timedelta(minutes=10)
MAX_CLAIM_ATTEMPTS = 20  # so many cases may be claimed by others meanwhile


def claim_next(*, by: User, after: Report | None = None) -> Report | None:
    """Claim the oldest case that nobody else has claimed, for ten minutes."""
    cases = queries.triage.open_cases(by).prefetch_related(None)
    if after:
        same_moment = Q(created_at=after.created_at, pk__gt=after.pk)
        cases = cases.filter(Q(created_at__gt=after.created_at) | same_moment)
        cases = cases.exclude(pk__in=queries.near_duplicates.same_case(after))
    return next((case for case in cases[:MAX_CLAIM_ATTEMPTS] if _claim_case(case, by)), None)


def _claim_case(report: Report, by: User) -> bool:
    """Claim a case and its near-duplicates, or nothing if someone else has claimed one of them."""
    case = queries.near_duplicates.same_case(report)
    with transaction.atomic():
        claimed = case.filter(queries.triage.claimable_by(by)).update(
            claimed_by=by, claimed_until=timezone.now() + CLAIM_TIME
        )
        if claimed and claimed == case.count():
            return True
        transaction.set_rollback(True)
    return False


def _update_if_claimable(report: Report, by: User, **changes: object) -> bool:
    """Update an open report that no other reviewer has claimed, and lock it until the commit."""
    claimable = Report.objects.filter(
        queries.triage.claimable_by(by), pk=report.pk, status__in=Report.OPEN
    )
    return bool(claimable.update(**changes))


def release_claim(*, report: Report, by: User) -> None:
    """Release a reviewer's claim on a case and its near-duplicates."""
    claimed = queries.near_duplicates.same_case(report).filter(claimed_by=by)
    claimed.update(claimed_by=None, claimed_until=None)


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
    """Record one reviewer's decision on an open report, and settle it if enough reviewers agree.

    Raises
    ------
    AlreadyDecided
        If the report was settled before; the message says who decided it.
    WrongState
        If another reviewer has claimed it, or if this reviewer may not decide it.
    """
    reason = optional_text(reason, "A reason")
    if outcome == Decision.Outcome.ACCEPTED:
        because = ""
        reports.check_label(label or report.expected_label)
        label = label or report.expected_label
        groups = report.groups if groups is None else groups
        reports.check_groups(groups)
    else:
        because = _checked_reason(outcome, because, reason)
    with transaction.atomic():
        rule = ApprovalRule.objects.locked()
        if not _update_if_claimable(report, by, claimed_by=None, claimed_until=None):
            raise _claim_refusal(report, by)
        report.refresh_from_db(fields=["second_opinion_at", "appealed_at"])
        if refusal := refusal_to_decide(report, by):
            raise refusal
        standing = queries.decisions.active_decisions(report)
        disputed = queries.decisions.three_differ(standing)
        # Only a maintainer who settles such a dispute can have decided before.
        standing.filter(by=by).update(taken_back_at=timezone.now())
        earlier = list(standing.all())
        decision = Decision(
            report=report,
            outcome=outcome,
            label=label if outcome == Decision.Outcome.ACCEPTED else "",
            groups=dict(groups or {}),
            because=because,
            reason=reason.strip(),
            by=by,
        )
        needed = decisions_needed(report, rule=rule, earlier=earlier)
        if report.golden:
            if needed == 1 or outcome == Decision.Outcome.ESCALATED:
                decision.settled_at = timezone.now()  # so it looks like any other decision
            return golden.answer(decision=decision)
        decision.save()
        agreeing = [other for other in earlier if other.verdict == decision.verdict]
        agreeing.append(decision)
        if outcome == Decision.Outcome.ESCALATED:
            settle(decision, [decision])
        elif disputed or len(agreeing) >= needed:
            settle(decision, agreeing)
        return decision


def decide_together(
    *,
    report: Report,
    near_duplicates: Iterable[Report],
    by: User,
    groups: Mapping[str, str] | None = None,
    **answer: str,
) -> dict[Report, Decision | Refusal]:
    """Decide a case and its near-duplicates one by one. Returns a decision or refusal for each.

    A refusal does not undo the other decisions. A near-duplicate keeps the groups that its own
    reporter stated. If the answer itself is not valid, nothing is decided.
    """
    results: dict[Report, Decision | Refusal] = {}
    for decided in (report, *near_duplicates):
        try:
            results[decided] = decide(
                report=decided, by=by, groups=groups if decided == report else None, **answer
            )
        except Refusal as refusal:
            if decided == report and isinstance(refusal, Invalid):
                raise
            results[decided] = refusal
    return results


def _checked_reason(outcome: str, because: str, line: str) -> str:
    """The name of a reason in REASONS; a line to the reporter alone counts as OTHER."""
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


def decisions_needed(report: Report, *, rule: ApprovalRule, earlier: Sequence[Decision]) -> int:
    """How many reviewers must agree: two in any case if someone has decided already."""
    return 2 if rule.two or report.second_opinion_at or earlier else 1


def settle(decision: Decision, agreeing: Sequence[Decision]) -> bool:
    """Make a decision the outcome of its report, with the groups that all agreeing decisions name.

    `agreeing` includes the decision itself. Returns False if the report was withdrawn meanwhile.
    """
    report, outcome = decision.report, decision.outcome
    explanations = dict.fromkeys(text for agreed in agreeing for text in agreed.explanation)
    if not reports.move(
        report=report,
        sources=[Report.Status.QUEUED],
        status=outcome,
        by=decision.by,
        note="\n\n".join(explanations),
    ):
        return False
    shared_groups = set.intersection(*(set(agreed.groups.items()) for agreed in agreeing))
    decision.settled_at = timezone.now()
    for agreed in agreeing:
        agreed.left_out = dict(agreed.groups.items() - shared_groups)
        agreed.groups = dict(sorted(shared_groups))
        agreed.save(update_fields=["groups", "left_out", "settled_at"])
    if decision.label and not reports.may_keep_pixels(decision.label):
        images.delete_images(report=report)
    outcomes.record(report=report, outcome=outcome, decision=decision, reviewers=len(agreeing))
    return True


def _claim_refusal(report: Report, by: User) -> Refusal:
    """Why a case could not be updated: another reviewer has claimed it, or it is decided."""
    current = Report.objects.filter(pk=report.pk).prefetch_related("decisions__by").first()
    if current and current.status in Report.OPEN:
        return WrongState(
            rule="A case that another reviewer has in hand is theirs for ten minutes.",
            received=f"report {current.pk}, which {current.claimed_by} opened",
            remedy="Take the next one.",
        )
    decision = current and current.decision
    return AlreadyDecided(
        rule="A report is decided once, while it is queued.",
        received=f"report {report.pk}, {current.status if current else 'decided'}"
        + (f" by {decision.by} at {decision.at:%Y-%m-%d %H:%M} UTC" if decision else ""),
        remedy="Open the next one.",
    )


def claimed_by_other(report: Report, reviewer: User) -> bool:
    return not Report.objects.filter(queries.triage.claimable_by(reviewer), pk=report.pk).exists()


def refusal_to_decide(report: Report, by: User) -> Refusal | None:
    """Why this reviewer may not decide this case, or None. It does not reveal other decisions."""
    if queries.triage.appeal_reserved_for_others(report, by):
        return WrongState(
            rule="An appeal is decided by somebody who did not decide the report before.",
            received=f"{by}, who rejected it",
            remedy="Leave it to another reviewer.",
        )
    standing = queries.decisions.active_decisions(report)
    knows_answer = report.golden and not queries.golden.may_answer(report.golden, by)
    if queries.decisions.three_differ(standing):
        if queries.triage.may_settle_dispute(report, by):
            return None
        return WrongState(
            rule="Where three reviewers say three different things, a maintainer decides: one who "
            "was not among them, if there is one.",
            received=f"{by}",
            remedy="Take the next one.",
        )
    if knows_answer or standing.filter(by=by).exists():
        return WrongState(
            rule="A reviewer says once what a report is; others say it without knowing what.",
            received=f"{by}, who has said it",
            remedy="Take the next one.",
        )
    return None


def ask_second_opinion(*, report: Report, by: User) -> None:
    """Require that two reviewers agree on this report."""
    if not roles.has_other_reviewers(by):
        raise WrongState(
            rule="A second opinion comes from a second reviewer.",
            received="nobody else who reviews",
            remedy="Decide it, skip it, or make another reviewer's account.",
        )
    with transaction.atomic():
        if not _update_if_claimable(report, by, second_opinion_at=timezone.now()):
            raise _claim_refusal(report, by)


def reopen(*, report: Report, by: User) -> None:
    """Take back the decision to accept a report: it is queued, and the next dataset omits it.

    Models that learnt from it do not change.
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
        golden.unmark(report)
        outcomes.record(report=report, outcome="taken back")


def undo(*, report: Report, by: User) -> None:
    """Take back this reviewer's decision, for as long as no dataset has learnt from it.

    Other reviewers' decisions on the report stand; it waits until enough agree again.
    """
    with transaction.atomic():
        own = queries.decisions.active_decisions(report).filter(by=by)
        settled = reports.move(
            report=report,
            sources=[Report.Status.ACCEPTED, Report.Status.REJECTED],
            status=Report.Status.QUEUED,
            by=by,
        )
        report.refresh_from_db(fields=["status", "appealed_at"])
        if report.status != Report.Status.QUEUED or not own.update(taken_back_at=timezone.now()):
            transaction.set_rollback(True)
            raise WrongState(
                rule="A reviewer can undo a decision until it enters a dataset.",
                received=f"report {report.pk}, {report.status}",
                remedy="Open the report to see where it stands.",
            )
        if settled:
            queries.decisions.active_decisions(report).update(settled_at=None)
            golden.unmark(report)
            outcomes.record(report=report, outcome="taken back")
