"""Revise the definitions of labels, and decide objections to them."""

from collections.abc import Mapping, Sequence

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from feedback import queries
from feedback.errors import Invalid, WrongState
from feedback.models import Definition, Objection
from feedback.services import ledger
from feedback.services.reports import check_label
from feedback.text import required_text

Status = Objection.Status
BORDERLINE_AT_MOST = 20
LONGEST_MEANING = 500


def object_to(*, label: str, words: str) -> Objection:
    """File an objection to a label's current definition."""
    check_label(label)
    words = required_text(words, "What is wrong with a definition")
    version = queries.definitions.definition_of(label).version
    return Objection.objects.create(label=label, version=version, words=words)


def withdraw(*, objection: Objection) -> None:
    """Withdraw an objection and erase its words."""
    standing = Objection.objects.exclude(status=Status.WITHDRAWN).filter(pk=objection.pk)
    if not standing.update(status=Status.WITHDRAWN, words="", reason=""):
        raise WrongState(
            rule="An objection can be withdrawn once.",
            received="one that is withdrawn",
            remedy="Nothing is left to do.",
        )


def revise(
    *,
    label: str,
    meaning: str,
    borderline: Sequence[Mapping[str, str]],
    reason: str,
    by: User,
    objections: Sequence[int] = (),
) -> Definition:
    """Write the next version of a definition, and answer the open objections that it follows."""
    check_label(label)
    meaning = required_text(meaning, "A definition", LONGEST_MEANING)
    reason = required_text(reason, "The public reason for a change")
    if len(borderline) > BORDERLINE_AT_MOST:
        raise Invalid(
            rule=f"A definition has at most {BORDERLINE_AT_MOST} borderline examples.",
            received=str(len(borderline)),
            remedy="Keep those that decide the most cases.",
        )
    for example in borderline:
        check_label(example["label"])
    borderline = [
        {
            **example,
            "picture": required_text(example["picture"], "A borderline image", LONGEST_MEANING),
        }
        for example in borderline
    ]
    current = queries.definitions.definition_of(label)
    if (meaning, borderline) == (current.meaning, current.borderline):
        raise Invalid(
            rule="A new version differs from the one before.",
            received=f"version {current.version} again",
            remedy="Change the meaning or an example.",
        )
    try:
        with transaction.atomic():
            definition = Definition.objects.create(
                label=label,
                version=current.version + 1,
                meaning=meaning,
                borderline=borderline,
                reason=reason,
                by=by,
            )
            _decide(
                Objection.objects.filter(pk__in=objections, label=label),
                Status.ACCEPTED,
                reason,
                by,
            )
            ledger.record_definition(definition)
    except IntegrityError:
        raise WrongState(
            rule="Each version of a definition is written once.",
            received=f"version {current.version + 1} of {label}, which somebody just wrote",
            remedy="Read it, and change that one.",
        ) from None
    return definition


def reject(*, objection: Objection, reason: str, by: User) -> None:
    reason = required_text(reason, "The reason for rejecting")
    if not _decide(Objection.objects.filter(pk=objection.pk), Status.DECLINED, reason, by):
        objection.refresh_from_db()
        raise WrongState(
            rule="An objection is decided once, while it is open.",
            received=f"{objection}, {objection.status}",
            remedy="Open the next one.",
        )


def _decide(objections: "QuerySet[Objection]", status: str, reason: str, by: User) -> int:
    return objections.filter(status=Status.OPEN).update(
        status=status, reason=reason, decided_by=by, decided_at=timezone.now()
    )
