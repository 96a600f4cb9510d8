"""The site analyses the model in service beyond its rates, once and without being asked."""

import contextlib
import datetime
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from feedback import queries
from feedback.errors import WrongState
from feedback.models import (
    Audit,
    AuditSet,
    DatasetVersion,
    Finding,
    LedgerEntry,
    ModelVersion,
    Retrain,
)
from feedback.services import (
    audits,
    datasets,
    findings,
    ledger,
    manifests,
    training_process,
)
from modeltrain import __main__ as modeltrain
from modeltrain.audit import evaluate
from modeltrain.audit.evaluate import Predicted
from modeltrain.data import dataset, manifest
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.labels import LABELS
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from tests.cast import finished_audit
from tests.conftest import noise
from worker.tasks.training import run_finding_task
from worker.tasks.upkeep import pick_up_lost_work_task

TONES = ("light", "dark")
IMAGES = 12
FIGURES = {"sha256": "8" * 64, "gate": {"verdict": "pass"}}


def store_images(folder: Path, count: int) -> list[Row]:
    """Write small images and return their rows: pairs that differ in their skin tone."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for seed in range(count):
        pixels = noise(seed, (32, 32))
        sha256 = pixel_sha256(pixels)
        (folder / f"{sha256}.png").write_bytes(to_png(pixels))
        groups = {"skin_tone": TONES[seed % 2], "medium": "vector"}
        rows.append(Row(sha256, "drawings", groups, "audit", f"picture {seed}", f"c{seed // 2}"))
    return rows


def set_of(rows: list[Row]) -> AuditSet:
    return AuditSet.objects.create(
        name="small", manifest_sha256=manifests.publish(rows), images=len(rows)
    )


@dataclass(frozen=True)
class Answers:
    """The published model's answers to small images."""

    folder: Path
    rows: list[Row]
    predicted: list[Predicted]


@pytest.fixture(scope="module")
def answers(published, tmp_path_factory) -> Answers:
    folder = tmp_path_factory.mktemp("audit-images")
    rows = store_images(folder, IMAGES)
    images = {row.sha256: folder / f"{row.sha256}.png" for row in rows}
    predicted = evaluate.predict(Classifier(published), rows, images, lambda done, total: None)
    return Answers(folder, rows, predicted)


@pytest.fixture
def audited(settings, real_champion, axes, answers) -> Audit:
    """The published model's finished audit, with the images where the site keeps them."""
    settings.COUNTERFACTUAL_IMAGES = 2
    shutil.copytree(answers.folder, settings.AUDIT_IMAGES_DIR)
    audit = finished_audit(real_champion, set_of(answers.rows), answers.predicted)
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
    create_first_dataset(seeds=range(100, 108))
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


def create_first_dataset(seeds: Iterable[int]) -> None:
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
    findings.retry_finding(finding=finding)
    finding.refresh_from_db()
    assert (finding.status, finding.failure) == ("waiting", "")
    with pytest.raises(WrongState):
        findings.retry_finding(finding=finding)


def test_a_finding_whose_worker_was_lost_runs_again(audited) -> None:
    findings.request_missing()
    long_ago = timezone.now() - 2 * audits.LOST_AFTER
    Finding.objects.update(status="running", heartbeat_at=long_ago)
    assert findings.resume_lost() == 4
    assert queries.pending_work.findings_to_run() == [Finding.objects.first().pk]


def approve_retrain(model: ModelVersion, mona: User) -> None:
    Retrain.objects.create(
        status="approved",
        base=model,
        dataset=DatasetVersion.objects.create(
            number=1, manifest_sha256="1" * 64, images=1, added=1
        ),
        config="head",
        proposed_by=mona,
        approved_by=mona,
        approved_at=timezone.now() - datetime.timedelta(hours=1),
    )


def test_a_retrain_goes_first(audited, mona) -> None:
    findings.request_missing()
    approve_retrain(audited.model, mona)
    assert queries.pending_work.findings_to_run() == []
    finding = finding_of(audited, "counterfactual")
    run_finding_task(finding.pk)  # begun a moment before
    finding.refresh_from_db()
    assert (finding.status, finding.failure) == ("waiting", "")


@pytest.fixture
def small(champion, axes) -> Audit:
    """A model without files, audited on two pictures. No process can run it here."""
    rows = store_images(settings.AUDIT_IMAGES_DIR, 2)
    predicted = [
        Predicted(
            sha256=row.sha256,
            cluster=row.cluster,
            expected=row.label,
            groups=row.groups,
            scores={name: float(name == row.label) for name in LABELS},
        )
        for row in rows
    ]
    return finished_audit(champion, set_of(rows), predicted)


def waiting(audit: Audit, kind: str = "slices", status: str = "waiting", **fields) -> Finding:
    return Finding.objects.create(audit=audit, kind=kind, status=status, **fields)


def fresh(finding: Finding) -> Finding:
    return Finding.objects.select_related("audit").get(pk=finding.pk)


@pytest.fixture
def process(monkeypatch):
    """Processes that end with figures; `during` happens while one runs."""

    def make(during=lambda listen: None) -> list[list[str]]:
        runs = []

        def run(arguments, *, log, listen, limit_seconds):
            runs.append(arguments)
            during(listen)
            (log.parent / "figures.json").write_text(json.dumps(FIGURES))

        monkeypatch.setattr(training_process, "run", run)
        return runs

    return make


def test_findings_of_finished_public_audits_are_requested(small) -> None:
    findings.request_missing()
    Finding.objects.filter(kind="int8").delete()
    created = set(Finding.objects.values_list("pk", flat=True))
    findings.request_missing()
    assert Finding.objects.exclude(pk__in=created).get().kind == "int8"
    assert Finding.objects.count() == 4
    Finding.objects.all().delete()
    Audit.objects.update(status="waiting")  # its answers are lost
    findings.request_missing()
    assert not Finding.objects.exists()
    Audit.objects.update(status="done")
    AuditSet.objects.update(confirmation=True)
    findings.request_missing()
    assert not Finding.objects.exists()


def test_one_failed_finding_is_queued_again_as_new(small) -> None:
    finding, other = (
        waiting(small, kind, "failed", failure="No disk.", progress={"stage": "clustering"})
        for kind in ("slices", "int8")
    )
    findings.retry_finding(finding=finding)
    queued = fresh(finding)
    assert (queued.status, queued.failure, queued.progress) == ("waiting", "", {})
    assert (fresh(other).status, fresh(other).failure) == ("failed", "No disk.")
    with pytest.raises(WrongState, match="waiting"):  # it shows the status of now
        findings.retry_finding(finding=finding)


def test_a_finding_runs_once_shows_that_it_does_and_ends_with_figures(small, process) -> None:
    finding, other = waiting(small), waiting(small, "int8")
    elsewhere = waiting(small, "published", "running", progress={"stage": "judging"})

    def during(listen):
        running = fresh(finding)
        assert (running.status, running.progress) == ("running", {"stage": "starting"})
        assert running.heartbeat_at
        findings.run(pk=finding.pk)  # a second worker does nothing
        Finding.objects.update(heartbeat_at=None)
        assert listen({"stage": "clustering", "done": 1})
        assert fresh(finding).progress == {"stage": "clustering", "done": 1}
        assert fresh(finding).heartbeat_at
        Finding.objects.update(heartbeat_at=None)
        assert listen({"pid": 5})
        assert fresh(finding).progress == {"stage": "clustering", "done": 1}
        assert fresh(finding).heartbeat_at

    runs = process(during)
    findings.run(pk=finding.pk)
    finding.refresh_from_db()
    assert (finding.status, finding.failure, finding.figures) == ("done", "", FIGURES)
    assert timezone.now() - finding.finished_at < audits.LOST_AFTER
    assert (fresh(other).status, fresh(other).progress) == ("waiting", {})
    still = fresh(elsewhere)
    assert (still.status, still.figures, still.heartbeat_at) == ("running", None, None)
    assert still.progress == {"stage": "judging"}
    findings.run(pk=finding.pk)
    assert len(runs) == 1
    assert not LedgerEntry.objects.filter(kind="export").exists()


def test_a_worker_that_wakes_after_it_was_thought_lost_writes_nothing(small, process) -> None:
    finding = waiting(small, "int8")

    def during(listen):
        findings.resume_lost()
        assert fresh(finding).status == "running"  # it has just begun
        Finding.objects.update(heartbeat_at=timezone.now() - 2 * audits.LOST_AFTER)
        assert findings.resume_lost() == 1
        assert not listen({"stage": "clustering"})

    process(during)
    findings.run(pk=finding.pk)
    queued = fresh(finding)
    assert (queued.status, queued.progress, queued.figures) == ("waiting", {}, None)
    assert not LedgerEntry.objects.filter(kind="export").exists()


@pytest.mark.parametrize("status", ["waiting", "done", "failed"])
def test_only_a_running_finding_can_be_lost(small, status) -> None:
    done = {"figures": {}, "finished_at": timezone.now()} if status == "done" else {}
    long_ago = timezone.now() - 2 * audits.LOST_AFTER
    finding = waiting(small, status=status, heartbeat_at=long_ago, **done)
    assert findings.resume_lost() == 0
    assert fresh(finding).status == status


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (training_process.ProcessFailed("No image."), "No image."),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    ],
)
def test_a_finding_that_breaks_says_why_and_leaves_no_dataset(
    small, process, error, failure
) -> None:
    finding, elsewhere = waiting(small), waiting(small, "int8", "running")

    def during(listen):
        (finding.folder / "dataset").mkdir()
        raise error

    process(during)
    with contextlib.suppress(ZeroDivisionError):
        findings.run(pk=finding.pk)
        assert isinstance(error, training_process.ProcessFailed)
    assert (fresh(finding).status, fresh(finding).failure) == ("failed", failure)
    assert (fresh(elsewhere).status, fresh(elsewhere).failure) == ("running", "")
    assert not (finding.folder / "dataset").exists()


def test_a_finding_stops_for_a_retrain_and_waits(small, process, mona) -> None:
    finding = waiting(small)

    def during(listen):
        approve_retrain(small.model, mona)
        assert not listen({"stage": "clustering"})
        raise training_process.ProcessFailed("It was cancelled.")

    process(during)
    findings.run(pk=finding.pk)
    queued = fresh(finding)
    assert (queued.status, queued.failure, queued.progress) == ("waiting", "", {})
    Retrain.objects.update(status="proposed", approved_at=None, approved_by=None)
    goes_on = []
    process(lambda listen: goes_on.append(listen({"pid": 5})))
    findings.run(pk=finding.pk)
    assert goes_on == [True]  # a retrain that nobody has approved needs no worker
    assert fresh(finding).status == "done"


def test_the_verdict_on_an_export_is_in_the_ledger(small, process) -> None:
    finding = waiting(small, "int8")
    process()
    findings.run(pk=finding.pk)
    entry = LedgerEntry.objects.get(kind="export")
    assert (entry.facts["verdict"], entry.facts["export_sha256"]) == ("pass", "8" * 64)


@pytest.mark.parametrize(
    ("kind", "verb"),
    [
        ("slices", "slices"),
        ("published", "compare-models"),
        ("counterfactual", "counterfactual"),
        ("int8", "export"),
    ],
)
def test_a_process_is_given_the_files_of_its_audit(small, process, settings, kind, verb) -> None:
    settings.COUNTERFACTUAL_IMAGES = 7
    create_first_dataset(seeds=[100])
    finding = waiting(small, kind)
    seen = {}

    def during(listen):
        options = modeltrain.parser().parse_args(runs[0])
        predicted = evaluate.read_answers(options.predictions)
        assert {prediction.sha256 for prediction in predicted} == audited
        if verb == "export":
            rows = dataset.load(options.dataset).rows
            seen["splits"] = sorted((row.split, row.label) for row in rows)
        else:
            seen["images"] = set(json.loads(options.images.read_text()))
        seen["options"] = vars(options)

    audited = {row.sha256 for row in manifest.read(small.audit_set.manifest)}
    runs = process(during)
    (finding.folder / "dataset").mkdir(parents=True)
    (finding.folder / "dataset" / "manifest.jsonl").touch()  # of a worker that was lost
    findings.run(pk=finding.pk)

    assert fresh(finding).failure == ""
    options = seen["options"]
    assert (options["verb"], options["artifact"]) == (verb, small.model.folder)
    assert options["out"] == finding.folder / "figures.json"
    if verb == "export":
        assert seen["splits"] == [
            ("audit", "drawings"),
            ("audit", "drawings"),
            ("train", "neutral"),
        ]
        assert options["artifacts"] == settings.ARTIFACTS_DIR
    else:
        assert (options["manifest"], seen["images"]) == (small.audit_set.manifest, audited)
    if verb == "slices":
        assert options["cache"] == settings.FEATURES_DIR
    if verb == "compare-models":
        assert options["package"] == settings.PUBLISHED_PACKAGE
        assert options["artifacts"] == finding.folder / "artifacts"
    if verb == "counterfactual":
        assert (options["own_sets"], options["changes_on"]) == (True, 7)


# A mutant of `findings` that survives changes nothing: `request_missing` with audits that have
# their findings. `get_or_create` leaves these alone.
