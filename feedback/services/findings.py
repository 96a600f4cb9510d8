"""Analyse audited models beyond their rates: counterfactuals, slices, exports and other models."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from feedback import queries
from feedback.errors import WrongState
from feedback.models import Audit, DatasetVersion, Finding, ModelVersion, Retrain
from feedback.services import audits, ledger, manifests, training_process
from modeltrain.data import dataset, manifest
from modeltrain.labels import LABELS

Kind, Status = Finding.Kind, Finding.Status
DATASET = "dataset"
# Visitors wait for the export: without it their browsers load four times as much. Nobody waits for
# the other published models.
BY_PRIORITY = (Kind.INT8, Kind.COUNTERFACTUAL, Kind.SLICES, Kind.PUBLISHED)


def request_missing() -> None:
    """Create the missing findings of every finished audit of the model in service."""
    finished = queries.audits.public_audits().filter(
        status=Audit.Status.DONE, model__status=ModelVersion.Status.CHAMPION
    )
    installed = settings.PUBLISHED_PACKAGE.is_dir()
    for kind in BY_PRIORITY if installed else BY_PRIORITY[:-1]:
        for audit in finished.exclude(findings__kind=kind):
            Finding.objects.get_or_create(audit=audit, kind=kind)


def retry_finding(*, finding: Finding) -> None:
    """Queue a failed finding again. Nothing does so by itself: its cause must be fixed first."""
    failed = Finding.objects.filter(pk=finding.pk, status=Status.FAILED)
    if not failed.update(status=Status.WAITING, failure="", progress={}):
        finding.refresh_from_db()
        raise WrongState(
            rule="What failed can be tried again.",
            received=f"{finding}, {finding.status}",
            remedy="Open its page to see where it stands.",
        )


def run(*, pk: int) -> None:
    """Run the verb for this kind of finding in a process of its own, and store the result."""
    waiting = Finding.objects.filter(pk=pk, status=Status.WAITING)
    if not waiting.update(
        status=Status.RUNNING, heartbeat_at=Now(), progress={"stage": "starting"}
    ):
        return  # another worker got there first
    finding = Finding.objects.select_related("audit__model", "audit__audit_set").get(pk=pk)
    running = Finding.objects.filter(pk=pk, status=Status.RUNNING)

    def listen(message: Mapping[str, Any]) -> bool:
        changed: dict[str, Any] = {"heartbeat_at": Now()}
        if "stage" in message:
            changed["progress"] = dict(message)
        return bool(running.update(**changed)) and not _retrain_is_waiting()

    try:
        training_process.run(
            _arguments(finding),
            log=finding.folder / "process.log",
            listen=listen,
            limit_seconds=settings.FINDING_SECONDS,
        )
        _store_result(finding)
    except training_process.ProcessFailed as failure:
        if _retrain_is_waiting():
            running.update(status=Status.WAITING, progress={})
        else:
            running.update(status=Status.FAILED, failure=str(failure))
    except Exception as error:
        running.update(status=Status.FAILED, failure=f"{type(error).__name__}: {error}")
        raise
    finally:
        # The dataset names reported images, and their reports may be withdrawn.
        shutil.rmtree(finding.folder / DATASET, ignore_errors=True)


def _store_result(finding: Finding) -> None:
    with transaction.atomic():
        if not Finding.objects.filter(pk=finding.pk, status=Status.RUNNING).update(
            status=Status.DONE,
            figures=json.loads((finding.folder / "figures.json").read_text()),
            finished_at=timezone.now(),
        ):
            return  # it was considered lost and is queued again
        finding.refresh_from_db()
        if finding.kind == Kind.INT8:
            ledger.record_export(finding)


def _retrain_is_waiting() -> bool:
    """Whether a retrain needs this worker. People wait for it, so a finding restarts after it."""
    return Retrain.objects.filter(status=Retrain.Status.APPROVED).exists()


def _arguments(finding: Finding) -> list[str]:
    audit, folder = finding.audit, finding.folder
    folder.mkdir(parents=True, exist_ok=True)
    if finding.kind == Kind.INT8:
        return _export_arguments(audit, folder)
    manifests.write_image_index(manifest.read(audit.audit_set.manifest), folder / "images.json")
    common = [
        f"--artifact={audit.model.folder}",
        f"--manifest={audit.audit_set.manifest}",
        f"--images={folder / 'images.json'}",
        f"--predictions={audit.predictions}",
        f"--out={folder / 'figures.json'}",
    ]
    if finding.kind == Kind.SLICES:
        return ["slices", *common, f"--cache={settings.FEATURES_DIR}"]
    if finding.kind == Kind.PUBLISHED:
        return [
            "compare-models",
            *common,
            f"--package={settings.PUBLISHED_PACKAGE}",
            f"--artifacts={folder / 'artifacts'}",
        ]
    return [
        "counterfactual",
        *common,
        "--own-sets",
        f"--changes-on={settings.COUNTERFACTUAL_IMAGES}",
    ]


def _export_arguments(audit: Audit, folder: Path) -> list[str]:
    """Calibrate on the newest dataset's training images, and compare on the audit set's images."""
    from modeltrain.audit import columns

    newest = DatasetVersion.objects.first()
    existing = manifests.existing_rows(manifest.read(newest.manifest)) if newest else []
    rows = [row for row in existing if row.split == "train"]
    # Read only once: both models must be judged by the same groups, even if a slice is named now.
    slices = queries.audits.slice_groups(audit.audit_set)
    rows += [replace(row, split="audit") for row in audits.rows_of(audit.audit_set, slices)]
    shutil.rmtree(folder / DATASET, ignore_errors=True)
    images = {row.sha256: manifests.image_path(row.sha256) for row in rows}
    dataset.write(folder / DATASET, labels=LABELS, rows=rows, images=images)
    columns.write(folder / "answers.npz", audits.predictions_of(audit, slices))
    return [
        "export",
        f"--artifact={audit.model.folder}",
        f"--dataset={folder / DATASET}",
        f"--artifacts={settings.ARTIFACTS_DIR}",
        f"--predictions={folder / 'answers.npz'}",
        f"--out={folder / 'figures.json'}",
    ]


def resume_lost() -> int:
    """Put running findings whose heartbeat stopped back in the queue: their worker is lost."""
    return Finding.objects.filter(
        status=Status.RUNNING, heartbeat_at__lt=Now() - audits.LOST_AFTER
    ).update(status=Status.WAITING, progress={})
