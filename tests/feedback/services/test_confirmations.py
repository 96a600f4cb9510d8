"""A candidate that passed is judged once more on images that nothing was chosen by."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from feedback import queries
from feedback.errors import ConfirmationNeeded, VerdictOutdated, WrongState
from feedback.models import (
    Audit,
    AuditSet,
    Confirmation,
    Finding,
    LedgerEntry,
    ModelVersion,
    Retrain,
)
from feedback.services import (
    audits,
    confirmations,
    findings,
    ledger,
    manifests,
    models,
    retrains,
    verdicts,
    wear,
)
from tests.cast import finished_audit
from tests.nsfwsite.audits.examples import answers, audited_model, judged_retrain

pytestmark = pytest.mark.django_db


@pytest.fixture
def audit_set(db) -> AuditSet:
    return AuditSet.objects.create(
        name="first-set", manifest_sha256=manifests.publish([]), images=264
    )


@pytest.fixture
def sealed(audit_set) -> AuditSet:
    """The confirmation set."""
    return AuditSet.objects.create(
        name="sealed", manifest_sha256="5" * 64, images=264, confirmation=True
    )


@pytest.fixture
def passed(audit_set, mona) -> Retrain:
    """A candidate that is wrong on 40 drawings of 264 images, where the champion is on 150."""
    champion = audited_model(1, audit_set, answers(150), status="champion")
    candidate = audited_model(2, audit_set, answers(40))
    return judged_retrain(candidate, against=champion, audit_set=audit_set, by=mona)


@pytest.fixture
def other(passed, audit_set, mona) -> Retrain:
    """Another candidate that passed against the same champion."""
    base = audited_model(8, audit_set, answers(150), status="retired")
    candidate = audited_model(9, audit_set, answers(60))
    # A retrain of another model may be open beside that of the champion.
    retrain = judged_retrain(candidate, against=base, audit_set=audit_set, by=mona)
    Retrain.objects.filter(pk=retrain.pk).update(judged_against=passed.judged_against)
    retrain.refresh_from_db()
    return retrain


def audit_on(sealed: AuditSet, *retrains: Retrain) -> None:
    """Finish the audits of champion and candidates on the confirmation set."""
    for retrain in retrains:
        finished_audit(retrain.candidate, sealed, answers(40))
    finished_audit(retrains[0].judged_against, sealed, answers(150))


def decline(retrain: Retrain, by) -> None:
    Retrain.objects.filter(pk=retrain.pk).update(
        status="declined", decided_by=by, decided_at=timezone.now()
    )
    retrain.refresh_from_db()


def open_set(retrain: Retrain, by, *, before: int, after: int, alarms: int = 0) -> Confirmation:
    """Judge on the confirmation set: so many wrong drawings, and alarms of the candidate."""
    confirmation = confirmations.request(retrain=retrain, by=by)
    finished_audit(retrain.judged_against, confirmation.audit_set, answers(before))
    finished_audit(retrain.candidate, confirmation.audit_set, answers(after, alarms=alarms))
    confirmations.judge(pk=confirmation.pk)
    confirmation.refresh_from_db()
    return confirmation


def test_without_such_a_set_nothing_is_asked_for(passed, mona) -> None:
    assert confirmations.objection(passed) is None
    with pytest.raises(WrongState, match="confirmation set: none"):
        confirmations.request(retrain=passed, by=mona)
    retrains.promote(retrain=passed, by=mona)


def test_a_passed_candidate_is_judged_there_before_it_is_promoted(passed, sealed, mona) -> None:
    with pytest.raises(ConfirmationNeeded) as refused:
        retrains.promote(retrain=passed, by=mona)
    assert refused.value.received == f"retrain {passed.pk}, which has no verdict on sealed"
    assert not Audit.objects.filter(audit_set=sealed).exists()

    confirmation = confirmations.request(retrain=passed, by=mona)
    requested = Audit.objects.filter(audit_set=sealed)
    assert {(audit.model.version, audit.status) for audit in requested} == {
        ("v1", "waiting"),
        ("v2", "waiting"),
    }
    confirmations.judge(pk=confirmation.pk)  # too early
    assert confirmations.to_judge() == []
    with pytest.raises(ConfirmationNeeded, match="no verdict on sealed"):
        retrains.promote(retrain=passed, by=mona)

    confirmation = open_set(passed, mona, before=150, after=40)
    assert confirmation.gate["verdict"] == "pass"
    assert confirmation.gate["policy"] == passed.gate["policy"]
    retrains.promote(retrain=passed, by=mona)
    assert ModelVersion.objects.champion() == passed.candidate
    assert confirmations.current_confirmation(passed) == confirmation
    assert not LedgerEntry.objects.filter(kind="override").exists()


def test_harm_on_the_set_refuses_the_promotion_with_the_reason(passed, sealed, mona) -> None:
    confirmation = open_set(passed, mona, before=40, after=40, alarms=12)
    assert confirmation.gate["verdict"] == "blocked"
    with pytest.raises(ConfirmationNeeded) as refused:
        retrains.promote(retrain=passed, by=mona)
    assert "more false alarms" in refused.value.received
    assert "override_reason" in refused.value.remedy
    assert ModelVersion.objects.champion() == passed.judged_against

    retrains.promote(retrain=passed, by=mona, override_reason="It is worth it.")
    (entry,) = LedgerEntry.objects.filter(kind="override")
    assert (entry.facts["verdict"], entry.facts["reason"]) == ("pass", "It is worth it.")
    assert "more false alarms" in entry.facts["confirmation"]


def test_what_the_set_cannot_judge_refuses_nothing_and_is_told(passed, sealed, mona) -> None:
    confirmation = confirmations.request(retrain=passed, by=mona)
    finished_audit(passed.judged_against, sealed, answers(150)[:20])
    finished_audit(passed.candidate, sealed, answers(40)[:20])
    confirmations.judge(pk=confirmation.pk)
    confirmation.refresh_from_db()
    assert confirmation.gate["verdict"] == "insufficient data"
    assert confirmation.gate["sentence"].startswith("Not enough images")
    retrains.promote(retrain=passed, by=mona)


def test_the_verdict_is_in_the_ledger_and_each_opening_is_counted(passed, sealed, mona) -> None:
    assert wear.decisions_by_set()[sealed] == 0
    confirmation = open_set(passed, mona, before=150, after=40)
    assert wear.decisions_by_set()[sealed] == 1
    (entry,) = LedgerEntry.objects.filter(kind="confirm")
    assert entry.facts["by"] == "mona"
    assert (entry.facts["model"], entry.facts["against"]) == ("v2", "v1")
    assert (entry.facts["audit_set"], entry.facts["verdict"]) == ("sealed", "pass")

    open_set(passed, mona, before=40, after=150)
    assert Confirmation.objects.get().gate == confirmation.gate
    assert wear.decisions_by_set()[sealed] == 1
    assert [problem for problem in ledger.contradictions() if "(confirm)" in problem] == []
    Confirmation.objects.update(gate={**confirmation.gate, "verdict": "blocked"})
    assert ["(confirm)" in problem for problem in ledger.contradictions()] == [True]


def test_a_worn_set_says_so(passed, sealed, mona, settings) -> None:
    settings.AUDIT_SET_WORN = 1
    confirmation = open_set(passed, mona, before=150, after=40)
    assert (
        "This is decision 1 on these images, and the audit set is worn"
        in (confirmation.gate["sentence"])
    )


def test_a_candidate_that_did_not_pass_does_not_open_it(audit_set, sealed, mona) -> None:
    champion = audited_model(1, audit_set, answers(40), status="champion")
    candidate = audited_model(2, audit_set, answers(150))
    blocked = judged_retrain(candidate, against=champion, audit_set=audit_set, by=mona)
    assert confirmations.objection(blocked) is None
    with pytest.raises(WrongState, match="verdict 'blocked'; confirmation set: sealed"):
        confirmations.request(retrain=blocked, by=mona)
    retrains.promote(retrain=blocked, by=mona, override_reason="For the test.")
    assert not Confirmation.objects.exists()


def test_a_confirmation_counts_against_the_model_it_was_reached_with(
    passed, audit_set, sealed, mona
) -> None:
    open_set(passed, mona, before=150, after=40)
    other = audited_model(9, audit_set, answers(140), status="retired")
    models.put_in_service(other, by=mona)
    with pytest.raises(VerdictOutdated):
        confirmations.request(retrain=passed, by=mona)
    verdicts.judge_again(pk=passed.pk)
    passed.refresh_from_db()
    assert passed.gate["verdict"] == "pass"
    with pytest.raises(ConfirmationNeeded, match="no verdict on sealed"):
        retrains.promote(retrain=passed, by=mona)
    finished_audit(other, sealed, answers(140))
    confirmations.judge(pk=confirmations.request(retrain=passed, by=mona).pk)
    retrains.promote(retrain=passed, by=mona)
    assert Confirmation.objects.count() == 2


def test_a_newer_confirmation_set_takes_its_place(passed, sealed, mona) -> None:
    open_set(passed, mona, before=150, after=40)
    AuditSet.objects.create(name="sealed-2", manifest_sha256="6" * 64, images=9, confirmation=True)
    with pytest.raises(ConfirmationNeeded, match="no verdict on sealed-2"):
        retrains.promote(retrain=passed, by=mona)


def test_a_policy_that_was_replaced_meanwhile_judges_nothing(passed, sealed, mona) -> None:
    confirmation = confirmations.request(retrain=passed, by=mona)
    for model in (passed.judged_against, passed.candidate):
        finished_audit(model, sealed, answers(40))
    Confirmation.objects.update(policy_sha256="0" * 64)
    confirmations.judge(pk=confirmation.pk)
    assert Confirmation.objects.get().gate is None


def test_a_failed_audit_is_repeated_on_request(passed, sealed, mona) -> None:
    confirmations.request(retrain=passed, by=mona)
    Audit.objects.filter(audit_set=sealed).update(status="failed", failure="No image.")
    assert set(verdicts.unusable_audits(passed, sealed).values()) == {"it failed: No image."}
    confirmations.request(retrain=passed, by=mona)
    assert {audit.status for audit in Audit.objects.filter(audit_set=sealed)} == {"waiting"}


def test_it_does_not_decide_and_its_figures_are_shown_nowhere(
    passed, audit_set, sealed, mona, client
) -> None:
    assert verdicts.changes(passed) == []
    assert queries.audits.deciding_set() == audit_set
    open_set(passed, mona, before=7, after=3)
    retrains.promote(retrain=passed, by=mona)
    for model in ModelVersion.objects.all():
        assert queries.audits.audit_of(model).audit_set == audit_set
        assert queries.audits.finished_audit_of(model).audit_set == audit_set
    assert queries.audits.audit_sets_used() == [audit_set]
    findings.request_missing()
    assert {finding.audit.audit_set for finding in Finding.objects.all()} == {audit_set}
    for name in ("compare", "threshold", "slices"):
        answer = client.get(reverse(name), {"set": "sealed"})
        assert answer.status_code == 200
        assert answer.context["audit_set"] == audit_set
    page = client.get(reverse("models")).content.decode()
    assert "Any mistake on 15.2% of 264 audit images" in page  # 40 of them
    assert "1.1%" not in page  # 3 of 264, on the confirmation set


def test_a_verdict_is_confirmed_once(passed, sealed, mona) -> None:
    confirmations.request(retrain=passed, by=mona)
    again = Confirmation.objects.get()
    again.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save(force_insert=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Confirmation.objects.update(judged_at=timezone.now())


def test_a_confirmation_is_of_its_candidate_alone(passed, other, sealed, mona) -> None:
    confirmation = open_set(passed, mona, before=150, after=40)
    assert confirmations.current_confirmation(passed) == confirmation
    assert confirmations.current_confirmation(other) is None
    assert confirmations.objection(other).received.startswith(f"retrain {other.pk}, ")


def test_a_confirmation_by_another_policy_does_not_count(passed, sealed, mona) -> None:
    open_set(passed, mona, before=150, after=40)
    Confirmation.objects.update(policy_sha256="0" * 64)
    assert confirmations.current_confirmation(passed) is None


def test_a_candidate_that_is_decided_does_not_open_it(passed, sealed, mona) -> None:
    decline(passed, mona)
    with pytest.raises(WrongState, match=f"retrain {passed.pk}, declined, verdict 'pass'"):
        confirmations.request(retrain=passed, by=mona)
    assert not Confirmation.objects.exists()


def test_a_candidate_without_a_verdict_of_the_gate_needs_none_here(passed, sealed) -> None:
    passed.gate = None
    assert confirmations.objection(passed) is None


def test_what_waits_for_a_verdict_is_requested_audited_and_undecided(
    passed, other, sealed, mona
) -> None:
    first = confirmations.request(retrain=passed, by=mona)
    second = confirmations.request(retrain=other, by=mona)
    audit_on(sealed, passed, other)
    assert set(confirmations.to_judge()) == {first.pk, second.pk}
    confirmations.judge(pk=first.pk)
    assert confirmations.to_judge() == [second.pk]
    assert Confirmation.objects.get(pk=second.pk).gate is None
    decline(other, mona)
    assert confirmations.to_judge() == []


def test_a_confirmation_that_another_process_judges_meanwhile_is_kept(
    passed, sealed, mona, monkeypatch
) -> None:
    confirmation = confirmations.request(retrain=passed, by=mona)
    audit_on(sealed, passed)
    compare, gate = audits.compare, {"verdict": "blocked", "sentence": "Blocked."}

    def compare_while_another_judges(**pair):
        Confirmation.objects.update(gate=gate, judged_at=timezone.now())
        return compare(**pair)

    monkeypatch.setattr(audits, "compare", compare_while_another_judges)
    confirmations.judge(pk=confirmation.pk)
    assert Confirmation.objects.get().gate == gate
    assert not LedgerEntry.objects.filter(kind="confirm").exists()


# A mutant that survives changes nothing: `judge` without its look at `confirmation.gate`. The
# update that follows leaves a confirmation alone that has a verdict.
