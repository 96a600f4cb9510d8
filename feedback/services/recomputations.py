"""What the policy that holds now says about candidates that were decided by an earlier one.

The verdict that a decision rests on stays as it is, in the database and in the ledger. The new
result is stored beside it.
"""

from django.utils import timezone

from feedback.models import Audit, Retrain
from feedback.services import audits, verdicts

DECIDED = (Retrain.Status.PROMOTED, Retrain.Status.DECLINED)


def to_recompute() -> list[int]:
    """Decided retrains without a result by the policy that holds now, if answers are stored."""
    decided = Retrain.objects.filter(status__in=DECIDED, audit_set__isnull=False)
    if not decided.exists():
        return []  # the module of the policy takes seconds to import
    current = verdicts.policy_sha256()
    earlier = decided.exclude(policy_sha256=current).exclude(recomputed_policy_sha256=current)
    return [retrain.pk for retrain in earlier.defer("gate", "recomputed_gate") if _audits(retrain)]


def recompute(*, pk: int) -> None:
    """Judge a decided candidate by the policy that holds now, against the model of back then.

    The images are those of back then too. Nothing happens if the answers of a model are lost.
    """
    retrain = Retrain.objects.get(pk=pk)
    pair = _audits(retrain)
    if retrain.status not in DECIDED or pair is None:
        return
    before, after = pair
    gate = audits.compare(before=before, after=after)
    Retrain.objects.filter(pk=pk).update(
        recomputed_gate=gate,
        recomputed_policy_sha256=verdicts.policy_sha256(gate["policy"]),
        recomputed_at=timezone.now(),
    )


def _audits(retrain: Retrain) -> tuple[Audit, Audit] | None:
    return audits.comparable(
        before=retrain.judged_against_id or retrain.base_id,
        after=retrain.candidate_id,
        audit_set=retrain.audit_set_id,
    )
