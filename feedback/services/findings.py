"""Look for more than rates in the model in service, as a job people can watch."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from feedback import queries
from feedback.errors import WrongState
from feedback.models import Audit, DatasetVersion, Finding, ModelVersion, Retrain
from feedback.services import audits, ledger, manifests, training_process
from modeltrain.data import dataset, manifest
from modeltrain.labels import LABELS

Kind, Status = Finding.Kind, Finding.Status
DATASET = "dataset"
# Visitors wait for the export: until it is there, their browsers load four times as much.
FIRST_TO_LAST = sorted(Kind, key=lambda kind: kind != Kind.INT8)


def request_missing() -> None:
    """Ask for every kind, for each finished audit of the model in service. Once asked is enough."""
    done = Audit.objects.filter(
        status=Audit.Status.DONE, model__status=ModelVersion.Status.CHAMPION
    )
    for kind in FIRST_TO_LAST:
        for audit in done.exclude(findings__kind=kind):
            Finding.objects.get_or_create(audit=audit, kind=kind)


def try_again(*, finding: Finding) -> None:
    """A failed one waits for a person: what failed once fails again until something is mended."""
    failed = Finding.objects.filter(pk=finding.pk, status=Status.FAILED)
    if not failed.update(status=Status.WAITING, failure="", progress={}):
        finding.refresh_from_db()
        raise WrongState(
            rule="What failed can be tried again.",
            received=f"{finding}, {finding.status}",
            remedy="Open its page to see where it stands.",
        )


def run(*, pk: int) -> None:
    """Run the verb of its kind in a process of its own; keep what came of it."""
    waiting = Finding.objects.filter(pk=pk, status=Status.WAITING)
    if not waiting.update(
        status=Status.RUNNING, heartbeat_at=timezone.now(), progress={"stage": "starting"}
    ):
        return  # another worker got there first
    finding = Finding.objects.select_related("audit__model", "audit__audit_set").get(pk=pk)
    running = Finding.objects.filter(pk=pk, status=Status.RUNNING)

    def listen(message: Mapping[str, Any]) -> bool:
        changed: dict[str, Any] = {"heartbeat_at": timezone.now()}
        if "stage" in message:
            changed["progress"] = dict(message)
        return bool(running.update(**changed)) and not _retrain_waits()

    try:
        training_process.run(
            _arguments(finding),
            log=finding.folder / "process.log",
            listen=listen,
            limit_seconds=settings.FINDING_SECONDS,
        )
        _keep(finding)
    except training_process.ProcessFailed as failure:
        if _retrain_waits():
            running.update(status=Status.WAITING, progress={})
        else:
            running.update(status=Status.FAILED, failure=str(failure))
    except Exception as problem:
        running.update(status=Status.FAILED, failure=f"{type(problem).__name__}: {problem}")
        raise
    finally:
        # It names reported images, which may be withdrawn.
        shutil.rmtree(finding.folder / DATASET, ignore_errors=True)


def _keep(finding: Finding) -> None:
    with transaction.atomic():
        if not Finding.objects.filter(pk=finding.pk, status=Status.RUNNING).update(
            status=Status.DONE,
            figures=json.loads((finding.folder / "found.json").read_text()),
            finished_at=timezone.now(),
        ):
            return  # it was taken for lost, and is looked for again
        finding.refresh_from_db()
        if finding.kind == Kind.INT8:
            ledger.export(finding)


def _retrain_waits() -> bool:
    """A retrain needs the same worker, and people wait for it: this begins again after it."""
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
        f"--out={folder / 'found.json'}",
    ]
    if finding.kind == Kind.SLICES:
        return ["slices", *common, f"--cache={settings.FEATURES_DIR}"]
    return [
        "counterfactual",
        *common,
        "--own-sets",
        f"--changes-on={settings.COUNTERFACTUAL_IMAGES}",
    ]


def _export_arguments(audit: Audit, folder: Path) -> list[str]:
    """Measure ranges on the newest dataset's images, and compare on the audit set's."""
    from modeltrain.audit import columns

    newest = DatasetVersion.objects.first()
    learnt = manifests.existing_rows(manifest.read(newest.manifest)) if newest else []
    rows = [row for row in learnt if row.split == "train"]
    # Read once: whatever is named meanwhile, both models are judged by the same groups.
    slices = queries.audits.slice_groups(audit.audit_set)
    rows += [replace(row, split="audit") for row in audits.rows_of(audit.audit_set, slices)]
    shutil.rmtree(folder / DATASET, ignore_errors=True)
    images = {row.sha256: manifests.image_path(row.sha256) for row in rows}
    dataset.write(folder / DATASET, labels=LABELS, rows=rows, images=images)
    columns.write(folder / "answers.npz", audits.answers_of(audit, slices))
    return [
        "export",
        f"--artifact={audit.model.folder}",
        f"--dataset={folder / DATASET}",
        f"--artifacts={settings.ARTIFACTS_DIR}",
        f"--predictions={folder / 'answers.npz'}",
        f"--out={folder / 'found.json'}",
    ]


def fail_lost() -> int:
    """A running one without a heartbeat has lost its worker; let it be tried again."""
    return Finding.objects.filter(
        status=Status.RUNNING, heartbeat_at__lt=timezone.now() - audits.LOST_AFTER
    ).update(status=Status.WAITING, progress={})
