"""The site analyses the model in service beyond its rates, once and without being asked."""

import datetime
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.utils import timezone

from feedback import queries
from feedback.errors import WrongState
from feedback.models import Audit, AuditSet, Finding, LedgerEntry
from feedback.services import audits, datasets, findings, ledger, manifests
from modeltrain import __main__ as modeltrain
from modeltrain.audit import evaluate
from modeltrain.audit.evaluate import Predicted
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from tests.cast import finished_audit
from tests.conftest import noise
from worker.tasks.training import run_finding_task
from worker.tasks.upkeep import pick_up_lost_work_task

TONES = ("light", "dark")
IMAGES = 12


@dataclass(frozen=True)
class Answers:
    """The published model's answers to small images: pairs that differ in their skin tone."""

    folder: Path
    rows: list[Row]
    predicted: list[Predicted]


@pytest.fixture(scope="module")
def answers(published, tmp_path_factory) -> Answers:
    folder = tmp_path_factory.mktemp("audit-images")
    rows, images = [], {}
    for seed in range(IMAGES):
        pixels = noise(seed, (32, 32))
        sha256 = pixel_sha256(pixels)
        images[sha256] = folder / f"{sha256}.png"
        images[sha256].write_bytes(to_png(pixels))
        groups = {"skin_tone": TONES[seed % 2], "medium": "vector"}
        rows.append(Row(sha256, "drawings", groups, "audit", f"picture {seed}", f"c{seed // 2}"))
    predicted = evaluate.predict(Classifier(published), rows, images, lambda done, total: None)
    return Answers(folder, rows, predicted)


@pytest.fixture
def audited(settings, real_champion, axes, answers) -> Audit:
    """The published model's finished audit, with the images where the site keeps them."""
    settings.COUNTERFACTUAL_IMAGES = 2
    shutil.copytree(answers.folder, settings.AUDIT_IMAGES_DIR)
    audit_set = AuditSet.objects.create(
        name="small", manifest_sha256=manifests.publish(answers.rows), images=IMAGES
    )
    audit = finished_audit(real_champion, audit_set, answers.predicted)
    audit.refresh_from_db()
    return audit


def finding_of(audit: Audit, kind: str) -> Finding:
    return Finding.objects.get(audit=audit, kind=kind)


def test_the_schedule_requests_every_kind_once(audited) -> None:
    pick_up_lost_work_task()
    pick_up_lost_work_task()
    assert sorted(Finding.objects.values_list("kind", flat=True)) == [
        "counterfactual",
        "int8",
        "published",
        "slices",
    ]


def test_where_the_package_is_missing_its_other_models_are_not_compared(audited, settings) -> None:
    settings.PUBLISHED_PACKAGE = settings.RUNS_DIR / "nowhere"
    findings.request_missing()
    assert not Finding.objects.filter(kind="published").exists()


def test_the_other_published_models_are_judged_and_timed(audited) -> None:
    findings.request_missing()
    finding = finding_of(audited, "published")
    # In this process: starting another one is tested with the other kinds.
    assert modeltrain.main(findings._arguments(finding)) == modeltrain.Exit.DONE
    models = json.loads((finding.folder / "figures.json").read_text())["models"]
    assert [model["name"] for model in models] == ["champion", "mobilenet_v2", "mobilenet_v2_mid"]
    assert all(model["figures"]["images"] == IMAGES for model in models)
    assert all(model["milliseconds"] > 0 for model in models)
    assert [model["gate"]["verdict"] for model in models[1:]]


def test_the_export_for_browsers_comes_first(audited) -> None:
    findings.request_missing()
    assert queries.pending_work.findings_to_run() == [finding_of(audited, "int8").pk]


def test_only_the_model_in_service_is_analysed(audited) -> None:
    audited.model.status = "retired"
    audited.model.save()
    findings.request_missing()
    assert not Finding.objects.exists()


def test_perturbations_and_the_sets_own_counterparts_are_compared(audited) -> None:
    findings.request_missing()
    finding = finding_of(audited, "counterfactual")
    run_finding_task(finding.pk)
    finding.refresh_from_db()
    assert (finding.failure, finding.status) == ("", "done")
    given, grey = finding.figures["skin_tone"], finding.figures["greyscale"]
    assert (given["kind"], given["sets"], given["images"]) == ("given", IMAGES // 2, IMAGES)
    assert (grey["kind"], grey["images"]) == ("made", 2)
    assert 0 <= grey["flips"]["low"] <= grey["flips"]["rate"] <= grey["flips"]["high"] <= 1


def test_few_mistakes_give_no_slices(audited, settings) -> None:
    findings.request_missing()
    finding = finding_of(audited, "slices")
    run_finding_task(finding.pk)
    finding.refresh_from_db()
    assert (finding.failure, finding.status) == ("", "done")
    assert isinstance(finding.figures, list)
    assert len(list(settings.FEATURES_DIR.rglob("*.*"))) >= IMAGES


def test_a_quantized_export_is_judged_by_the_gate(audited, published, settings, tmp_path) -> None:
    create_first_dataset(settings, seeds=range(100, 108))
    settings.ARTIFACTS_DIR = tmp_path / "own"
    shutil.copytree(published.path, settings.ARTIFACTS_DIR / published.path.name)
    findings.request_missing()
    finding = finding_of(audited, "int8")
    run_finding_task(finding.pk)
    finding.refresh_from_db()
    assert (finding.failure, finding.status) == ("", "done")
    export = artifact.load(settings.ARTIFACTS_DIR / finding.figures["sha256"][:12])
    assert export.config["parent"] == audited.model.sha256
    assert finding.figures["calibrated_on"] == 8
    assert {cell["n"] for cell in finding.figures["gate"]["cells"]} >= {IMAGES, IMAGES // 2}
    entry = LedgerEntry.objects.get(kind="export")
    assert entry.facts["verdict"] == finding.figures["gate"]["verdict"]
    assert not list(ledger.contradictions())
    # Of reported images, which may be withdrawn, nothing stays in the run's folder.
    assert not list(finding.folder.rglob("manifest.jsonl"))


def create_first_dataset(settings, seeds: Iterable[int]) -> None:
    folder = settings.DEMO_DIR / "images"
    folder.mkdir(parents=True)
    rows = []
    for seed in seeds:
        pixels = noise(seed, (32, 32))
        sha256 = pixel_sha256(pixels)
        (folder / f"{sha256}.png").write_bytes(to_png(pixels))
        rows.append(Row(sha256, "neutral", {}, "train", f"picture {seed}", sha256))
    datasets.create_first(rows)


def test_an_export_without_calibration_images_fails_with_a_reason(audited) -> None:
    findings.request_missing()
    finding = finding_of(audited, "int8")
    run_finding_task(finding.pk)
    finding.refresh_from_db()
    assert finding.status == "failed"
    assert "needs images of split train" in finding.failure


def test_a_failed_finding_says_why_and_waits_for_a_person(audited, settings) -> None:
    findings.request_missing()
    for path in settings.AUDIT_IMAGES_DIR.glob("*.png"):
        path.unlink()
    finding = finding_of(audited, "counterfactual")
    run_finding_task(finding.pk)
    finding.refresh_from_db()
    assert finding.status == "failed"
    assert "must be readable" in finding.failure
    findings.request_missing()
    assert finding.pk not in queries.pending_work.findings_to_run()
    findings.retry(finding=finding)
    finding.refresh_from_db()
    assert (finding.status, finding.failure) == ("waiting", "")
    with pytest.raises(WrongState):
        findings.retry(finding=finding)


def test_a_finding_whose_worker_was_lost_runs_again(audited) -> None:
    findings.request_missing()
    long_ago = timezone.now() - 2 * audits.LOST_AFTER
    Finding.objects.update(status="running", heartbeat_at=long_ago)
    assert findings.resume_lost() == 4
    assert queries.pending_work.findings_to_run() == [Finding.objects.first().pk]


def test_a_retrain_goes_first(audited, mona) -> None:
    from feedback.models import DatasetVersion, Retrain

    findings.request_missing()
    Retrain.objects.create(
        status="approved",
        base=audited.model,
        dataset=DatasetVersion.objects.create(
            number=1, manifest_sha256="1" * 64, images=1, added=1
        ),
        config="head",
        proposed_by=mona,
        approved_by=mona,
        approved_at=timezone.now() - datetime.timedelta(hours=1),
    )
    assert queries.pending_work.findings_to_run() == []
    finding = finding_of(audited, "counterfactual")
    run_finding_task(finding.pk)  # begun a moment before
    finding.refresh_from_db()
    assert (finding.status, finding.failure) == ("waiting", "")
