"""The states of a retrain. The training itself is in tests/flows."""

import os
import signal
import threading
import time

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from feedback.errors import NothingToLearn, OverrideNeeded, WrongState
from feedback.models import AuditSet, DatasetVersion, ModelVersion, Report, Retrain
from feedback.services import manifests, reports, retrains, training_process, triage
from modeltrain.data import manifest
from modeltrain.data.manifest import Row

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
    candidate = ModelVersion.objects.create(number=2, sha256="c" * 64, title="candidate")
    candidate.folder.mkdir(parents=True)
    Retrain.objects.filter(pk=proposed.pk).update(
        status=Status.EVALUATED,
        candidate=candidate,
        gate={"verdict": "blocked", "cells": []},
        evaluated_at=timezone.now(),
    )
    proposed.refresh_from_db()
    return proposed


def test_a_retrain_needs_new_examples(first_version, champion, mona):
    with pytest.raises(NothingToLearn):
        retrains.propose(by=mona)


def test_one_retrain_is_open_at_a_time(proposed, mona):
    with pytest.raises(WrongState, match=f"retrain {proposed.pk} is proposed"):
        retrains.propose(by=mona)


def test_the_database_allows_one_open_retrain(proposed, mona):
    with pytest.raises(IntegrityError), transaction.atomic():
        Retrain.objects.create(
            base=proposed.base, dataset=proposed.dataset, config="head", proposed_by=mona
        )


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


def test_a_lost_worker_fails_its_retrain_and_it_can_be_proposed_again(proposed, mona):
    retrains.approve(retrain=proposed, by=mona)
    Retrain.objects.update(
        status=Status.RUNNING, heartbeat_at=timezone.now() - timezone.timedelta(minutes=2)
    )
    assert retrains.fail_lost() == 1
    proposed.refresh_from_db()
    assert "lost" in proposed.failure
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
    assert "1 of the reported pictures of dataset 2 were withdrawn" in proposed.failure

    with pytest.raises(NothingToLearn):
        retrains.propose(by=mona)
    triage.decide(report=queued(seed=2), outcome="accepted", by=ravi)
    rows = manifest.read(retrains.propose(by=mona).dataset.manifest)
    assert manifests.existing_rows(rows) == rows


def test_a_killed_training_process_says_that_it_was_killed(tmp_path, monkeypatch):
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\necho \'{"stage": "training"}\'\nexec tail -f /dev/null\n')
    program.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(program))

    def kill_it(message):
        os.kill(message["pid"], signal.SIGKILL)
        return True

    with pytest.raises(training_process.ProcessFailed, match=r"killed \(SIGKILL\)"):
        training_process.run([], log=tmp_path / "log", listen=kill_it, limit_seconds=20)


def test_a_cancelled_run_is_stopped(tmp_path, monkeypatch):
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\necho \'{"stage": "training"}\'\nexec tail -f /dev/null\n')
    program.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(program))
    with pytest.raises(training_process.ProcessFailed, match="cancelled"):
        training_process.run(
            [], log=tmp_path / "log", listen=lambda message: False, limit_seconds=20
        )


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
