"""Prometheus gets figures of the site, and nothing that identifies anybody."""

import json
import re

import pytest
import yaml
from django.test import Client
from django.urls import reverse
from prometheus_client.parser import text_string_to_metric_families

from feedback.models import Audit, AuditSet
from feedback.services import manifests
from nsfwsite import metrics
from tests.cast import finished_audit, register_worker
from tests.conftest import ROOT
from tests.nsfwsite.audits.examples import answers

pytestmark = pytest.mark.django_db
MONITORING = ROOT / "docs" / "monitoring"
NAME = re.compile(r"\bspeakup_\w+")


def figures() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every figure by its name and labels."""
    families = text_string_to_metric_families(metrics.as_text().decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def figure(name: str, **labels: str) -> float | None:
    return figures().get((name, frozenset(labels.items())))


def audited(model, *, alarms: int = 8) -> None:
    audit_set = AuditSet.objects.create(
        name="demo", manifest_sha256=manifests.publish([]), images=240, card="C"
    )
    finished_audit(model, audit_set, answers(20, alarms=alarms))


def test_a_new_site_has_figures_and_no_model() -> None:
    assert figure("speakup_reports", status="queued") == 0
    assert figure("speakup_longest_wait_seconds", **{"for": "answer"}) == 0
    assert figure("speakup_worker_alive", queue="inference") == 0
    names = {name for name, _ in figures()}
    assert names.isdisjoint({"speakup_model_info", "speakup_error_rate"})


def test_workers_and_waiting_work_are_counted(queued) -> None:
    register_worker("inference")
    queued(1), queued(2)
    assert figure("speakup_worker_alive", queue="inference") == 1
    assert figure("speakup_worker_alive", queue="training") == 0
    assert figure("speakup_reports", status="queued") == 2
    assert (figure("speakup_longest_wait_seconds", **{"for": "decision"}) or 0) > 0


def test_a_group_has_the_rate_and_the_interval_of_the_audit(champion) -> None:
    audited(champion)
    cell = Audit.objects.get().figures["groups"]["skin_tone"]["dark"]["false_alarm"]
    group = {"mistake": "false_alarm", "axis": "skin_tone", "group": "dark"}
    for bound in ("rate", "low", "high"):
        assert figure("speakup_error_rate", **group, bound=bound) == pytest.approx(cell[bound])
    assert figure("speakup_error_rate_images", **group) == cell["n"]


def test_a_request_counts_by_its_view_and_not_by_its_address(queued) -> None:
    report = queued(1)
    labels = {"view": "receipt", "method": "GET", "status": "200"}
    before = figure("speakup_request_seconds_count", **labels) or 0
    Client().get(reverse("receipt", args=[report.receipt]))
    Client().get("/nothing/" + "x" * 40)
    Client().generic("INVENT", "/")
    assert figure("speakup_request_seconds_count", **labels) == before + 1
    assert report.receipt not in metrics.as_text().decode()
    assert "xxx" not in metrics.as_text().decode()
    assert "INVENT" not in metrics.as_text().decode()


def test_the_dashboard_and_the_alerts_ask_for_figures_that_exist(champion, queued) -> None:
    audited(champion)
    queued(1)
    Client().get("/")
    existing = {name for name, _ in figures()} | {"speakup_training_progress_ratio"}
    existing |= {"speakup_gate_verdicts"}  # no retrain here has one, and none runs
    dashboard = json.loads((MONITORING / "grafana.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
    asked_for = set(NAME.findall(" ".join(queries + [rule["expr"] for rule in rules])))
    assert asked_for - existing == set()
    named = set(NAME.findall((MONITORING / "README.md").read_text()))
    assert {name.removesuffix("_bucket").removesuffix("_count") for name in asked_for} <= named
