"""Whoever promotes a model that opens a gap says in public that they have read about it."""

import pytest

from feedback.errors import GapsNotAcknowledged, Invalid, OverrideNeeded
from feedback.models import AuditSet, LedgerEntry, ModelVersion, Retrain
from feedback.services import gaps, ledger, manifests, retrains
from tests.nsfwsite.audits.examples import answers_by_tone, audited_model, judged_retrain

pytestmark = pytest.mark.django_db
DARK = "skin_tone=dark"


@pytest.fixture
def audit_set(db) -> AuditSet:
    return AuditSet.objects.create(name="tones", manifest_sha256=manifests.publish([]), images=300)


@pytest.fixture
def evaluated(audit_set, mona):
    """A candidate of a model that was wrong on half of the drawings of each tone."""

    def make(*, dark: int, light: int) -> Retrain:
        champion = audited_model(
            1, audit_set, answers_by_tone(dark=60, light=60), status="champion"
        )
        candidate = audited_model(2, audit_set, answers_by_tone(dark=dark, light=light))
        return judged_retrain(candidate, against=champion, audit_set=audit_set, by=mona)

    return make


def entries(kind: str) -> list[dict]:
    return [entry.facts for entry in LedgerEntry.objects.filter(kind=kind)]


def test_a_group_that_gains_less_than_others_is_named_and_does_not_block(evaluated) -> None:
    gate = evaluated(dark=40, light=5).gate
    assert gate["verdict"] == "pass"
    assert list(gaps.by_group(gate)) == [DARK]
    assert [gap["blocks"] for gap in gaps.by_group(gate)[DARK]] == [False]


def test_a_passed_candidate_with_a_gap_needs_a_confirmation(evaluated, mona) -> None:
    retrain = evaluated(dark=40, light=5)
    with pytest.raises(GapsNotAcknowledged) as refused:
        retrains.promote(retrain=retrain, by=mona)
    assert "in public" in refused.value.rule
    assert refused.value.received == f"none; missing: '{DARK}'"
    assert "acknowledged_gaps" in refused.value.remedy
    assert ModelVersion.objects.champion() == retrain.judged_against


def test_what_is_no_gap_cannot_be_confirmed(evaluated, mona) -> None:
    retrain = evaluated(dark=40, light=5)
    with pytest.raises(Invalid, match="'skin_tone=pale'") as refused:
        retrains.promote(retrain=retrain, by=mona, acknowledged_gaps=[DARK, "skin_tone=pale"])
    assert f"the verdict lists '{DARK}'" in refused.value.received


def test_a_candidate_without_a_gap_needs_no_confirmation(evaluated, mona) -> None:
    retrain = evaluated(dark=6, light=5)
    retrains.promote(retrain=retrain, by=mona)
    assert ModelVersion.objects.champion() == retrain.candidate
    assert retrain.acknowledged_gaps == entries("gaps") == []


def test_a_confirmation_is_stored_and_in_the_ledger(evaluated, mona) -> None:
    retrain = evaluated(dark=40, light=5)
    retrains.promote(retrain=retrain, by=mona, acknowledged_gaps=[f" {DARK} "])
    assert Retrain.objects.get().acknowledged_gaps == [DARK]
    (facts,) = entries("gaps")
    (gap,) = retrain.gate["gaps"]
    assert facts["gaps"] == [{"axis": "skin_tone", "value": "dark", "sentence": gap["sentence"]}]
    assert (facts["model"], facts["by"], facts["retrain"]) == ("v2", "mona", retrain.pk)
    assert list(ledger.problems()) == list(ledger.contradictions()) == []

    Retrain.objects.update(acknowledged_gaps=[])
    assert ["(gaps)" in problem for problem in ledger.contradictions()] == [True]


def test_a_gap_that_blocks_needs_a_reason_and_a_confirmation(evaluated, mona) -> None:
    retrain = evaluated(dark=60, light=5)
    assert retrain.gate["verdict"] == "blocked"
    assert [gap["blocks"] for gap in retrain.gate["gaps"]] == [True]
    with pytest.raises(OverrideNeeded):
        retrains.promote(retrain=retrain, by=mona, acknowledged_gaps=[DARK])
    with pytest.raises(GapsNotAcknowledged):
        retrains.promote(retrain=retrain, by=mona, override_reason="Light drawings first.")
    retrains.promote(
        retrain=retrain,
        by=mona,
        override_reason="Light drawings first.",
        acknowledged_gaps=[DARK],
    )
    kinds = list(LedgerEntry.objects.order_by("number").values_list("kind", flat=True))
    assert kinds[-3:] == ["override", "gaps", "promotion"]
