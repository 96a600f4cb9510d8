"""Whether a gate's verdict still holds, and a new one where it does not.

A verdict holds against the model in service, the audit set and the policy that it was reached with.
If one of them is replaced, the candidate is judged again.
"""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from feedback import queries
from feedback.errors import VerdictOutdated
from feedback.models import Audit, AuditSet, ModelVersion, Retrain
from feedback.models.ledger import sha256
from feedback.services import audits, ledger, wear


def policy_sha256(policy: dict[str, Any] | None = None) -> str:
    """The hash of a policy, by default of the one that holds now, as the ledger records it."""
    if policy is None:
        # Imported here: the statistics packages take seconds to import.
        from modeltrain.gate.policy import Policy

        policy = Policy.load().as_dict()
    return sha256(policy)


def changes(retrain: Retrain) -> list[str]:
    """Say in sentences what was replaced since the verdict on an evaluated retrain was reached."""
    if retrain.status != Retrain.Status.EVALUATED:
        return []
    sentences = []
    champion, audit_set = queries.models.champion(), queries.audits.deciding_set()
    if retrain.judged_against != champion:
        sentences.append(
            f"It was compared with {retrain.judged_against or 'no model'}, and "
            f"{champion or 'no model'} is in service now."
        )
    if retrain.audit_set != audit_set:
        sentences.append(
            f"It was judged on the audit set {_name(retrain.audit_set)}, and "
            f"{_name(audit_set)} decides now."
        )
    current_policy = policy_sha256()
    if retrain.policy_sha256 != current_policy:
        sentences.append(
            f"It was judged by the policy {retrain.policy_sha256[:12] or '(unknown)'}, version "
            f"{_policy_version(retrain)}, and the policy {current_policy[:12]} holds now."
        )
    return sentences


def _name(audit_set: AuditSet | None) -> str:
    return audit_set.name if audit_set else "(none)"


def _policy_version(retrain: Retrain) -> str:
    return str((retrain.gate or {}).get("policy", {}).get("version", "unknown"))


def refuse_outdated(retrain: Retrain) -> None:
    """Refuse to act on a verdict that no longer holds.

    Raises
    ------
    VerdictOutdated
        It says what was replaced.
    """
    if sentences := changes(retrain):
        raise outdated(retrain, sentences)


def outdated(retrain: Retrain, sentences: Sequence[str]) -> VerdictOutdated:
    return VerdictOutdated(
        rule="A verdict holds against the model, the audit set and the policy that it was reached "
        "with.",
        received=f"retrain {retrain.pk}. {' '.join(sentences).removesuffix('.')}",
        remedy="The site judges the candidate again by itself, within minutes. Decide then.",
    )


def still_holds(retrain: Retrain) -> Q:
    """The condition that the verdict on `retrain` is the newest one and still holds.

    It names no column of another table that is joined: a subquery on the updated table itself would
    not be checked again on PostgreSQL after waiting for another writer.
    """
    champion = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).values("pk")[:1]
    newest = queries.audits.open_sets().values("pk")[:1]
    return Q(
        Q(judged_against=champion),
        Q(audit_set=newest),
        judged_against=retrain.judged_against_id,
        evaluated_at=retrain.evaluated_at,
        policy_sha256=policy_sha256(),
    )


def to_judge_again() -> list[int]:
    """Evaluated retrains whose verdict no longer holds."""
    evaluated = Retrain.objects.filter(status=Retrain.Status.EVALUATED)
    return [
        retrain.pk
        for retrain in evaluated.select_related("judged_against", "audit_set")
        if changes(retrain)
    ]


def judge_again(*, pk: int) -> None:
    """Replace a verdict that no longer holds, once both models are audited on the newest set.

    The audits are requested if they are missing. One that failed, or whose answers are lost, is not
    repeated: `unusable_audits` tells maintainers, who have it repeated.
    """
    retrain = Retrain.objects.select_related("candidate", "judged_against").get(pk=pk)
    champion, audit_set = queries.models.champion(), queries.audits.deciding_set()
    if not changes(retrain) or not (champion and audit_set and retrain.candidate):
        return
    for model in (champion, retrain.candidate):
        Audit.objects.get_or_create(model=model, audit_set=audit_set)
    pair = audits.comparable(before=champion.pk, after=retrain.candidate.pk, audit_set=audit_set.pk)
    if pair is None:
        return
    gate = with_wear(audits.compare(before=pair[0], after=pair[1]), audit_set)
    with transaction.atomic():
        replaced = Retrain.objects.filter(
            pk=pk, status=Retrain.Status.EVALUATED, evaluated_at=retrain.evaluated_at
        ).update(
            gate=gate,
            judged_against=champion,
            audit_set=audit_set,
            policy_sha256=policy_sha256(gate["policy"]),
            evaluated_at=timezone.now(),
        )
        if replaced:
            retrain.refresh_from_db()
            ledger.record_gate(retrain)


def with_wear(gate: dict[str, Any], audit_set: AuditSet) -> dict[str, Any]:
    """Return a gate's result whose sentence says so if the audit set is worn."""
    worn = wear.sentence(audit_set)
    return gate | {"sentence": f"{gate['sentence']} {worn}"} if worn else gate


def unusable_audits(retrain: Retrain, audit_set: AuditSet | None) -> dict[Audit, str]:
    """Audits on a set without which the candidate cannot be judged, and why each is of no use."""
    models = [queries.models.champion(), retrain.candidate]
    reasons = {}
    for audit in Audit.objects.filter(
        model__in=[model for model in models if model], audit_set=audit_set
    ).select_related("model", "audit_set"):
        if audit.status == Audit.Status.FAILED:
            reasons[audit] = f"it failed: {audit.failure or 'no reason was written down.'}"
        elif audit.status == Audit.Status.DONE and not audits.has_answers(audit):
            reasons[audit] = "the file with the model's answers is lost or damaged."
    return reasons


def repeat_unusable_audits(*, retrain: Retrain) -> None:
    """Queue the audits again without which the candidate cannot be judged again."""
    for audit in unusable_audits(retrain, queries.audits.deciding_set()):
        audits.repeat(audit=audit)
