"""Release or reject reports that are quarantined because many came at once."""

from django.contrib.auth.models import User
from django.db import transaction

from feedback import queries, roles
from feedback.errors import WrongState
from feedback.models import Burst, Decision
from feedback.services import triage

BATCH_SIZE = 200  # each report is written to the ledger


def release(*, burst: Burst, by: User) -> int:
    """Put the reports of a burst into the queue, in the order in which they came."""
    if not roles.is_reviewer(by):
        raise WrongState(
            rule="Reports that are held are released by reviewers.",
            received=f"{by}, who is not one",
            remedy="Ask one of them.",
        )
    return queries.triage.quarantined_reports(burst).update(burst=None)


def reject(*, burst: Burst, by: User, reason: str) -> tuple[int, int]:
    """Reject the reports of a burst for one reason. Returns how many, and how many are left.

    One maintainer is enough. Every reporter reads the reason, and can appeal.
    """
    if not roles.is_maintainer(by):
        raise WrongState(
            rule="Reports are rejected all at once by maintainers.",
            received=f"{by}, who is not one",
            remedy="Decide them one by one, or ask a maintainer.",
        )
    rejected = 0
    for report in queries.triage.quarantined_reports(burst)[:BATCH_SIZE]:
        try:
            with transaction.atomic():
                decision = triage.decide(
                    report=report, outcome=Decision.Outcome.REJECTED, by=by, reason=reason
                )
                if not decision.settled_at:
                    triage.settle(decision, [decision])
        except WrongState:  # decided, withdrawn or claimed meanwhile
            continue
        rejected += 1
    return rejected, queries.triage.quarantined_reports(burst).count()
