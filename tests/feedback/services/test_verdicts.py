"""A verdict counts only against the model, the audit set and the policy it was reached with."""

import importlib
import threading

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from feedback.errors import VerdictOutdated, WrongState
from feedback.models import (
    Audit,
    AuditSet,
    LedgerEntry,
    ModelVersion,
    Retrain,
)
from feedback.services import audits, ledger, manifests, models, retrains, verdicts
from tests.cast import finished_audit
from tests.nsfwsite.audits.examples import answers, audited_model, judged_retrain

pytestmark = pytest.mark.django_db


@pytest.fixture
def audit_set(db) -> AuditSet:
    return AuditSet.objects.create(
        name="first-set", manifest_sha256=manifests.publish([]), images=264
    )


@pytest.fixture
def audited(audit_set):
    """A model that called some of 200 drawings neutral."""

    def make(number: int, *, wrong: int, status: str = "candidate") -> ModelVersion:
        return audited_model(number, audit_set, answers(wrong), status=status)

    return make


@pytest.fixture
def judged(audit_set, mona):
    def make(candidate: ModelVersion, against: ModelVersion) -> Retrain:
        return judged_retrain(candidate, against=against, audit_set=audit_set, by=mona)

    return make


def verdict_of(retrain: Retrain) -> str:
    return Retrain.objects.get(pk=retrain.pk).gate["verdict"]


def test_a_verdict_from_before_a_rollback_promotes_nothing(audited, judged, mona) -> None:
    v1, v2 = audited(1, wrong=20, status="retired"), audited(2, wrong=150, status="champion")
    retrain = judged(audited(3, wrong=80), v2)
    assert retrain.gate["verdict"] == "pass"
    assert verdicts.changes(retrain) == []
    models.roll_back(model=v1, by=mona, reason="v2 calls drawings neutral.")

    with pytest.raises(VerdictOutdated) as refused:
        retrains.promote(retrain=retrain, by=mona)
    assert "compared with v2, and v1 is in service now" in refused.value.received
    assert "judges the candidate again by itself" in refused.value.remedy
    assert verdicts.to_judge_again() == [retrain.pk]

    before = timezone.now()
    verdicts.judge_again(pk=retrain.pk)

    retrain.refresh_from_db()
    assert before < retrain.evaluated_at < timezone.now()
    assert (retrain.gate["verdict"], retrain.judged_against) == ("blocked", v1)
    assert verdicts.to_judge_again() == []
    entries = LedgerEntry.objects.filter(kind="gate").order_by("number")
    assert [(entry.facts["against"], entry.facts["verdict"]) for entry in entries] == [
        ("v2", "pass"),
        ("v1", "blocked"),
    ]
    assert [problem for problem in ledger.contradictions() if "(gate)" in problem] == []
    retrains.promote(retrain=retrain, by=mona, override_reason="It calls fewer things porn.")
    assert ModelVersion.objects.champion() == retrain.candidate


def test_two_open_retrains_cannot_both_use_one_comparison(audited, judged, mona) -> None:
    v1, v2 = audited(1, wrong=150, status="champion"), audited(2, wrong=100, status="retired")
    first, second = judged(audited(3, wrong=40), v1), judged(audited(4, wrong=90), v2)
    # A retrain of another model may be open beside that of the champion.
    Retrain.objects.filter(pk=second.pk).update(judged_against=v1)
    second.refresh_from_db()
    retrains.promote(retrain=first, by=mona)

    with pytest.raises(VerdictOutdated, match="compared with v1, and v3 is in service now"):
        retrains.promote(retrain=second, by=mona)
    verdicts.judge_again(pk=second.pk)
    assert verdict_of(second) == "blocked"
    assert ModelVersion.objects.champion() == first.candidate


def test_a_policy_that_a_deploy_replaced_is_judged_by_anew(audited, judged, mona) -> None:
    v1 = audited(1, wrong=150, status="champion")
    retrain = judged(audited(2, wrong=40), v1)
    before = {**retrain.gate["policy"], "version": 2}
    Retrain.objects.filter(pk=retrain.pk).update(
        gate={**retrain.gate, "policy": before}, policy_sha256=verdicts.policy_sha256(before)
    )
    retrain.refresh_from_db()
    other = judged(audited(4, wrong=90), audited(3, wrong=150, status="retired"))
    Retrain.objects.filter(pk=other.pk).update(evaluated_at=retrain.evaluated_at)

    with pytest.raises(VerdictOutdated, match=r"version 2, and the policy \w+ holds now"):
        retrains.promote(retrain=retrain, by=mona)
    verdicts.judge_again(pk=retrain.pk)

    retrain.refresh_from_db()
    assert retrain.policy_sha256 == verdicts.policy_sha256()
    assert retrain.gate["policy"]["version"] == 3
    assert Retrain.objects.get(pk=other.pk).judged_against == other.judged_against
    retrains.promote(retrain=retrain, by=mona)


def test_a_newer_audit_set_judges_once_both_models_are_audited_on_it(audited, judged) -> None:
    v1 = audited(1, wrong=150, status="champion")
    retrain = judged(audited(2, wrong=40), v1)
    newer = AuditSet.objects.create(name="newer", manifest_sha256="d" * 64, images=264)
    assert verdicts.changes(retrain) == [
        "It was judged on the audit set first-set, and newer decides now."
    ]

    verdicts.judge_again(pk=retrain.pk)
    requested = Audit.objects.filter(audit_set=newer)
    assert {(audit.model.version, audit.status) for audit in requested} == {
        ("v1", "waiting"),
        ("v2", "waiting"),
    }
    retrain.refresh_from_db()
    assert retrain.audit_set.name == "first-set"

    for model, wrong in ((v1, 30), (retrain.candidate, 120)):
        finished_audit(model, newer, answers(wrong))
    verdicts.judge_again(pk=retrain.pk)
    retrain.refresh_from_db()
    assert (retrain.audit_set, retrain.gate["verdict"]) == (newer, "blocked")
    assert verdicts.changes(retrain) == []


def test_an_audit_that_failed_is_named_and_waits_for_a_maintainer(audited, judged) -> None:
    v1 = audited(1, wrong=150, status="champion")
    retrain = judged(audited(2, wrong=40), v1)
    newer = AuditSet.objects.create(name="newer", manifest_sha256="d" * 64, images=264)
    verdicts.judge_again(pk=retrain.pk)
    Audit.objects.filter(model=v1, audit_set=newer).update(status="failed", failure="No image.")

    verdicts.judge_again(pk=retrain.pk)
    assert list(verdicts.unusable_audits(retrain, newer).values()) == ["it failed: No image."]
    verdicts.repeat_unusable_audits(retrain=retrain)
    assert verdicts.unusable_audits(retrain, newer) == {}
    assert Audit.objects.get(model=v1, audit_set=newer).status == "waiting"


def test_only_audits_of_the_two_models_on_the_set_are_unusable(audited, judged) -> None:
    v1 = audited(1, wrong=150, status="champion")
    retrain = judged(audited(2, wrong=40), v1)
    retired = audited(3, wrong=20, status="retired")
    newer = AuditSet.objects.create(name="newer", manifest_sha256="d" * 64, images=264)
    Audit.objects.filter(model=v1).update(status="failed", failure="Another set's.")
    for model in (retrain.candidate, retired):
        Audit.objects.create(model=model, audit_set=newer, status="failed")
    assert {
        audit.model: reason for audit, reason in verdicts.unusable_audits(retrain, newer).items()
    } == {retrain.candidate: "it failed: no reason was written down."}


@pytest.mark.parametrize("act", ["judges it", "declines it"])
def test_a_verdict_that_another_process_replaces_or_decides_on_meanwhile_is_kept(
    audited, judged, mona, monkeypatch, act
) -> None:
    retrain = judged(audited(2, wrong=40), audited(1, wrong=150, status="champion"))
    stored = Retrain.objects.filter(pk=retrain.pk)
    stored.update(policy_sha256="0" * 64)
    now = timezone.now()
    changes = {
        "judges it": {"evaluated_at": now},
        "declines it": {"status": "declined", "decided_by": mona.pk, "decided_at": now},
    }[act]
    compare = audits.compare

    def compare_while_another_acts(**pair):
        stored.update(**changes)
        return compare(**pair)

    monkeypatch.setattr(audits, "compare", compare_while_another_acts)
    verdicts.judge_again(pk=retrain.pk)
    assert stored.values(*changes, "policy_sha256").get() == {**changes, "policy_sha256": "0" * 64}
    assert LedgerEntry.objects.filter(kind="gate").count() == 1


@pytest.mark.parametrize("damage", ["lost", "cut off", "altered"])
def test_lost_answers_are_told_and_the_audit_is_repeated_on_request(
    audited, judged, mona, damage
) -> None:
    v1, v2 = audited(1, wrong=20, status="retired"), audited(2, wrong=150, status="champion")
    retrain = judged(audited(3, wrong=80), v2)
    models.roll_back(model=v1, by=mona, reason="v2 calls drawings neutral.")
    audit = Audit.objects.get(model=v1)
    content = audit.predictions.read_bytes()
    if damage == "lost":
        audit.predictions.unlink()
    elif damage == "cut off":
        audit.predictions.write_bytes(content[: len(content) // 2])
    else:
        audit.predictions.write_bytes(content[:300] + bytes(200) + content[500:])

    for _ in range(2):
        verdicts.judge_again(pk=retrain.pk)  # raises nothing, however often it is tried
    assert verdicts.unusable_audits(retrain, audit.audit_set) == {
        audit: "the file with the model's answers is lost or damaged."
    }
    assert verdict_of(retrain) == "pass"
    assert audits.has_answers(Audit.objects.get(model=retrain.candidate))

    verdicts.repeat_unusable_audits(retrain=retrain)
    assert [waiting.model for waiting in Audit.objects.filter(status="waiting")] == [v1]
    finished_audit(v1, audit.audit_set, answers(20))
    verdicts.judge_again(pk=retrain.pk)
    assert verdict_of(retrain) == "blocked"
    assert [problem for problem in ledger.contradictions() if "(audit)" in problem] == []


def test_a_verdict_that_was_replaced_while_it_was_read_promotes_nothing(
    audited, judged, mona
) -> None:
    v1 = audited(1, wrong=150, status="champion")
    retrain = judged(audited(2, wrong=40), v1)
    Retrain.objects.filter(pk=retrain.pk).update(
        gate={**retrain.gate, "verdict": "blocked"}, evaluated_at=timezone.now()
    )
    with pytest.raises(VerdictOutdated, match="judged again in this moment"):
        retrains.promote(retrain=retrain, by=mona)
    assert ModelVersion.objects.champion() == v1


def test_what_was_replaced_at_the_moment_of_the_promotion_is_named(
    audited, judged, mona, monkeypatch
) -> None:
    def import_a_set(_: Retrain) -> None:
        AuditSet.objects.create(name="newer", manifest_sha256="b" * 64, images=0)

    retrain = judged(audited(2, wrong=40), audited(1, wrong=150, status="champion"))
    monkeypatch.setattr(verdicts, "refuse_outdated", import_a_set)
    with pytest.raises(VerdictOutdated, match="newer decides now"):
        retrains.promote(retrain=retrain, by=mona)


def still_holds(retrain: Retrain) -> bool:
    return Retrain.objects.filter(verdicts.still_holds(retrain), pk=retrain.pk).exists()


def test_a_verdict_holds_until_what_it_was_reached_with_is_replaced(audited, judged, mona) -> None:
    v1 = audited(1, wrong=150, status="champion")
    retrain = judged(audited(2, wrong=40), v1)
    AuditSet.objects.create(name="aside", manifest_sha256="a" * 64, images=0, confirmation=True)
    assert still_holds(retrain)
    verdicts.refuse_outdated(retrain)

    stored = Retrain.objects.filter(pk=retrain.pk)
    for replaced in ({"policy_sha256": "0" * 64}, {"evaluated_at": timezone.now()}):
        before = stored.values(*replaced).get()
        stored.update(**replaced)
        assert not still_holds(retrain)
        stored.update(**before)

    ModelVersion.objects.filter(pk=v1.pk).update(status="retired")
    v3 = audited(3, wrong=20, status="champion")
    assert not still_holds(retrain)
    stored.update(judged_against=v3)
    assert not still_holds(retrain)  # another process judged it anew meanwhile
    retrain.refresh_from_db()
    assert still_holds(retrain)

    AuditSet.objects.create(name="newer", manifest_sha256="b" * 64, images=0)
    assert not still_holds(retrain)
    with pytest.raises(VerdictOutdated):
        verdicts.refuse_outdated(retrain)
    stored.update(gate={**retrain.gate, "verdict": "blocked"})
    retrain.refresh_from_db()
    with pytest.raises(VerdictOutdated):  # not that a reason is missing
        retrains.promote(retrain=retrain, by=mona)


def test_what_was_replaced_is_said_in_sentences(audited, judged) -> None:
    v1 = audited(1, wrong=150, status="champion")
    retrain = judged(audited(2, wrong=40), v1)
    ModelVersion.objects.filter(pk=v1.pk).update(status="retired")
    Retrain.objects.update(policy_sha256="0" * 64)
    verdicts.judge_again(pk=retrain.pk)  # there is no model to compare with
    assert Audit.objects.count() == 2
    retrain.refresh_from_db()
    (model, policy) = verdicts.changes(retrain)
    assert model == "It was compared with v1, and no model is in service now."
    assert policy.startswith("It was judged by the policy 000000000000, version 3, and the policy ")
    audited(3, wrong=20, status="champion")
    retrain.judged_against, retrain.policy_sha256 = None, ""
    (model, policy) = verdicts.changes(retrain)
    assert model == "It was compared with no model, and v3 is in service now."
    assert policy.startswith("It was judged by the policy (unknown), version 3, and ")
    AuditSet.objects.update(confirmation=True)
    assert "(none) decides now" in " ".join(verdicts.changes(retrain))
    verdicts.judge_again(pk=retrain.pk)  # and now there is no audit set
    assert Audit.objects.count() == 3


def test_a_verdict_that_holds_is_not_reached_again(audited, judged) -> None:
    retrain = judged(audited(2, wrong=40), audited(1, wrong=150, status="champion"))
    verdicts.judge_again(pk=retrain.pk)
    assert Retrain.objects.get().evaluated_at == retrain.evaluated_at
    assert LedgerEntry.objects.filter(kind="gate").count() == 1


@pytest.mark.parametrize("status", ["promoted", "declined"])
def test_a_decided_retrain_is_not_judged_again(audited, judged, mona, status) -> None:
    v1 = audited(1, wrong=150, status="champion")
    retrain = judged(audited(2, wrong=40), v1)
    Retrain.objects.update(
        status=status, decided_by=mona, decided_at=timezone.now(), policy_sha256="0" * 64
    )
    verdicts.judge_again(pk=retrain.pk)
    assert verdicts.to_judge_again() == []
    assert Retrain.objects.get().policy_sha256 == "0" * 64


@pytest.mark.django_db(transaction=True)
def test_two_candidates_at_once_give_one_champion(audited, judged, mona) -> None:
    v1 = audited(1, wrong=150, status="champion")
    first = judged(audited(2, wrong=40), v1)
    other = audited(9, wrong=150, status="retired")
    second = judged(audited(3, wrong=60), other)
    Retrain.objects.filter(pk=second.pk).update(judged_against=v1)
    outcomes: list[str] = []
    both = threading.Barrier(2)

    def promote(pk: int) -> None:
        try:
            retrain = Retrain.objects.get(pk=pk)
            both.wait(timeout=30)
            retrains.promote(retrain=retrain, by=mona)
            outcomes.append("promoted")
        except WrongState:
            outcomes.append("refused")
        finally:
            connection.close()

    pair = [threading.Thread(target=promote, args=(retrain.pk,)) for retrain in (first, second)]
    for thread in pair:
        thread.start()
    for thread in pair:
        thread.join(timeout=60)
    assert sorted(outcomes) == ["promoted", "refused"]
    champion = ModelVersion.objects.champion()
    promoted = Retrain.objects.get(status="promoted")
    assert promoted.candidate == champion
    assert LedgerEntry.objects.filter(kind="promotion").count() == 1


def test_earlier_verdicts_are_given_what_they_were_reached_with(audited, judged) -> None:
    v1 = audited(1, wrong=150, status="champion")
    retrain = judged(audited(2, wrong=40), v1)
    expected = retrain.policy_sha256
    Retrain.objects.update(judged_against=None, policy_sha256="")
    migration = importlib.import_module("feedback.migrations.0006_premises_of_earlier_verdicts")
    migration.name_what_verdicts_were_reached_against(apps, None)
    retrain.refresh_from_db()
    assert (retrain.judged_against, retrain.policy_sha256) == (v1, expected)


# Mutants that survive and change nothing:
# - `_policy_version` without `or {}`, `judge_again` without its look at the candidate: an evaluated
#   retrain has a verdict and a candidate.
# - `to_judge_again` with all retrains: `changes` is empty for those that are not evaluated.
