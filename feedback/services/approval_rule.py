"""Turn the keys: how many different reviewers must agree before an outcome stands."""

from django.contrib.auth.models import User
from django.db import transaction

from feedback import people, queries
from feedback.errors import Invalid, WrongState
from feedback.models import Keys
from feedback.services import ledger, triage


def turn(*, number: int, by: User) -> int:
    """Change the number of keys; the number of reports that this settled.

    With one key the first word stands, so turning down settles what one reviewer has decided.
    Where two have differed, a third is still needed. What was settled before stays.
    """
    if number not in (Keys.ONE, Keys.TWO):
        raise Invalid(
            rule="A site has one key or two.",
            received=f"{number}",
            way_out="Choose 1 or 2.",
        )
    if number == Keys.TWO and people.reviewers().count() < Keys.TWO:
        raise WrongState(
            rule="Two keys need two people who review.",
            received="one",
            way_out="Make another account, and put it in the group of reviewers.",
        )
    with transaction.atomic():
        before = Keys.objects.held().number
        if not Keys.objects.filter(number=before).exclude(number=number).update(number=number):
            raise WrongState(
                rule="The number of keys is changed to another one.",
                received=f"{number}, as it is",
                way_out="Nothing is left to do.",
            )
        waiting = list(queries.approval_rule.half_decided()) if number == Keys.ONE else []
        settled = [triage.settle(decision, [decision]) for decision in waiting]
        ledger.keys(before=before, number=number, by=by)
    return sum(settled)
