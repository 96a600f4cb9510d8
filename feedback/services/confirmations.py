"""Judge a candidate that the gate passed on images that no figure and no choice has come from.

An audit set that was imported as the confirmation set has no audits. It is opened for one candidate
at a time, when a maintainer wants to promote it, and each opening is counted.
"""

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from feedback import queries
from feedback.errors import ConfirmationNeeded, WrongState
from feedback.models import Audit, Confirmation, Retrain
from feedback.services import audits, ledger, verdicts


def current_confirmation(retrain: Retrain) -> Confirmation | None:
    """The confirmation that belongs to the verdict on a retrain.

    It was reached against the same model and with the same policy. While the retrain is open, it
    counts on the newest confirmation set alone.
    """
    confirmations = Confirmation.objects.filter(
        retrain=retrain,
        judged_against=retrain.judged_against,
        policy_sha256=retrain.policy_sha256,
    )
    if retrain.status == Retrain.Status.EVALUATED:
        confirmations = confirmations.filter(audit_set=queries.audits.confirmation_set())
    return confirmations.select_related("audit_set", "requested_by").first()


def objection(retrain: Retrain) -> ConfirmationNeeded | None:
    """Why the confirmation set does not let a passed candidate through, if it does not.

    "Not enough images" is no objection: the set is often smaller than the one that decides.
    """
    audit_set = queries.audits.confirmation_set()
    if audit_set is None or not _passed(retrain):
        return None
    confirmation = current_confirmation(retrain)
    if confirmation is None or confirmation.gate is None:
        return ConfirmationNeeded(
            rule="A candidate that the gate passed is judged on the confirmation set before it "
            "goes into service.",
            received=f"retrain {retrain.pk}, which has no verdict on {audit_set}",
            remedy="Have it judged there, or give override_reason, which is public.",
        )
    if confirmation.gate["verdict"] == "blocked":
        return ConfirmationNeeded(
            rule="A candidate that the confirmation set blocks needs a written, public reason.",
            received=f"on {audit_set}, {confirmation.gate['sentence'].removesuffix('.')}",
            remedy="Give override_reason, or decline.",
        )
    return None


def request(*, retrain: Retrain, by: User) -> Confirmation:
    """Open the confirmation set for a candidate. A failed audit on it is repeated.

    Raises
    ------
    WrongState
        If there is no such set, or the gate did not pass the candidate.
    VerdictOutdated
        If the gate's verdict no longer holds.
    """
    audit_set = queries.audits.confirmation_set()
    if retrain.status != Retrain.Status.EVALUATED or audit_set is None or not _passed(retrain):
        raise WrongState(
            rule="The confirmation set is opened for candidates that the gate passed, and that are "
            "neither promoted nor declined.",
            received=f"retrain {retrain.pk}, {retrain.status}, "
            f"verdict {(retrain.gate or {}).get('verdict')!r}; confirmation set: "
            f"{audit_set or 'none'}",
            remedy="Decide without it.",
        )
    verdicts.refuse_outdated(retrain)
    with transaction.atomic():
        confirmation, _ = Confirmation.objects.get_or_create(
            retrain=retrain,
            audit_set=audit_set,
            judged_against=retrain.judged_against,
            policy_sha256=retrain.policy_sha256,
            defaults={"requested_by": by},
        )
        for model in (retrain.judged_against, retrain.candidate):
            audit, _ = Audit.objects.get_or_create(model=model, audit_set=audit_set)
            audits.repeat(audit=audit)
    return confirmation


def to_judge() -> list[int]:
    """Requested confirmations whose audits are finished."""
    waiting = Confirmation.objects.filter(
        gate__isnull=True, retrain__status=Retrain.Status.EVALUATED
    ).select_related("retrain")
    return [confirmation.pk for confirmation in waiting if _audits(confirmation)]


def judge(*, pk: int) -> None:
    """Let the gate compare the two models on the confirmation set, once both are audited on it.

    Nothing happens if the policy was replaced: the gate's own verdict then no longer holds either.
    """
    confirmation = Confirmation.objects.select_related("retrain", "audit_set").get(pk=pk)
    pair = _audits(confirmation)
    if confirmation.gate or pair is None or confirmation.policy_sha256 != verdicts.policy_sha256():
        return
    gate = verdicts.with_wear(audits.compare(before=pair[0], after=pair[1]), confirmation.audit_set)
    with transaction.atomic():
        waiting = Confirmation.objects.filter(pk=pk, gate__isnull=True)
        if waiting.update(gate=gate, judged_at=timezone.now()):
            confirmation.refresh_from_db()
            ledger.record_confirmation(confirmation)


def _audits(confirmation: Confirmation) -> tuple[Audit, Audit] | None:
    return audits.comparable(
        before=confirmation.judged_against_id,
        after=confirmation.retrain.candidate_id,
        audit_set=confirmation.audit_set_id,
    )


def _passed(retrain: Retrain) -> bool:
    return (retrain.gate or {}).get("verdict") == "pass"
