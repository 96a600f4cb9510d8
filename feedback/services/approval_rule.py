"""Change how many different reviewers must agree before an outcome stands."""

from django.contrib.auth.models import User
from django.db import transaction

from feedback import queries, roles
from feedback.errors import Invalid, WrongState
from feedback.models import ApprovalRule
from feedback.services import ledger, triage


def change(*, number: int, by: User) -> int:
    """Change the number of keys. Returns how many reports this settled.

    With one key the first decision stands, so going down to one settles what one reviewer has
    decided. Where two reviewers differ, a third is still needed. Settled reports stay settled.
    """
    if number not in (ApprovalRule.ONE, ApprovalRule.TWO):
        raise Invalid(
            rule="A site has one key or two.",
            received=f"{number}",
            remedy="Choose 1 or 2.",
        )
    if number == ApprovalRule.TWO and roles.reviewers().count() < ApprovalRule.TWO:
        raise WrongState(
            rule="Two keys need two people who review.",
            received="one",
            remedy="Make another account, and put it in the group of reviewers.",
        )
    with transaction.atomic():
        before = ApprovalRule.objects.locked().number
        if (
            not ApprovalRule.objects.filter(number=before)
            .exclude(number=number)
            .update(number=number)
        ):
            raise WrongState(
                rule="The number of keys is changed to another one.",
                received=f"{number}, as it is",
                remedy="Nothing is left to do.",
            )
        undecided = queries.approval_rule.half_decided() if number == ApprovalRule.ONE else []
        settled = [triage.settle(decision, [decision]) for decision in list(undecided)]
        ledger.record_approval_rule(before=before, number=number, by=by)
    return sum(settled)
