"""What a later policy says of a decided candidate stands beside the verdict at the time."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from feedback.models import AuditSet, LedgerEntry, Retrain
from feedback.services import ledger, manifests, recomputations, verdicts
from tests.nsfwsite.audits.examples import answers, audited_model, judged_retrain

pytestmark = pytest.mark.django_db


@pytest.fixture
def decided(mona) -> Retrain:
    """Promoted by version 2, which saw no harm in 12 drawings that are newly called porn."""
    audit_set = AuditSet.objects.create(
        name="first-set", manifest_sha256=manifests.publish([]), images=264
    )
    champion = audited_model(1, audit_set, answers(40), status="retired")
    candidate = audited_model(2, audit_set, answers(40, alarms=12), status="champion")
    retrain = judged_retrain(candidate, against=champion, audit_set=audit_set, by=mona)
    gate = {"verdict": "pass", "sentence": "Pass.", "policy": {"version": 2}, "cells": []}
    Retrain.objects.update(
        status="promoted",
        decided_by=mona,
        decided_at=timezone.now(),
        gate=gate,
        policy_sha256=verdicts.policy_sha256(gate["policy"]),
    )
    retrain.refresh_from_db()
    ledger.record_gate(retrain)
    return retrain


def test_the_new_result_stands_beside_the_old_one_and_the_ledger_stays(decided) -> None:
    entries = list(LedgerEntry.objects.values_list("hash", flat=True))
    assert recomputations.to_recompute() == [decided.pk]
    recomputations.recompute(pk=decided.pk)

    after = Retrain.objects.get()
    assert after.recomputed_gate["verdict"] == "blocked"
    assert after.recomputed_gate["policy"]["version"] == 3
    assert "more false alarms" in after.recomputed_gate["sentence"]
    assert after.recomputed_policy_sha256 == verdicts.policy_sha256()
    for field in ("status", "gate", "policy_sha256", "judged_against", "audit_set", "decided_at"):
        assert getattr(after, field) == getattr(decided, field)
    assert list(LedgerEntry.objects.values_list("hash", flat=True)) == entries
    assert [problem for problem in ledger.contradictions() if "(gate)" in problem] == []
    assert recomputations.to_recompute() == []


def test_a_result_of_an_earlier_policy_is_replaced(decided) -> None:
    Retrain.objects.update(
        recomputed_gate={"verdict": "pass"},
        recomputed_policy_sha256="2" * 64,
        recomputed_at=timezone.now(),
    )
    assert recomputations.to_recompute() == [decided.pk]
    recomputations.recompute(pk=decided.pk)
    assert Retrain.objects.get().recomputed_gate["verdict"] == "blocked"


def test_a_decision_by_the_policy_that_holds_now_needs_no_second_result(decided) -> None:
    Retrain.objects.update(policy_sha256=verdicts.policy_sha256())
    assert recomputations.to_recompute() == []


def test_it_is_compared_with_the_model_of_back_then_and_other_retrains_stay(decided) -> None:
    as_bad = audited_model(3, decided.audit_set, answers(40, alarms=12), status="retired")
    undecided = Retrain.objects.create(
        base=as_bad, dataset=decided.dataset, config="head", proposed_by=decided.proposed_by
    )
    stored = Retrain.objects.filter(pk=decided.pk)
    nothing = {"recomputed_gate": None, "recomputed_policy_sha256": "", "recomputed_at": None}
    for models in (
        {"base": as_bad},
        {"base": decided.base, "judged_against": None},  # decided before this was written down
    ):
        stored.update(**models, **nothing)
        recomputations.recompute(pk=decided.pk)
        assert stored.get().recomputed_gate["verdict"] == "blocked"
    undecided.refresh_from_db()
    assert undecided.recomputed_gate is None


@pytest.mark.parametrize("damage", ["lost", "damaged", "unfinished"])
def test_without_the_answers_of_both_models_there_is_no_result(decided, damage) -> None:
    audit = decided.candidate.audits.get()
    if damage == "lost":
        audit.predictions.unlink()
    elif damage == "damaged":
        audit.predictions.write_bytes(b"no archive")
    else:
        decided.candidate.audits.update(status="running")
    assert recomputations.to_recompute() == []
    recomputations.recompute(pk=decided.pk)
    assert Retrain.objects.get().recomputed_gate is None


def test_an_open_candidate_is_judged_again_instead(decided) -> None:
    Retrain.objects.update(status="evaluated", decided_by=None, decided_at=None)
    assert recomputations.to_recompute() == []
    recomputations.recompute(pk=decided.pk)
    assert Retrain.objects.get().recomputed_gate is None
    assert verdicts.to_judge_again() == [decided.pk]


def test_a_result_has_its_policy_and_time(decided) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Retrain.objects.update(recomputed_gate={"verdict": "pass"})


# A mutant that survives changes nothing: `to_recompute` without the condition on the audit set. No
# audit is on no set, so such a retrain has no answers.
