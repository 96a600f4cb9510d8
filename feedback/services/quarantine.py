"""What becomes of reports that are held because many came at once."""

from django.contrib.auth.models import User
from django.db import transaction

from feedback import people, queries
from feedback.errors import WrongState
from feedback.models import Burst, Decision
from feedback.services import triage

AT_ONCE = 200  # each is written into the ledger


def release(*, burst: Burst, by: User) -> int:
    """Put the reports of a burst into the queue, each at its own time."""
    if not people.is_reviewer(by):
        raise WrongState(
            rule="Reports that are held are released by reviewers.",
            received=f"{by}, who is none",
            remedy="Ask one of them.",
        )
    return queries.triage.held_in(burst).update(burst=None)


def decline(*, burst: Burst, by: User, reason: str) -> tuple[int, int]:
    """Decline the reports of a burst, all for one reason. Returns how many, and how many are left.

    One maintainer is enough. Each reporter reads the reason, and can ask for another look.
    """
    if not people.is_maintainer(by):
        raise WrongState(
            rule="Reports are declined all at once by maintainers.",
            received=f"{by}, who is none",
            remedy="Decide them one by one, or ask a maintainer.",
        )
    done = 0
    for report in queries.triage.held_in(burst)[:AT_ONCE]:
        try:
            with transaction.atomic():
                decision = triage.decide(
                    report=report, outcome=Decision.Outcome.REJECTED, by=by, reason=reason
                )
                if not decision.settled_at:
                    triage.settle(decision, [decision])
        except WrongState:  # decided, withdrawn or taken in hand by somebody meanwhile
            continue
        done += 1
    return done, queries.triage.held_in(burst).count()
