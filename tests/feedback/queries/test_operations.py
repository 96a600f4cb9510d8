"""What waits and what is stuck."""

import datetime

import pytest
from django.utils import timezone

from feedback import queries
from feedback.models import DatasetVersion, ModelVersion, Report, Retrain
from tests.cast import premises

pytestmark = pytest.mark.django_db


@pytest.fixture
def retrain(champion, mona) -> Retrain:
    dataset = DatasetVersion.objects.create(number=2, manifest_sha256="2" * 64, images=4, added=4)
    return Retrain.objects.create(
        base=champion, dataset=dataset, config="head", proposed_by=mona, **premises(champion)
    )


def test_the_oldest_report_without_a_decision_counts(queued) -> None:
    assert queries.operations.longest_waits()["decision"] == 0
    older, newer = queued(1), queued(2)
    day_ago = timezone.now() - datetime.timedelta(days=1)
    Report.objects.filter(pk=older.pk).update(created_at=day_ago)
    assert queries.operations.longest_waits()["decision"] == pytest.approx(86400, abs=600)
    Report.objects.filter(pk=older.pk).update(status=Report.Status.REJECTED)
    assert queries.operations.longest_waits()["decision"] < 600
    assert newer.status == "queued"


def test_an_approved_retrain_waits_until_it_runs(retrain, mona) -> None:
    hour_ago = timezone.now() - datetime.timedelta(hours=1)
    Retrain.objects.update(status="approved", approved_by=mona, approved_at=hour_ago)
    assert queries.operations.longest_waits()["training"] == pytest.approx(3600, abs=60)
    Retrain.objects.update(status="running")
    assert queries.operations.longest_waits()["training"] == 0


def test_reports_and_retrains_are_counted_by_state(queued, retrain) -> None:
    queued(1)
    assert queries.operations.reports_by_status()["queued"] == 1
    assert queries.operations.reports_by_status()["withdrawn"] == 0
    assert queries.operations.retrains_by_status()["proposed"] == 1


def test_the_stage_of_a_running_retrain_is_known(retrain) -> None:
    assert queries.operations.training_progress() == {}
    Retrain.objects.update(status="running", progress={"stage": "waiting", "message": "…"})
    assert queries.operations.training_progress() == {}
    Retrain.objects.update(progress={"stage": "features", "done": 30, "total": 120})
    assert queries.operations.training_progress() == {"features": 0.25}


def test_verdicts_are_counted(retrain) -> None:
    assert queries.operations.verdicts() == {}
    Retrain.objects.update(gate={"verdict": "insufficient data"})
    assert queries.operations.verdicts() == {"insufficient data": 1}


def test_damaged_models_that_were_in_service_are_counted(champion) -> None:
    ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain", damage="Cut off.")
    assert queries.operations.damaged_models() == 0
    ModelVersion.objects.filter(pk=champion.pk).update(damage="Cut off.")
    assert queries.operations.damaged_models() == 1


def test_a_model_without_an_audit_has_no_rates(champion) -> None:
    assert list(queries.operations.error_rates(champion)) == []
