"""The states of a retrain. The training itself is in tests/flows."""

import contextlib
import datetime
import json
import shutil
import threading
import time

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from feedback.errors import (
    ArtifactMissing,
    NothingToLearn,
    OverrideNeeded,
    RecipeRefused,
    WrongState,
)
from feedback.models import (
    Audit,
    AuditSet,
    DatasetVersion,
    LedgerEntry,
    ModelVersion,
    Report,
    Retrain,
)
from feedback.models.ledger import sha256
from feedback.services import (
    audits,
    manifests,
    recipes,
    reports,
    retrains,
    training_process,
    triage,
)
from modeltrain.audit import columns, evaluate
from modeltrain.audit.evaluate import Predicted
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.labels import LABELS
from tests.cast import premises, whole_artifact

pytestmark = pytest.mark.django_db
Status = Retrain.Status


@pytest.fixture
def first_version(db) -> DatasetVersion:
    row = Row(
        sha256="b" * 64, label="neutral", groups={}, split="train", source="demo", cluster="owl"
    )
    return DatasetVersion.objects.create(
        number=1, manifest_sha256=manifests.publish([row]), images=1
    )


@pytest.fixture
def proposed(first_version, queued, ravi, mona) -> Retrain:
    triage.decide(report=queued(), outcome="accepted", by=ravi)
    return retrains.propose(by=mona)


@pytest.fixture
def evaluated(proposed, mona, champion, settings) -> Retrain:
    retrains.approve(retrain=proposed, by=mona)
    candidate = ModelVersion.objects.create(
        number=2, sha256=whole_artifact("candidate"), title="candidate"
    )
    Retrain.objects.filter(pk=proposed.pk).update(
        status=Status.EVALUATED,
        candidate=candidate,
        gate={"verdict": "blocked", "cells": []},
        **premises(champion),
    )
    proposed.refresh_from_db()
    return proposed


def test_a_retrain_needs_new_examples(first_version, champion, mona):
    with pytest.raises(NothingToLearn):
        retrains.propose(by=mona)


def test_one_retrain_of_a_recipe_is_open_at_a_time(proposed, mona):
    with pytest.raises(WrongState, match=f"retrain {proposed.pk} by head is proposed"):
        retrains.propose(by=mona)


def test_the_database_allows_one_open_retrain_of_a_recipe(proposed, mona):
    with pytest.raises(IntegrityError), transaction.atomic():
        Retrain.objects.create(
            base=proposed.base, dataset=proposed.dataset, config="head", proposed_by=mona
        )


def test_another_recipe_learns_from_the_same_data(proposed, mona, queued, ravi):
    triage.decide(report=queued(seed=5), outcome="accepted", by=ravi)
    other = retrains.propose(by=mona, recipe="fine-tune")
    assert (other.recipe, other.config) == ("fine-tune", "fine-tune")
    assert (other.base, other.dataset) == (proposed.base, proposed.dataset)
    assert other.estimate["images"] == proposed.estimate["images"] == 2
    assert other.estimate["seconds"] > proposed.estimate["seconds"]
    with pytest.raises(WrongState, match=f"retrain {other.pk} by fine-tune is proposed"):
        retrains.propose(by=mona, recipe="fine-tune")


def test_recipes_that_are_proposed_at_once_learn_from_the_same_data(proposed, mona, monkeypatch):
    """Between her check and her proposal, somebody else's retrain of newer data was opened."""
    newer = DatasetVersion.objects.create(
        number=9, manifest_sha256=manifests.publish([]), images=2, parent=proposed.dataset
    )
    dataset_to_learn = retrains._dataset_to_learn

    def meanwhile(champion, recipe, *, by):
        dataset = dataset_to_learn(champion, recipe, by=by)
        Retrain.objects.filter(pk=proposed.pk).update(dataset=newer)
        return dataset

    monkeypatch.setattr(retrains, "_dataset_to_learn", meanwhile)
    with pytest.raises(WrongState, match=f"dataset 2, while retrain {proposed.pk} learns from"):
        retrains.propose(by=mona, recipe="fine-tune")
    assert Retrain.objects.count() == 1


def test_nothing_is_folded_for_a_recipe_that_cannot_be_used(first_version, queued, ravi, mona):
    triage.decide(report=queued(), outcome="accepted", by=ravi)
    with pytest.raises(RecipeRefused):
        retrains.propose(by=mona, recipe="article")
    assert list(DatasetVersion.objects.all()) == [first_version]


def test_a_recipe_that_lacks_images_of_a_class_is_refused_and_says_which(proposed, mona):
    with pytest.raises(RecipeRefused, match=r"none of .*porn.* Choose head or fine-tune"):
        retrains.propose(by=mona, recipe="article")
    assert Retrain.objects.count() == 1


def test_a_second_approval_is_refused(proposed, mona, ravi):
    retrains.approve(retrain=proposed, by=mona)
    with pytest.raises(WrongState, match="is approved, by mona"):
        retrains.approve(retrain=proposed, by=ravi)


def test_promoting_past_the_gate_needs_a_written_reason(evaluated, mona, champion):
    with pytest.raises(OverrideNeeded):
        retrains.promote(retrain=evaluated, by=mona, override_reason="  ")
    assert ModelVersion.objects.champion() == champion


def test_promoting_changes_the_champion_at_once(evaluated, mona, champion):
    retrains.promote(retrain=evaluated, by=mona, override_reason="Drawings first.")
    champion.refresh_from_db()
    assert champion.status == ModelVersion.Status.RETIRED
    assert ModelVersion.objects.champion() == evaluated.candidate


def test_a_second_promotion_is_refused(evaluated, mona):
    retrains.promote(retrain=evaluated, by=mona, override_reason="Drawings first.")
    with pytest.raises(WrongState, match="is promoted, by mona"):
        retrains.promote(retrain=evaluated, by=mona, override_reason="Again.")


def test_the_database_allows_one_champion(evaluated):
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(pk=evaluated.candidate_id).update(
            status=ModelVersion.Status.CHAMPION, promoted_at=timezone.now()
        )


def test_the_database_requires_a_reason_for_an_override(evaluated, mona):
    with pytest.raises(IntegrityError), transaction.atomic():
        Retrain.objects.filter(pk=evaluated.pk).update(
            status=Status.PROMOTED, decided_by=mona, decided_at=timezone.now()
        )


def test_a_declined_candidate_stays_a_candidate(evaluated, mona, champion):
    retrains.decline(retrain=evaluated, by=mona)
    assert ModelVersion.objects.champion() == champion
    assert evaluated.candidate.status == ModelVersion.Status.CANDIDATE


def test_the_next_worker_goes_on_with_the_retrain_of_one_that_was_lost(proposed, mona):
    retrains.approve(retrain=proposed, by=mona)
    Retrain.objects.update(
        status=Status.RUNNING, attempt=1, heartbeat_at=timezone.now() - 2 * audits.LOST_AFTER
    )
    assert retrains.resume_lost() == 1
    assert fresh(proposed).status == "approved"
    assert "The next worker goes on" in fresh(proposed).progress["message"]


def test_after_three_lost_workers_a_retrain_fails_and_can_be_proposed_again(proposed, mona):
    retrains.approve(retrain=proposed, by=mona)
    Retrain.objects.update(
        status=Status.RUNNING,
        attempt=retrains.ATTEMPTS,
        heartbeat_at=timezone.now() - 2 * audits.LOST_AFTER,
    )
    assert retrains.resume_lost() == 1
    assert fresh(proposed).status == "failed"
    assert "That was attempt 3 of 3" in fresh(proposed).failure
    again = retrains.propose(by=mona)
    assert again.dataset == proposed.dataset


def test_a_run_without_files_fails_with_a_reason(proposed, mona, first_version):
    AuditSet.objects.create(name="demo", manifest_sha256="d" * 64, images=0)
    AuditSet.objects.first().manifest.write_text("")
    retrains.approve(retrain=proposed, by=mona)
    retrains.run(pk=proposed.pk)
    proposed.refresh_from_db()
    assert proposed.status == Status.FAILED
    assert proposed.failure


def test_reports_withdrawn_since_the_proposal_are_not_trained_on(proposed, mona, queued, ravi):
    AuditSet.objects.create(name="demo", manifest_sha256="d" * 64, images=0)
    AuditSet.objects.first().manifest.write_text("")
    reports.withdraw(report=Report.objects.get())
    retrains.approve(retrain=proposed, by=mona)
    retrains.run(pk=proposed.pk)
    proposed.refresh_from_db()
    assert "1 of the reported images of dataset 2 were withdrawn" in proposed.failure

    with pytest.raises(NothingToLearn):
        retrains.propose(by=mona)
    triage.decide(report=queued(seed=2), outcome="accepted", by=ravi)
    rows = manifest.read(retrains.propose(by=mona).dataset.manifest)
    assert manifests.existing_rows(rows) == rows


def fresh(retrain: Retrain) -> Retrain:
    return Retrain.objects.get(pk=retrain.pk)


def entries(kind: str) -> list[dict]:
    return [entry.facts for entry in LedgerEntry.objects.filter(kind=kind).order_by("number")]


def just_now(moment: datetime.datetime | None) -> bool:
    return moment is not None and abs(timezone.now() - moment) < datetime.timedelta(minutes=1)


def in_state(retrain: Retrain, status: str) -> Retrain:
    """The retrain in this state, whatever led to it."""
    decided = status in ("promoted", "declined", "cancelled")
    Retrain.objects.filter(pk=retrain.pk).update(
        status=status,
        decided_by=retrain.proposed_by if decided else None,
        decided_at=timezone.now() if decided else None,
        override_reason="Because." if status == "promoted" else "",
    )
    return fresh(retrain)


def test_a_proposal_names_its_model_dataset_recipe_and_author(proposed, champion, mona):
    assert (proposed.status, proposed.base, proposed.proposed_by) == ("proposed", champion, mona)
    assert (proposed.dataset.number, proposed.config) == (2, "head")
    assert (proposed.approved_by, proposed.decided_by) == (None, None)


def test_without_a_dataset_there_is_nothing_to_learn(champion, mona):
    with pytest.raises(NothingToLearn):
        retrains.propose(by=mona)


def test_the_champion_does_not_learn_its_own_dataset_again(evaluated, mona):
    retrains.promote(retrain=evaluated, by=mona, override_reason="Drawings first.")
    with pytest.raises(NothingToLearn):
        retrains.propose(by=mona)


def test_a_champion_that_was_trained_here_learns_the_next_dataset(evaluated, mona, ravi, queued):
    retrains.promote(retrain=evaluated, by=mona, override_reason="Drawings first.")
    triage.decide(report=queued(2), outcome="accepted", by=ravi)
    proposed = retrains.propose(by=mona)
    assert (proposed.base, proposed.dataset.number) == (evaluated.candidate, 3)


def test_a_retrain_without_a_candidate_is_not_promoted(proposed, mona):
    with pytest.raises(WrongState, match="can be promoted once"):
        retrains.promote(retrain=proposed, by=mona)


def test_a_dataset_that_another_candidate_learnt_can_be_proposed_again(evaluated, mona):
    retrains.decline(retrain=evaluated, by=mona)
    assert retrains.propose(by=mona).dataset == evaluated.dataset


def test_an_open_retrain_of_a_former_champion_stands_in_nobodys_way(
    evaluated, mona, ravi, champion, queued
):
    ModelVersion.objects.filter(pk=champion.pk).update(status="retired")
    ModelVersion.objects.create(
        number=3, sha256="d" * 64, title="another", status="champion", promoted_at=timezone.now()
    )
    triage.decide(report=queued(2), outcome="accepted", by=ravi)
    retrain = retrains.propose(by=mona)
    assert (retrain.base.number, retrain.dataset.number) == (3, 3)


def test_proposing_at_the_same_moment_is_refused_like_proposing_later(proposed, mona, monkeypatch):
    check, checked = retrains._refuse_second_open_retrain, []

    def too_early(champion, recipe, dataset=None):
        if checked:
            check(champion, recipe, dataset)
        checked.append(champion)

    monkeypatch.setattr(retrains, "_refuse_second_open_retrain", too_early)
    with pytest.raises(WrongState, match="One retrain of each recipe is open"):
        retrains.propose(by=mona)


def test_an_approval_has_name_time_and_an_entry_in_the_ledger(proposed, ravi):
    retrain = retrains.approve(retrain=proposed, by=ravi)
    assert (retrain.status, retrain.approved_by) == ("approved", ravi)
    assert just_now(retrain.approved_at)
    assert retrain.decided_by is None
    assert entries("approval") == [
        {
            "retrain": retrain.pk,
            "base": "v1",
            "dataset": 2,
            "recipe": "head",
            "proposed_by": "mona",
            "by": "ravi",
            "keys": 1,
        }
    ]


STATUSES = sorted(Status.values)


@pytest.mark.parametrize("status", sorted(set(STATUSES) - {"proposed"}))
def test_only_a_proposed_retrain_is_approved(evaluated, ravi, status):
    retrain = in_state(evaluated, status)
    before = LedgerEntry.objects.count()
    with pytest.raises(WrongState, match="approved once, while it is proposed"):
        retrains.approve(retrain=retrain, by=ravi)
    assert (fresh(retrain).status, fresh(retrain).approved_by) == (status, retrain.approved_by)
    assert LedgerEntry.objects.count() == before


@pytest.mark.parametrize("status", ["proposed", "approved", "running"])
def test_a_retrain_is_cancelled_before_its_verdict(evaluated, ravi, status):
    retrain = retrains.cancel(retrain=in_state(evaluated, status), by=ravi)
    assert (retrain.status, retrain.decided_by) == ("cancelled", ravi)
    assert just_now(retrain.decided_at)


@pytest.mark.parametrize("status", ["evaluated", "promoted", "declined", "failed", "cancelled"])
def test_a_retrain_with_a_verdict_is_not_cancelled(evaluated, ravi, status):
    retrain = in_state(evaluated, status)
    with pytest.raises(WrongState, match="cancelled once"):
        retrains.cancel(retrain=retrain, by=ravi)
    assert (fresh(retrain).status, fresh(retrain).decided_by) == (status, retrain.decided_by)


def test_declining_leaves_name_time_reason_and_an_entry_in_the_ledger(evaluated, ravi):
    retrain = retrains.decline(retrain=evaluated, by=ravi, reason=" Too many false alarms. ")
    assert (retrain.status, retrain.decided_by) == ("declined", ravi)
    assert just_now(retrain.decided_at)
    assert retrain.override_reason == "Too many false alarms."
    (facts,) = entries("decline")
    assert (facts["retrain"], facts["by"]) == (retrain.pk, "ravi")
    assert (facts["verdict"], facts["reason"]) == ("blocked", "Too many false alarms.")


@pytest.mark.parametrize("status", sorted(set(STATUSES) - {"evaluated"}))
def test_only_an_evaluated_retrain_is_promoted_or_declined(evaluated, mona, champion, status):
    retrain = in_state(evaluated, status)
    stale = fresh(retrain)
    stale.status = Status.EVALUATED
    for act, verb in (
        (lambda: retrains.decline(retrain=retrain, by=mona, reason="No."), "declined"),
        (lambda: retrains.promote(retrain=retrain, by=mona, override_reason="Yes."), "promoted"),
        (lambda: retrains.promote(retrain=stale, by=mona, override_reason="Yes."), "promoted"),
    ):
        with pytest.raises(WrongState, match=f"can be {verb} once, while it is evaluated"):
            act()
    assert fresh(retrain).status == status
    assert ModelVersion.objects.champion() == champion
    assert entries("decline") == entries("override") == entries("promotion") == []


def test_acting_on_one_retrain_leaves_the_others(evaluated, mona):
    in_state(evaluated, Status.PROPOSED)
    other = Retrain.objects.create(
        base=evaluated.candidate, dataset=evaluated.dataset, config="head", proposed_by=mona
    )
    retrains.approve(retrain=other, by=mona)
    assert fresh(evaluated).status == "proposed"
    retrains.cancel(retrain=other, by=mona)
    assert fresh(evaluated).status == "proposed"


def test_the_refusal_says_who_decided_and_when(evaluated, mona, ravi):
    yesterday = timezone.now() - datetime.timedelta(days=1)
    Retrain.objects.update(approved_at=yesterday)
    with pytest.raises(WrongState, match=f"is evaluated, by mona at {yesterday:%Y-%m-%d}"):
        retrains.approve(retrain=fresh(evaluated), by=ravi)
    retrains.decline(retrain=evaluated, by=ravi)
    with pytest.raises(WrongState, match=f"is declined, by ravi at {timezone.now():%Y-%m-%d}"):
        retrains.decline(retrain=evaluated, by=mona)


def test_promoting_past_the_gate_is_in_the_ledger_with_its_reason(evaluated, mona, champion):
    retrain = retrains.promote(retrain=evaluated, by=mona, override_reason=" Drawings first. ")
    assert (retrain.status, retrain.decided_by) == ("promoted", mona)
    assert just_now(retrain.decided_at)
    assert retrain.override_reason == "Drawings first."
    (facts,) = entries("override")
    assert (facts["verdict"], facts["reason"], facts["by"]) == (
        "blocked",
        "Drawings first.",
        "mona",
    )
    (facts,) = entries("promotion")
    assert (facts["model"], facts["after"], facts["by"]) == ("v2", "v1", "mona")


def test_a_model_that_passed_the_gate_needs_no_reason(evaluated, mona):
    Retrain.objects.update(gate={"verdict": "pass", "cells": []})
    retrains.promote(retrain=fresh(evaluated), by=mona)
    assert fresh(evaluated).status == "promoted"
    assert entries("override") == []
    assert ModelVersion.objects.champion() == evaluated.candidate


def test_a_candidate_whose_files_are_gone_is_not_promoted(evaluated, mona, champion):
    shutil.rmtree(evaluated.candidate.folder)
    with pytest.raises(ArtifactMissing):
        retrains.promote(retrain=evaluated, by=mona, override_reason="Drawings first.")
    assert fresh(evaluated).status == "evaluated"
    assert ModelVersion.objects.champion() == champion


@pytest.mark.parametrize(
    ("status", "seconds", "lost"),
    [("running", 70, 1), ("running", 50, 0), ("approved", 70, 0), ("evaluated", 70, 0)],
)
def test_only_a_running_retrain_without_a_sign_of_life_is_lost(evaluated, status, seconds, lost):
    retrain = in_state(evaluated, status)
    Retrain.objects.update(heartbeat_at=timezone.now() - datetime.timedelta(seconds=seconds))
    assert retrains.resume_lost() == lost
    assert fresh(retrain).status == ("approved" if lost else status)


@pytest.fixture
def audit_set(champion) -> AuditSet:
    """Two images, of which the champion has answered none."""
    rows = [Row(f"{n:064x}", "drawings", {}, "audit", "demo", str(n)) for n in range(2)]
    return AuditSet.objects.create(name="demo", manifest_sha256=manifests.publish(rows), images=2)


GATE = {"verdict": "pass", "policy": {"version": 1}, "cells": []}


def predictions(path, *labels: str):
    """The predictions of a model that gave these labels, and the figures beside them."""
    predicted = [
        Predicted(
            sha256=f"{n:064x}",
            cluster=str(n),
            expected="drawings",
            groups={},
            scores=dict.fromkeys(LABELS, 0.0) | {label: 1.0},
        )
        for n, label in enumerate(labels)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    columns.write(path, columns.from_predicted(predicted))
    path.with_suffix(".json").write_text(json.dumps(evaluate.audit(predicted)))
    return str(path)


@pytest.fixture
def approved(proposed, audit_set, mona) -> Retrain:
    return retrains.approve(retrain=proposed, by=mona)


@pytest.fixture
def trained(approved, monkeypatch):
    """A training process that ends with a candidate; `during` happens while it runs."""

    def make(during=lambda listen: None) -> dict:
        given: dict = {}

        def run(arguments, *, log, listen, limit_seconds):
            given["verb"] = arguments[0]
            given["limit_seconds"] = limit_seconds
            given["log"] = log
            given.update(argument.removeprefix("--").split("=", 1) for argument in arguments[1:])
            during(listen)
            (approved.folder / "gate.json").write_text(json.dumps(GATE))
            return {
                "sha256": "c" * 64,
                "champion_predictions": predictions(
                    approved.folder / "champion.npz", "drawings", "neutral"
                ),
                "candidate_predictions": predictions(
                    approved.folder / "candidate.npz", "drawings", "drawings"
                ),
                "gate": str(approved.folder / "gate.json"),
            }

        monkeypatch.setattr(training_process, "run", run)
        return given

    return make


def test_a_worker_that_wakes_after_it_was_thought_lost_writes_nothing(approved, trained):
    seen = {}

    def during(listen):
        if fresh(approved).attempt == 1:
            Retrain.objects.update(heartbeat_at=timezone.now() - 2 * audits.LOST_AFTER)
            retrains.resume_lost()
            retrains.run(pk=approved.pk)
            seen["finished"] = fresh(approved)
            seen["may go on"] = listen({"stage": "training", "done": 1, "total": 2})

    trained(during)
    retrains.run(pk=approved.pk)
    assert seen["finished"].status == "evaluated"
    assert seen["finished"].attempt == 2
    assert seen["may go on"] is False
    assert fresh(approved).evaluated_at == seen["finished"].evaluated_at
    assert LedgerEntry.objects.filter(kind="gate").count() == 1


def test_a_worker_that_wakes_while_the_next_one_trains_leaves_its_work_alone(approved, trained):
    checkpoint = approved.folder / "checkpoints" / "run" / "fine-tune.npz"
    may_go_on = []

    def during(listen):
        Retrain.objects.update(attempt=2)
        checkpoint.parent.mkdir(parents=True)
        checkpoint.touch()
        may_go_on.append(listen({"stage": "training"}))

    trained(during)
    retrains.run(pk=approved.pk)
    retrain = fresh(approved)
    assert (retrain.status, retrain.candidate) == ("running", None)
    assert retrain.progress["stage"] == "starting"
    assert may_go_on == [False]
    assert checkpoint.exists()


@pytest.mark.parametrize(("attempts", "status"), [(1, "approved"), (3, "failed")])
def test_a_killed_training_process_is_replaced_twice(approved, trained, attempts, status):
    def during(listen):
        raise training_process.ProcessKilled("The training process was killed (SIGKILL).")

    trained(during)
    for _ in range(attempts):
        retrains.run(pk=approved.pk)
    assert fresh(approved).status == status
    assert fresh(approved).attempt == attempts


def test_a_training_that_refuses_its_data_is_not_repeated(approved, trained):
    def during(listen):
        raise training_process.ProcessFailed("A training set must have two labels.")

    trained(during)
    retrains.run(pk=approved.pk)
    assert fresh(approved).status == "failed"
    assert fresh(approved).failure == "A training set must have two labels."


def test_a_run_starts_once_and_shows_that_it_did(approved, trained):
    seen = {}

    def during(listen):
        seen["started"] = fresh(approved)
        retrains.run(pk=approved.pk)  # a second worker does nothing

    trained(during)
    retrains.run(pk=approved.pk)
    started = seen["started"]
    assert started.status == "running"
    assert just_now(started.started_at)
    assert just_now(started.heartbeat_at)
    assert started.progress == {"stage": "starting", "done": 0, "total": 1, "message": "Starting"}
    assert fresh(approved).status == "evaluated"


@pytest.mark.parametrize("status", sorted(set(STATUSES) - {"approved"}))
def test_only_an_approved_retrain_runs(evaluated, audit_set, monkeypatch, status):
    retrain = in_state(evaluated, status)
    monkeypatch.setattr(training_process, "run", lambda *_, **__: pytest.fail("It ran."))
    retrains.run(pk=retrain.pk)
    assert (fresh(retrain).status, fresh(retrain).started_at) == (status, None)


def test_starting_one_retrain_leaves_the_others(approved, trained, mona):
    other = ModelVersion.objects.create(number=7, sha256="7" * 64, title="another")
    waiting = Retrain.objects.create(
        status=Status.APPROVED,
        base=other,
        dataset=approved.dataset,
        config="head",
        proposed_by=mona,
        approved_by=mona,
        approved_at=timezone.now(),
    )
    trained()
    retrains.run(pk=approved.pk)
    assert (fresh(waiting).status, fresh(waiting).started_at) == ("approved", None)


@pytest.fixture
def elsewhere(approved, mona) -> Retrain:
    """A retrain of another model, which is running too."""
    base = ModelVersion.objects.create(number=7, sha256="7" * 64, title="another")
    return Retrain.objects.create(
        status=Status.RUNNING,
        base=base,
        dataset=approved.dataset,
        config="head",
        proposed_by=mona,
        progress={"stage": "training"},
        attempt=1,
    )


@pytest.mark.parametrize("error", [ZeroDivisionError, training_process.ProcessFailed])
def test_progress_and_failure_of_one_run_leave_another_alone(approved, elsewhere, trained, error):
    def during(listen):
        listen({"stage": "features"})
        raise error

    trained(during)
    with contextlib.suppress(ZeroDivisionError):
        retrains.run(pk=approved.pk)
    assert fresh(approved).status == "failed"
    other = fresh(elsewhere)
    assert (other.status, other.failure, other.heartbeat_at) == ("running", "", None)
    assert other.progress == {"stage": "training"}


def test_a_running_retrain_tells_how_far_it_is_until_it_is_cancelled(approved, trained, mona):
    answers = []

    def during(listen):
        Retrain.objects.update(heartbeat_at=None)
        answers.append(listen({"stage": "features", "done": 1, "total": 9, "pid": 5}))
        assert fresh(approved).progress == {"stage": "features", "done": 1, "total": 9, "pid": 5}
        assert just_now(fresh(approved).heartbeat_at)
        Retrain.objects.update(heartbeat_at=None)
        answers.append(listen({"pid": 5}))
        assert fresh(approved).progress["stage"] == "features"
        assert just_now(fresh(approved).heartbeat_at)
        retrains.cancel(retrain=fresh(approved), by=mona)
        answers.append(listen({"stage": "training"}))
        raise training_process.ProcessFailed("It was cancelled.")

    trained(during)
    retrains.run(pk=approved.pk)
    assert answers == [True, True, False]
    retrain = fresh(approved)
    assert (retrain.status, retrain.failure) == ("cancelled", "")
    assert retrain.progress["stage"] == "features"


def test_a_run_that_breaks_fails_with_the_error_and_raises_it(approved, trained):
    trained(lambda listen: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        retrains.run(pk=approved.pk)
    retrain = fresh(approved)
    assert (retrain.status, retrain.failure) == ("failed", "ZeroDivisionError: division by zero")


def test_a_run_that_breaks_after_it_was_cancelled_stays_cancelled(approved, trained, mona):
    def during(listen):
        retrains.cancel(retrain=fresh(approved), by=mona)
        raise ZeroDivisionError

    trained(during)
    with pytest.raises(ZeroDivisionError):
        retrains.run(pk=approved.pk)
    assert (fresh(approved).status, fresh(approved).failure) == ("cancelled", "")


def test_a_run_leaves_a_candidate_two_audits_and_a_verdict(approved, trained, audit_set, settings):
    settings.RETRAIN_SECONDS = 77
    given = trained()
    retrains.run(pk=approved.pk)
    retrain = fresh(approved)
    assert (retrain.status, retrain.audit_set) == ("evaluated", audit_set)
    assert just_now(retrain.evaluated_at)
    assert retrain.gate == GATE
    assert (retrain.judged_against, retrain.policy_sha256) == (retrain.base, sha256({"version": 1}))
    candidate = retrain.candidate
    assert (candidate.number, candidate.sha256, candidate.parent) == (2, "c" * 64, retrain.base)
    assert candidate.title == f"Retrain {retrain.pk}"
    errors = {
        audit.model.version: (audit.status, audit.figures["overall"]["error"]["count"])
        for audit in Audit.objects.filter(audit_set=audit_set)
    }
    assert errors == {"v1": ("done", 1), "v2": ("done", 0)}
    for audit in Audit.objects.all():
        answers = evaluate.read_answers(audit.predictions)
        answered = [max(answer.scores, key=answer.scores.get) for answer in answers]
        assert answered == ["drawings", {"v1": "neutral", "v2": "drawings"}[audit.model.version]]
    (facts,) = entries("gate")
    assert (facts["retrain"], facts["model"], facts["against"]) == (retrain.pk, "v2", "v1")

    assert (given["verb"], given["config"]) == ("retrain", "head")
    assert (given["limit_seconds"], given["log"]) == (77, retrain.folder / "training.log")
    assert given["champion"] == str(retrain.base.folder)
    assert given["manifest"] == str(retrain.dataset.manifest)
    assert given["out"] == str(retrain.folder)
    assert given["images"] == str(retrain.folder / "images.json")
    assert (given["cache"], given["artifacts"]) == (
        str(settings.FEATURES_DIR),
        str(settings.ARTIFACTS_DIR),
    )
    assert manifest.read(retrain.folder / "audit.jsonl") == manifest.read(audit_set.manifest)
    paths = json.loads((retrain.folder / "images.json").read_text())
    rows = [*manifest.read(retrain.dataset.manifest), *manifest.read(audit_set.manifest)]
    assert set(paths) == {row.sha256 for row in rows}
    assert "champion-predictions" not in given


def test_a_candidate_of_a_retrain_that_was_cancelled_meanwhile_has_no_verdict(
    approved, elsewhere, trained, mona
):
    trained(lambda listen: retrains.cancel(retrain=fresh(approved), by=mona))
    retrains.run(pk=approved.pk)
    assert (fresh(elsewhere).status, fresh(elsewhere).candidate) == ("running", None)
    retrain = fresh(approved)
    assert (retrain.status, retrain.candidate, retrain.gate) == ("cancelled", None, None)
    assert retrain.evaluated_at is None
    assert entries("gate") == []


def test_a_finished_audit_of_the_champion_is_not_repeated_and_not_overwritten(
    approved, trained, audit_set, champion
):
    audit = audits.request(model=champion, audit_set=audit_set)
    predictions(audit.predictions, "neutral", "neutral")
    audits.finish(audit=audit, figures=evaluate.audit(evaluate.read_answers(audit.predictions)))
    finished_at = audit.finished_at
    given = trained()
    retrains.run(pk=approved.pk)
    assert given["champion-predictions"] == str(approved.folder / "champion.npz")
    audit.refresh_from_db()
    assert (audit.figures["overall"]["error"]["count"], audit.finished_at) == (2, finished_at)


@pytest.mark.parametrize("missing", ["not done", "no file", "another model", "another set"])
def test_the_champion_is_judged_anew_without_a_finished_audit_of_its_own(
    approved, trained, audit_set, champion, missing
):
    model, measured_on = champion, audit_set
    if missing == "another model":
        model = ModelVersion.objects.create(number=9, sha256="9" * 64, title="another")
    if missing == "another set":
        measured_on = AuditSet.objects.create(name="old", manifest_sha256="0" * 64, images=2)
        AuditSet.objects.filter(pk=audit_set.pk).delete()
        audit_set.pk = None
        audit_set.save()
    audit = audits.request(model=model, audit_set=measured_on)
    predictions(audit.predictions, "neutral", "neutral")
    if missing != "not done":
        audits.finish(audit=audit, figures={"error": {"count": 2}})
    if missing == "no file":
        audit.predictions.unlink()
    given = trained()
    retrains.run(pk=approved.pk)
    assert "champion-predictions" not in given
    assert fresh(approved).status == "evaluated"


@pytest.mark.django_db(transaction=True)
def test_two_maintainers_at_once_promote_once(evaluated, mona):
    """And whoever looks meanwhile always finds one champion."""
    outcomes: list[str] = []
    seen: list[int] = []
    done = threading.Event()

    def promote():
        try:
            retrain = Retrain.objects.get(pk=evaluated.pk)
            retrains.promote(retrain=retrain, by=mona, override_reason="Both want it.")
            outcomes.append("promoted")
        except WrongState:
            outcomes.append("refused")
        finally:
            connection.close()

    def look():
        while not done.is_set():
            seen.append(ModelVersion.objects.filter(status="champion").count())
            time.sleep(0.001)
        connection.close()

    watcher = threading.Thread(target=look)
    watcher.start()
    pair = [threading.Thread(target=promote) for _ in range(2)]
    for thread in pair:
        thread.start()
    for thread in pair:
        thread.join(timeout=30)
    done.set()
    watcher.join(timeout=30)
    assert sorted(outcomes) == ["promoted", "refused"]
    assert set(seen) == {1}


def test_a_config_of_the_operators_own_is_written_for_the_process(approved, trained, tmp_path):
    path = tmp_path / "gentle.toml"
    path.write_text('recipe = "fine-tune"\n[fine]\nepochs = 2\n')
    config = recipes.add_config(path)
    Retrain.objects.update(recipe=config.sha256, config="fine-tune")
    given = trained()
    retrains.run(pk=approved.pk)
    written = json.loads((approved.folder / "config.json").read_text())
    assert given["config"] == str(approved.folder / "config.json")
    assert (written["recipe"], written["fine"]["epochs"], written["copies"]) == ("fine-tune", 2, 1)


@pytest.mark.parametrize(("killed", "stays"), [(True, True), (False, False)])
def test_checkpoints_stay_for_the_next_attempt_alone(approved, elsewhere, trained, killed, stays):
    checkpoint = approved.folder / "checkpoints" / "run" / "fine-tune.npz"

    def during(listen):
        checkpoint.parent.mkdir(parents=True)
        checkpoint.touch()
        if killed:
            raise training_process.ProcessKilled("The training process was killed (SIGKILL).")

    trained(during)
    retrains.run(pk=approved.pk)
    assert checkpoint.exists() == stays


def test_a_run_keeps_what_its_stages_cost(approved, trained, monkeypatch):
    trained()
    run = training_process.run
    stages = {"auditing": {"seconds": 4.5, "units": 9}}
    monkeypatch.setattr(
        training_process, "run", lambda *args, **named: {**run(*args, **named), "stages": stages}
    )
    retrains.run(pk=approved.pk)
    assert fresh(approved).stages == stages


def test_convolutions_may_train_for_longer(approved, trained, settings):
    settings.DEEP_RETRAIN_SECONDS = 99
    Retrain.objects.update(recipe="fine-tune", config="fine-tune")
    given = trained()
    retrains.run(pk=approved.pk)
    assert (given["config"], given["limit_seconds"]) == ("fine-tune", 99)


# Mutants that survive and change nothing:
# - `propose` without `ApprovalRule.objects.locked()`: a row lock, which SQLite does not have.
# - `promote` without `or {}` or its look at the candidate: an evaluated retrain has both.
